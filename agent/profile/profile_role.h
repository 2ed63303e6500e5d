#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "agent/host/cgroup.h"
#include "agent/profile/profile_supervisor.h"
#include "agent/run/child_process.h"
#include "agent/run/role.h"
#include "agent/run/wish_box.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/control/record_line.h"

namespace feedfarm {

// The profile role: feedfarm-profile as a child in a cgroup of its own; its line is the result. One thread of its own
// polls the child and steps the supervisor; it makes, owns and reaps the child.
class ProfileRole final : public Role {
 public:
  // Makes the group with its undo record first; nothing = run without one.
  using GroupMaker = std::function<absl::StatusOr<std::optional<Cgroup>>()>;

  struct Options {
    std::string profile_path;
    // The run's folder: profile.log and the profile's artifacts.
    std::string folder;
    GroupMaker make_group;
  };

  ProfileRole(Options options, RoleContext context);
  ~ProfileRole() override;

  void Prepare(const v1::DesiredRun& run) override;
  void Start(uint64_t start_unix_ns) override;
  void Stop() override;
  void End() override;
  void Describe(v1::ObservedRun* run) const override ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Nothing: the thread is to end.
  using Wish = std::optional<ProfileEvent>;

  // All below: the role's thread only.
  void Run();
  void ReadLines();
  void TakeLine(const RecordLine& line) ABSL_LOCKS_EXCLUDED(mutex_);
  void TakeExit();
  void Step(const ProfileEvent& event);
  void Do(ProfileAction action);
  void NoteDigest() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Spawn();
  void Kill();
  void SayFailed();

  const Options options_;
  const RoleContext context_;
  const std::string log_path_;

  v1::DesiredRun run_;  // set before the thread begins
  ProfileSupervisor supervisor_;
  std::optional<Cgroup> group_;
  std::unique_ptr<ChildProcess> process_;
  bool stream_broken_ = false;  // what it says is no longer read

  WishBox<Wish> wishes_;
  mutable absl::Mutex mutex_;
  v1::ObservedRun published_ ABSL_GUARDED_BY(mutex_);
  absl::Mutex thread_mutex_;
  std::thread thread_ ABSL_GUARDED_BY(thread_mutex_);
};

}  // namespace feedfarm
