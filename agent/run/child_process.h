#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/control/record_line.h"

namespace feedfarm {

// How a process ended.
struct ProcessExit {
  bool by_signal = false;
  int number = 0;  // signal or exit code

  bool clean() const { return !by_signal && number == 0; }
  // "exit code 3", "signal 11 (Segmentation fault)".
  std::string ToString() const;
};

// One child of the agent (feedfarm-handler, feedfarm-profile) and its control socket. Nothing here blocks but Spawn
// (until exec) and the destructor (until the killed child is reaped). One thread owns it, and that thread must live as
// long: the kernel kills the child when the thread that made it ends (PR_SET_PDEATHSIG). The child also ends when the
// control socket closes.
//
// Invariants: the child is in its cgroup before its first instruction; it inherits no descriptor but stdin (/dev/null),
// stdout and stderr (the log), the control socket and its account where there is one; it is reaped exactly once.
class ChildProcess {
 public:
  struct Options {
    std::string path;
    // Without the program's name; --control-fd is added, and --account-fd where there is one.
    std::vector<std::string> arguments;
    // Takes stdout and stderr, appended.
    std::string log_path;
    // A cgroup v2 folder to start in, -1 = the agent's own.
    int cgroup_fd = -1;
    // Memory for its AccountPage, -1 = none.
    int account_fd = -1;
  };

  // Errno of the failed call; NOT_FOUND, PERMISSION_DENIED: the program cannot be executed.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Spawn(const Options& options);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Readable when lines are there; at the end of them too.
  int control_fd() const { return control_.get(); }
  // Readable when the process has ended.
  int exit_fd() const { return pid_fd_.get(); }
  pid_t pid() const { return pid_; }

  // Takes what is in the socket, at most a megabyte a call. OK also at its end (see closed). RESOURCE_EXHAUSTED: a line
  // is too long; otherwise errno.
  absl::Status Receive();
  // The next whole line, see RecordLineReader.
  std::optional<absl::StatusOr<RecordLine>> Next() { return reader_.Next(); }
  // The child has closed its end and everything of it was received.
  bool closed() const { return closed_; }

  // UNAVAILABLE: the child does not read, or is gone.
  absl::Status Send(const RecordLine& line);

  // To the process alone; nothing where it was reaped.
  void Signal(int signal);
  // SIGKILL to its process group. What left the group is the cgroup's to kill.
  void Kill();

  // How it ended, the same on every call; nothing while it lives.
  std::optional<ProcessExit> TryReap();

 private:
  ChildProcess() = default;

  pid_t pid_ = -1;
  ScopedFd pid_fd_;
  ScopedFd control_;
  RecordLineReader reader_;
  bool closed_ = false;
  std::optional<ProcessExit> exit_;
};

// Sleeps until `wake_fd` is readable, the child (null = none) says something or ends, or CLOCK_MONOTONIC reaches
// `until_ns`; a second at most. `deaf`: what it says is not waited for.
void AwaitChild(int wake_fd, const ChildProcess* child, bool deaf, uint64_t until_ns);

}  // namespace feedfarm
