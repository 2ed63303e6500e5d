#include "agent/run/child_process.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

// Where the child finds its control socket.
constexpr int kControlFd = 3;
// Its account.
constexpr int kAccountFd = 4;
// Where it reports a failed exec until then; closed by a successful one.
constexpr int kExecFd = 5;
constexpr size_t kReceiveBytesMax = 1 << 20;
// Without anything to wait for, its thread still looks this often.
constexpr uint64_t kIdleNs = 1'000'000'000;

// What the child needs, made before it exists: between clone and exec it may only make system calls.
struct ChildPlan {
  const char* path;
  char* const* argv;
  int log_fd;
  int null_fd;
  int control_fd;
  int account_fd;  // -1 = none
  int exec_fd;
  pid_t parent;
};

// Duplicates above every number that the child is going to use, so that no dup2 below overwrites a source.
int Lift(int fd) { return ::fcntl(fd, F_DUPFD, 10); }

[[noreturn]] void RunChild(const ChildPlan& plan) {
  const int exec_fd = Lift(plan.exec_fd);
  const int control_fd = Lift(plan.control_fd);
  const int account_fd = Lift(plan.account_fd);
  const int log_fd = Lift(plan.log_fd);
  const int null_fd = Lift(plan.null_fd);
  sigset_t none;
  sigemptyset(&none);
  bool ok = ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::setpgid(0, 0) == 0;
  ok = ok && ::dup2(null_fd, 0) == 0 && ::dup2(log_fd, 1) == 1 && ::dup2(log_fd, 2) == 2;
  ok = ok && ::dup2(control_fd, kControlFd) == kControlFd && ::dup2(exec_fd, kExecFd) == kExecFd;
  if (plan.account_fd < 0) {
    ::close(kAccountFd);
  } else {
    ok = ok && ::dup2(account_fd, kAccountFd) == kAccountFd;
  }
  ok = ok && ::fcntl(kExecFd, F_SETFD, FD_CLOEXEC) == 0;
  ok = ok && ::syscall(SYS_close_range, kExecFd + 1, ~0U, 0) == 0;
  for (int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::signal(signal, SIG_DFL);
  ok = ok && ::sigprocmask(SIG_SETMASK, &none, nullptr) == 0;
  // The parent may have gone before PDEATHSIG was set.
  if (::getppid() != plan.parent) ::_exit(127);
  if (ok) ::execv(plan.path, plan.argv);
  const int error = errno;
  [[maybe_unused]] ssize_t written = ::write(kExecFd, &error, sizeof error);
  ::_exit(127);
}

// fork() into a cgroup, with a pidfd.
pid_t Clone(int cgroup_fd, int* pid_fd) {
  clone_args args{};
  args.flags = CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uint64_t>(pid_fd);
  args.exit_signal = SIGCHLD;
  if (cgroup_fd >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(cgroup_fd);
  }
  return static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
}

// Errno of the child's exec; 0 = it runs.
int WaitForExec(int read_fd) {
  int error = 0;
  ssize_t got;
  do {
    got = ::read(read_fd, &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  return got == sizeof error ? error : 0;
}

}  // namespace

std::string ProcessExit::ToString() const {
  if (by_signal) return absl::StrFormat("signal %d (%s)", number, ::strsignal(number));
  return absl::StrCat("exit code ", number);
}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Spawn(const Options& options) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return ErrnoStatus("socketpair for a child");
  std::unique_ptr<ChildProcess> process(new ChildProcess());
  process->control_ = ScopedFd(ends[0]);
  ScopedFd child_end(ends[1]);
  if (::pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus("pipe for a child");
  ScopedFd exec_read(ends[0]);
  ScopedFd exec_write(ends[1]);
  ScopedFd log(::open(options.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log.valid()) return ErrnoStatus(absl::StrCat("open ", options.log_path));
  ScopedFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null.valid()) return ErrnoStatus("open /dev/null");

  std::vector<std::string> words = {options.path};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  words.push_back("--control-fd");
  words.push_back(absl::StrCat(kControlFd));
  if (options.account_fd >= 0) {
    words.push_back("--account-fd");
    words.push_back(absl::StrCat(kAccountFd));
  }
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  const ChildPlan plan{options.path.c_str(), argv.data(),        log.get(),        null.get(),
                       child_end.get(),      options.account_fd, exec_write.get(), ::getpid()};
  int pid_fd = -1;
  const pid_t pid = Clone(options.cgroup_fd, &pid_fd);
  if (pid == 0) RunChild(plan);
  if (pid < 0) return ErrnoStatus("clone a child");
  process->pid_ = pid;
  process->pid_fd_ = ScopedFd(pid_fd);
  exec_write.Reset();
  child_end.Reset();
  if (const int error = WaitForExec(exec_read.get()); error != 0) {
    return ErrnoStatus(absl::StrCat("execute ", options.path), error);
  }
  ::fcntl(process->control_.get(), F_SETFL, O_NONBLOCK);
  return process;
}

ChildProcess::~ChildProcess() {
  if (pid_ < 0 || exit_.has_value()) return;
  Kill();
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0 && errno == EINTR) {
  }
}

absl::Status ChildProcess::Receive() {
  char part[65536];
  for (size_t taken = 0; taken < kReceiveBytesMax && !closed_;) {
    const ssize_t got = ::recv(control_.get(), part, sizeof part, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return absl::OkStatus();
    if (got < 0 && errno != ECONNRESET) return ErrnoStatus("read from the child");
    closed_ = got <= 0;
    if (closed_) return absl::OkStatus();
    FEEDFARM_RETURN_IF_ERROR(reader_.Append(std::string_view(part, static_cast<size_t>(got))));
    taken += static_cast<size_t>(got);
  }
  return absl::OkStatus();
}

absl::Status ChildProcess::Send(const RecordLine& line) {
  const std::string text = line.Encode() + "\n";
  const ssize_t sent = ::send(control_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(text.size())) return absl::OkStatus();
  const std::string why = sent < 0 ? ::strerror(errno) : "its socket is full";
  return absl::UnavailableError(absl::StrCat("'", line.kind(), "' to the child: ", why));
}

void ChildProcess::Signal(int signal) {
  if (pid_ < 0 || exit_.has_value()) return;
  ::syscall(SYS_pidfd_send_signal, pid_fd_.get(), signal, nullptr, 0);
}

void ChildProcess::Kill() {
  if (pid_ < 0 || exit_.has_value()) return;
  // Not reaped, so neither the process's nor the group's number can be another's.
  ::kill(-pid_, SIGKILL);
  Signal(SIGKILL);
}

std::optional<ProcessExit> ChildProcess::TryReap() {
  if (exit_.has_value() || pid_ < 0) return exit_;
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG) != 0) {
    PCHECK(errno == EINTR) << "waitid " << pid_;
    return exit_;
  }
  if (info.si_pid == 0) return exit_;
  exit_ = ProcessExit{info.si_code != CLD_EXITED, info.si_status};
  return exit_;
}

void AwaitChild(int wake_fd, const ChildProcess* child, bool deaf, uint64_t until_ns) {
  pollfd fds[3] = {{wake_fd, POLLIN, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}};
  if (child != nullptr) {
    fds[1].fd = deaf || child->closed() ? -1 : child->control_fd();
    fds[2].fd = child->exit_fd();
  }
  const uint64_t now_ns = MonotonicNow();
  const uint64_t next_ns = std::min(until_ns, now_ns + kIdleNs);
  const uint64_t left_ns = next_ns > now_ns ? next_ns - now_ns : 0;
  const timespec left = {static_cast<time_t>(left_ns / 1'000'000'000), static_cast<long>(left_ns % 1'000'000'000)};
  ::ppoll(fds, 3, &left, nullptr);
}

}  // namespace feedfarm
