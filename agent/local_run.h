#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "agent/host/host_guard.h"
#include "agent/run/role.h"
#include "agent/run/run_log.h"
#include "agent/uplink/run_uplink.h"
#include "agent/run/run_work.h"
#include "agent/uplink/telemetry_spool.h"

namespace feedfarm {

// Makes the role of a run; `folder` is the run's.
using RoleMaker =
    std::function<std::unique_ptr<Role>(const RunKey& key, const std::string& folder, RoleContext context)>;

// One run of one role on this host: its folder, log, telemetry, role and way to the coordinator, and its undoing. See
// RunWork for who may call what. The folder:
//   run                  what it is: id, role, epoch; durable before anything else
//   telemetry.spool      intervals not yet acknowledged
//   agent-<role>.log and what the role's process writes             the artifacts
class LocalRun final : public RunWork {
 public:
  struct Parts {
    RunKey key;
    uint64_t epoch = 0;
    std::string folder;
    HostGuard* guard = nullptr;  // borrowed
    RunEventSink sink;
    std::unique_ptr<RunLog> log;
    std::unique_ptr<TelemetrySpool> spool;
    RunUplinkMaker make_uplink;
    RoleMaker make_role;
    // Where the farm may act: a run on another interface is refused.
    std::vector<std::string> ports;
  };

  explicit LocalRun(Parts parts);
  ~LocalRun() override;

  void Prepare(const v1::DesiredRun& run) override;
  void Start(uint64_t start_unix_ns) override;
  void Stop() override;
  void Upload() override;
  void Undo() override;
  void Forget() override;
  void TelemetryAcked(uint64_t sequence) override;
  bool TelemetryCollected() const override;
  void Describe(v1::ObservedRun* run) const override;

 private:
  void Say(RunEvent event) { parts_.sink(parts_.key, std::move(event)); }
  absl::Status CheckPorts(const v1::DesiredRun& run) const;
  std::vector<std::string> ArtifactPaths() const;
  void SendFiles();

  Parts parts_;
  std::unique_ptr<Role> role_;  // null until Prepare
  std::unique_ptr<RunUplink> uplink_;
  // Undoing waits for processes to go.
  std::thread undo_;
  absl::Mutex mutex_;
  bool undoing_ ABSL_GUARDED_BY(mutex_) = false;
  bool upload_after_undo_ ABSL_GUARDED_BY(mutex_) = false;
};

// Makes and finds runs below one folder. One thread.
class LocalRunFactory final : public RunWorkFactory {
 public:
  struct Options {
    std::string folder;  // exists
    HostGuard* guard = nullptr;
    const Clock* clock = nullptr;
    RunUplinkMaker make_uplink;
    RoleMaker make_role;
    std::vector<std::string> ports;
  };

  explicit LocalRunFactory(Options options) : options_(std::move(options)) {}

  absl::StatusOr<std::unique_ptr<RunWork>> Create(const v1::DesiredRun& run, RunEventSink sink) override;

  // Runs that were here when the agent died; what they left has been undone by the guard, or is in `failed`. Folders
  // that are no run's are removed.
  std::vector<RecoveredRun> Recover(const std::vector<std::string>& failed, RunEventSink sink);

 private:
  absl::StatusOr<std::unique_ptr<LocalRun>> Make(const RunKey& key, uint64_t epoch, const std::string& folder,
                                                 RunEventSink sink);

  Options options_;
};

}  // namespace feedfarm
