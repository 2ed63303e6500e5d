#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/control/record_line.h"

namespace feedfarm {

// The handler's end of the control socket: records out, commands in. One thread owns it. Say blocks while the agent is
// slow; the hot thread is never near it.
class ControlChannel {
 public:
  // -1: records go to stdout, nothing is read.
  explicit ControlChannel(int fd);

  // Readable where a command may be there; -1 = never.
  int read_fd() const { return fd_.get(); }

  // The agent is gone: Say or Read found so.
  bool closed() const { return closed_; }

  // UNAVAILABLE: the agent is gone.
  absl::Status Say(const RecordLine& line);

  // Takes what is in the socket without blocking. UNAVAILABLE: the agent is gone. RESOURCE_EXHAUSTED: endless line.
  absl::Status Read();

  // The next whole command, see RecordLineReader.
  std::optional<absl::StatusOr<RecordLine>> Next() { return reader_.Next(); }

 private:
  absl::Status Closed();

  ScopedFd fd_;
  bool closed_ = false;
  RecordLineReader reader_;
};

}  // namespace feedfarm
