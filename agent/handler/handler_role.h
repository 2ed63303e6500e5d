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
#include "agent/handler/handler_account.h"
#include "agent/run/child_process.h"
#include "agent/handler/handler_supervisor.h"
#include "agent/host/cgroup.h"
#include "agent/run/role.h"
#include "agent/run/wish_box.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/control/account_page.h"

namespace feedfarm {

// The handler role: feedfarm-handler as a child in a cgroup of its own, the faults that are the agent's to make (cut by
// command, kill_handler), its lines as telemetry and result. One thread of its own polls the child and steps the
// supervisor; it makes, owns and reaps the child.
class HandlerRole final : public Role {
 public:
  // Makes the group with its undo record first; nothing = run without one.
  using GroupMaker = std::function<absl::StatusOr<std::optional<Cgroup>>()>;

  struct Options {
    std::string handler_path;
    // The run's folder: handler.log, latency.hlog, counters.json.
    std::string folder;
    // Core of the hot thread; -1 = what the coordinator says.
    int cpu = -1;
    GroupMaker make_group;
    HandlerSupervisor::Options supervision;
  };

  HandlerRole(Options options, RoleContext context);
  ~HandlerRole() override;

  void Prepare(const v1::DesiredRun& run) override;
  void Start(uint64_t start_unix_ns) override;
  void Stop() override;
  void End() override;
  void Describe(v1::ObservedRun* run) const override ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // What the other threads want of the role's own.
  struct Wish {
    enum class Kind { kPrepare, kStart, kStop, kEnd } kind;
    uint64_t start_unix_ns = 0;
  };

  // All below: the role's thread only.
  void Run();
  void Grant(const Wish& wish);
  void ReadLines();
  void TakeLine(const RecordLine& line);
  absl::Status TakeRecord(const RecordLine& line);
  void TakeExit();
  void Step(const HandlerEvent& event);
  void StepFor(FeedEventKind kind);
  void Do(HandlerAction action);
  void Spawn(uint64_t first_sequence);
  absl::Status SpawnChild(ChildProcess::Options options);
  void NoteDigest() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status MakeGroup();
  void ArmCuts();
  void Kill();
  void Finish(bool done);
  void FlushEvents();
  void Publish();

  const Options options_;
  const RoleContext context_;

  v1::DesiredRun run_;  // set before the thread begins
  HandlerSupervisor supervisor_;
  HandlerAccount account_;
  std::optional<Cgroup> group_;
  std::unique_ptr<ChildProcess> process_;
  ScopedFd account_memory_;  // of the process that lives or ended last
  uint64_t start_unix_ns_ = 0;
  uint64_t killed_at_ns_ = 0;
  uint64_t killed_unix_ns_ = 0;
  uint64_t spawned_unix_ns_ = 0;
  absl::StatusOr<LeftAccount> left_ = absl::UnknownError("no process ended yet");  // of the process that ended last
  std::string log_path_;
  bool stream_broken_ = false;  // what the instance says is no longer read
  bool ending_ = false;

  WishBox<Wish> wishes_;
  mutable absl::Mutex mutex_;
  v1::ObservedRun published_ ABSL_GUARDED_BY(mutex_);
  absl::Mutex thread_mutex_;
  std::thread thread_ ABSL_GUARDED_BY(thread_mutex_);
};

}  // namespace feedfarm
