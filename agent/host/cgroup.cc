#include "agent/host/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <glog/logging.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "agent/files/durable_file.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

// Our parent folder may be removed by another agent between making it and making the group in it.
constexpr int kMakeTries = 8;
// Without cgroup.kill: rounds of signals, as processes may fork between reading the list and the signal.
constexpr int kSignalRounds = 1000;
// cgroup.events tells of a change at once; this only bounds a change missed between reading and polling.
constexpr uint64_t kPollMs = 20;
constexpr uint64_t kNsPerMs = 1'000'000;

absl::Status CheckName(const std::string& name) {
  const bool legal = !name.empty() && name[0] != '.' && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '_' || c == '-';
  });
  if (legal) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("cgroup name '", name, "'"));
}

absl::StatusOr<std::string> ParentPath(const CgroupOptions& options) {
  FEEDFARM_ASSIGN_OR_RETURN(const std::string mounts, ReadWholeFile(options.mounts));
  FEEDFARM_ASSIGN_OR_RETURN(const std::string root, CgroupMountPoint(mounts));
  return absl::StrCat(root, "/", options.parent);
}

absl::StatusOr<ScopedFd> OpenFolder(const std::string& path) {
  ScopedFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  return fd;
}

absl::Status WriteTo(int folder, const char* file, const std::string& text) {
  ScopedFd fd(::openat(folder, file, O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", file));
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return ErrnoStatus(absl::StrCat("write ", text, " to ", file));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadFrom(int folder, const char* file) {
  ScopedFd fd(::openat(folder, file, O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", file));
  std::string content;
  char part[4096];
  for (;;) {
    const ssize_t got = ::read(fd.get(), part, sizeof part);
    if (got < 0) return ErrnoStatus(absl::StrCat("read ", file));
    if (got == 0) return content;
    content.append(part, static_cast<size_t>(got));
  }
}

absl::StatusOr<std::vector<pid_t>> ReadProcesses(int folder) {
  FEEDFARM_ASSIGN_OR_RETURN(const std::string text, ReadFrom(folder, "cgroup.procs"));
  std::vector<pid_t> processes;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    pid_t pid = 0;
    // 0 stands for a process of another pid namespace: not ours to signal.
    if (absl::SimpleAtoi(line, &pid) && pid > 0) processes.push_back(pid);
  }
  return processes;
}

// Before Linux 5.14.
absl::Status KillBySignals(int folder) {
  for (int round = 0; round < kSignalRounds; ++round) {
    FEEDFARM_ASSIGN_OR_RETURN(const std::vector<pid_t> processes, ReadProcesses(folder));
    if (processes.empty()) break;
    for (const pid_t pid : processes) ::kill(pid, SIGKILL);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Populated(int folder) {
  FEEDFARM_ASSIGN_OR_RETURN(const std::string events, ReadFrom(folder, "cgroup.events"));
  return events.find("populated 1") != std::string::npos;
}

absl::Status MakeGroup(const std::string& parent, const std::string& path) {
  for (int tries = 0;; ++tries) {
    if (::mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST) return ErrnoStatus(absl::StrCat("mkdir ", parent));
    if (::mkdir(path.c_str(), 0755) == 0) return absl::OkStatus();
    if (errno != ENOENT || tries >= kMakeTries) return ErrnoStatus(absl::StrCat("mkdir ", path));
  }
}

}  // namespace

absl::StatusOr<std::string> CgroupMountPoint(std::string_view mounts) {
  for (absl::string_view line : absl::StrSplit(absl::string_view(mounts.data(), mounts.size()), '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ');
    if (fields.size() >= 3 && fields[2] == "cgroup2") return std::string(fields[1]);
  }
  return absl::NotFoundError("no cgroup v2 tree is mounted");
}

absl::StatusOr<Cgroup> Cgroup::Create(std::string name, const CgroupOptions& options) {
  FEEDFARM_RETURN_IF_ERROR(CheckName(name));
  FEEDFARM_ASSIGN_OR_RETURN(std::string parent, ParentPath(options));
  const std::string path = absl::StrCat(parent, "/", name);
  FEEDFARM_RETURN_IF_ERROR(MakeGroup(parent, path));
  auto folder = OpenFolder(path);
  if (!folder.ok()) {
    ::rmdir(path.c_str());
    return folder.status();
  }
  return Cgroup(std::move(name), std::move(parent), *std::move(folder));
}

Cgroup& Cgroup::operator=(Cgroup&& other) noexcept {
  if (this != &other) {
    if (folder_.valid()) (void)Remove();
    name_ = std::move(other.name_);
    parent_path_ = std::move(other.parent_path_);
    folder_ = std::move(other.folder_);
  }
  return *this;
}

Cgroup::~Cgroup() {
  if (!folder_.valid()) return;
  if (absl::Status status = Remove(); !status.ok()) LOG(ERROR) << "cgroup " << path() << ": " << status;
}

absl::Status Cgroup::MoveIn(pid_t pid) { return WriteTo(folder_.get(), "cgroup.procs", absl::StrCat(pid)); }

absl::StatusOr<std::vector<pid_t>> Cgroup::Processes() const { return ReadProcesses(folder_.get()); }

absl::Status Cgroup::Kill() {
  absl::Status status = WriteTo(folder_.get(), "cgroup.kill", "1");
  return absl::IsNotFound(status) ? KillBySignals(folder_.get()) : status;
}

absl::Status Cgroup::WaitEmpty(uint64_t timeout_ns) {
  const uint64_t until = MonotonicNow() + timeout_ns;
  ScopedFd events(::openat(folder_.get(), "cgroup.events", O_RDONLY | O_CLOEXEC));
  if (!events.valid()) return ErrnoStatus(absl::StrCat("open ", path(), "/cgroup.events"));
  for (;;) {
    FEEDFARM_ASSIGN_OR_RETURN(const bool populated, Populated(folder_.get()));
    if (!populated) return absl::OkStatus();
    const uint64_t now = MonotonicNow();
    if (now >= until) return absl::DeadlineExceededError(absl::StrCat("cgroup ", path(), " still has processes"));
    pollfd change{.fd = events.get(), .events = POLLPRI, .revents = 0};
    ::poll(&change, 1, static_cast<int>(std::min(kPollMs, (until - now) / kNsPerMs + 1)));
  }
}

absl::Status Cgroup::Renew(uint64_t timeout_ns) {
  FEEDFARM_RETURN_IF_ERROR(Remove(timeout_ns));
  FEEDFARM_RETURN_IF_ERROR(MakeGroup(parent_path_, path()));
  FEEDFARM_ASSIGN_OR_RETURN(folder_, OpenFolder(path()));
  return absl::OkStatus();
}

absl::Status Cgroup::Remove(uint64_t timeout_ns) {
  if (!folder_.valid()) return absl::OkStatus();
  if (::access(path().c_str(), F_OK) == 0) {
    FEEDFARM_RETURN_IF_ERROR(Kill());
    FEEDFARM_RETURN_IF_ERROR(WaitEmpty(timeout_ns));
    if (::rmdir(path().c_str()) != 0 && errno != ENOENT) return ErrnoStatus(absl::StrCat("rmdir ", path()));
  }
  ::rmdir(parent_path_.c_str());  // stays where it holds other groups
  folder_.Reset();
  return absl::OkStatus();
}

absl::Status Cgroup::Reclaim(const std::string& name, const CgroupOptions& options) {
  FEEDFARM_RETURN_IF_ERROR(CheckName(name));
  FEEDFARM_ASSIGN_OR_RETURN(std::string parent, ParentPath(options));
  auto folder = OpenFolder(absl::StrCat(parent, "/", name));
  if (absl::IsNotFound(folder.status())) return absl::OkStatus();
  if (!folder.ok()) return folder.status();
  return Cgroup(name, std::move(parent), *std::move(folder)).Remove();
}

absl::StatusOr<std::vector<std::string>> Cgroup::List(const CgroupOptions& options) {
  FEEDFARM_ASSIGN_OR_RETURN(const std::string parent, ParentPath(options));
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(parent.c_str()), ::closedir);
  std::vector<std::string> names;
  if (!folder) {
    if (errno == ENOENT) return names;
    return ErrnoStatus(absl::StrCat("open ", parent));
  }
  while (const dirent* entry = ::readdir(folder.get())) {
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::vector<pid_t>> Cgroup::ProcessesOf(const std::string& name, const CgroupOptions& options) {
  FEEDFARM_RETURN_IF_ERROR(CheckName(name));
  FEEDFARM_ASSIGN_OR_RETURN(const std::string parent, ParentPath(options));
  auto folder = OpenFolder(absl::StrCat(parent, "/", name));
  if (absl::IsNotFound(folder.status())) return std::vector<pid_t>();
  if (!folder.ok()) return folder.status();
  return ReadProcesses(folder->get());
}

}  // namespace feedfarm
