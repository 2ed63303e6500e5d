#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/base/scoped_fd.h"

namespace feedfarm {

// Where the groups are made. The v2 tree is found in the mount table, as it is not at the same place everywhere.
struct CgroupOptions {
  std::string mounts = "/proc/mounts";
  // Folder of all our groups below the tree's root; made when needed, removed with its last group.
  std::string parent = "feedfarm";
};

// A cgroup v2 group for the processes of one run, so that they can all be ended whatever they forked. No controller is
// needed. Destroying it kills what is inside and removes it; a group whose owner died is removed by Reclaim. Any
// thread, one at a time.
class Cgroup {
 public:
  // Longest wait for killed processes to go away.
  static constexpr uint64_t kWaitNs = 5'000'000'000;

  // Makes the group. INVALID_ARGUMENT: `name` is not made of letters, digits, '.', '_', '-', or begins with '.'.
  // ALREADY_EXISTS. NOT_FOUND: no cgroup v2 tree is mounted. Otherwise errno of the failed call.
  static absl::StatusOr<Cgroup> Create(std::string name, const CgroupOptions& options = {});

  Cgroup(Cgroup&&) noexcept = default;
  Cgroup& operator=(Cgroup&& other) noexcept;
  ~Cgroup();

  // Moves a process in; its later children follow.
  absl::Status MoveIn(pid_t pid);
  // The group's folder, for clone3(CLONE_INTO_CGROUP). Owned by this.
  int fd() const { return folder_.get(); }
  const std::string& name() const { return name_; }

  // Processes inside, in no order.
  absl::StatusOr<std::vector<pid_t>> Processes() const;
  // SIGKILL to every process inside, also to ones being forked meanwhile. Does not wait.
  absl::Status Kill();
  // Waits until no process is inside. DEADLINE_EXCEEDED.
  absl::Status WaitEmpty(uint64_t timeout_ns);
  // The same group, made anew: a process that is cloned into a group that was once killed is killed at its birth by kernels
  // that compare the group's count of kills with its parent's group's (6.14 to 6.18 at least). Waits for it to be empty.
  absl::Status Renew(uint64_t timeout_ns = kWaitNs);
  // Kills, waits, removes the folder. OK where it is gone already.
  absl::Status Remove(uint64_t timeout_ns = kWaitNs);

  // Remove() for a group by name, whoever made it: what the undo journal calls. OK where there is none.
  static absl::Status Reclaim(const std::string& name, const CgroupOptions& options = {});
  // Names of our groups that exist, sorted.
  static absl::StatusOr<std::vector<std::string>> List(const CgroupOptions& options = {});
  // Processes in a group by name; none where there is no such group.
  static absl::StatusOr<std::vector<pid_t>> ProcessesOf(const std::string& name, const CgroupOptions& options = {});

 private:
  Cgroup(std::string name, std::string parent_path, ScopedFd folder)
      : name_(std::move(name)), parent_path_(std::move(parent_path)), folder_(std::move(folder)) {}

  std::string path() const { return parent_path_ + "/" + name_; }

  std::string name_;
  std::string parent_path_;
  ScopedFd folder_;  // empty = removed or moved from
};

// Mount point of the cgroup v2 tree in a mount table; NOT_FOUND where there is none.
absl::StatusOr<std::string> CgroupMountPoint(std::string_view mounts);

}  // namespace feedfarm
