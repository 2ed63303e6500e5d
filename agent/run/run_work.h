#pragma once

#include <compare>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/run/run_machine.h"
#include "proto/agent_service.pb.h"

namespace feedfarm {

// One role of one run: a host may carry both roles.
struct RunKey {
  std::string run_id;
  v1::Role role = v1::ROLE_UNSPECIFIED;
  friend auto operator<=>(const RunKey&, const RunKey&) = default;
};

// Takes what happened to a run to the core's thread. Thread-safe; never blocks.
using RunEventSink = std::function<void(const RunKey& key, RunEvent event)>;

// Everything that one run of one role does on this host: what RunMachine's actions stand for. All methods are called by
// the core's thread and return at once; the work is done elsewhere and answered through the sink (see RunAction).
class RunWork {
 public:
  // Ends at once whatever still lives, and waits for it.
  virtual ~RunWork() = default;

  virtual void Prepare(const v1::DesiredRun& run) = 0;
  virtual void Start(uint64_t start_unix_ns) = 0;
  virtual void Stop() = 0;
  virtual void Upload() = 0;
  virtual void Undo() = 0;
  // Removes the run's folder. Nothing else is called afterwards.
  virtual void Forget() = 0;

  // The coordinator has made the role's telemetry durable up to here.
  virtual void TelemetryAcked(uint64_t sequence) = 0;
  // Nothing is left that was not acknowledged. Only asked when the role has ended.
  virtual bool TelemetryCollected() const = 0;
  // Adds results and live numbers.
  virtual void Describe(v1::ObservedRun* run) const = 0;
};

class RunWorkFactory {
 public:
  virtual ~RunWorkFactory() = default;

  // Keeps on disk that this run was here. A failure is the host's: disk full, no permission.
  virtual absl::StatusOr<std::unique_ptr<RunWork>> Create(const v1::DesiredRun& run, RunEventSink sink) = 0;
};

// A run of the agent's former life, found on disk, undone already. Its telemetry and logs can still be collected.
struct RecoveredRun {
  RunKey key;
  uint64_t epoch = 0;
  std::vector<std::string> residue;
  std::unique_ptr<RunWork> work;
};

}  // namespace feedfarm
