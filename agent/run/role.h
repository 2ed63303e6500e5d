#pragma once

#include <functional>

#include "agent/run/run_log.h"
#include "agent/run/run_machine.h"
#include "agent/uplink/telemetry_spool.h"
#include "proto/agent_service.pb.h"

namespace feedfarm {

// What a role answers with; all borrowed, all thread-safe.
struct RoleContext {
  std::function<void(RunEvent)> sink;
  // Adds run, epoch and role, and keeps it.
  std::function<void(v1::TelemetryInterval)> telemetry;
  RunLog* log = nullptr;
};

// What one run does on this host in its role: the source's traffic or the handler process. Prepare, Start and Stop
// return at once and are answered through the context (see RunAction); they come from one thread, in this order, each
// once at most.
class Role {
 public:
  // As End.
  virtual ~Role() = default;

  virtual void Prepare(const v1::DesiredRun& run) = 0;
  virtual void Start(uint64_t start_unix_ns) = 0;
  virtual void Stop() = 0;

  // Ends everything now and waits until nothing of it lives; the result stays. Any thread, also while others are
  // called.
  virtual void End() = 0;

  // Adds the result and live numbers. Any thread.
  virtual void Describe(v1::ObservedRun* run) const = 0;
};

}  // namespace feedfarm
