#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/agent_core.h"
#include "agent/run/run_work.h"
#include "pipeline/base/clock.h"
#include "proto/agent_service.pb.h"

namespace feedfarm {

// The core's thread: what others post, it steps the core with, ticks it, and hands the state on when it has changed and
// at least once a heartbeat interval. Run may be called once; everything else is thread-safe and does not block.
class AgentLoop {
 public:
  struct Options {
    absl::Duration tick = absl::Milliseconds(50);
    // Until the coordinator names another one.
    uint64_t heartbeat_interval_ns = 1'000'000'000;
    // From the wish to end to giving up on undoing.
    uint64_t shutdown_longest_ns = 30'000'000'000;
    // Looks at the host while no run holds it; may be empty.
    uint64_t probe_interval_ns = 10'000'000'000;
    std::function<void(AgentCore*)> probe;
  };
  // Why Run returned.
  enum class End {
    kShutdown,   // asked to; everything is undone
    kRefused,    // the coordinator will not have this agent; everything is undone
    kNotUndone,  // in either case, but undoing did not end in time
  };
  using Publisher = std::function<void(v1::AgentState state)>;

  // `clock` is borrowed.
  AgentLoop(Options options, const Clock* clock) : options_(std::move(options)), clock_(clock) {}

  RunEventSink sink();
  void PostDesired(v1::DesiredState desired);
  void PostRefused(absl::Status status);
  // Stop and undo everything, then end.
  void PostShutdown();

  End Run(AgentCore* core, const Publisher& publish);

  // After Run: why the coordinator refused this agent.
  const absl::Status& refusal() const { return refusal_; }

 private:
  using Task = std::function<void(AgentCore* core, uint64_t now_ns)>;

  void Post(Task task) ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<Task> TakeTasks() ABSL_LOCKS_EXCLUDED(mutex_);
  void BeginEnd(End end, AgentCore* core, uint64_t now_ns);
  void Publish(const AgentCore& core, uint64_t now_ns, const Publisher& publish);

  const Options options_;
  const Clock* const clock_;
  absl::Mutex mutex_;
  std::vector<Task> tasks_ ABSL_GUARDED_BY(mutex_);

  // The loop's thread only.
  uint64_t heartbeat_interval_ns_ = 0;
  uint64_t published_at_ns_ = 0;
  uint64_t probed_at_ns_ = 0;
  std::string published_;
  bool ending_ = false;
  End end_ = End::kShutdown;
  uint64_t end_until_ns_ = 0;
  absl::Status refusal_;
};

}  // namespace feedfarm
