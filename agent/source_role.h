#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "agent/run/role.h"
#include "agent/traffic/traffic_source.h"

namespace feedfarm {

// The source role: a TrafficSource driven by the run. A thread of its own makes it (reading a capture takes seconds),
// and then takes an interval of its histograms every 100 ms. The re-request server lives until End, as the handler
// drains after the traffic is over.
class SourceRole final : public Role {
 public:
  using Maker = std::function<absl::StatusOr<std::unique_ptr<TrafficSource>>(
      const v1::Scenario& scenario, uint64_t seed, TrafficSource::Options options)>;
  struct Options {
    // Core of the sender; -1 = what the coordinator says.
    int cpu = -1;
    absl::Duration interval = absl::Milliseconds(100);
    // Of this process alone: what is sent tells it from every other source.
    uint64_t session_salt = 0;
    Maker make;  // TrafficSource::Create
  };

  SourceRole(Options options, RoleContext context);
  ~SourceRole() override;

  void Prepare(const v1::DesiredRun& run) override ABSL_LOCKS_EXCLUDED(mutex_);
  void Start(uint64_t start_unix_ns) override ABSL_LOCKS_EXCLUDED(mutex_);
  void Stop() override ABSL_LOCKS_EXCLUDED(mutex_);
  void End() override ABSL_LOCKS_EXCLUDED(mutex_);
  void Describe(v1::ObservedRun* run) const override ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run(v1::DesiredRun run);
  absl::StatusOr<std::unique_ptr<TrafficSource>> Make(const v1::DesiredRun& run);
  // Until the traffic is over or End is called.
  void Watch(TrafficSource* traffic);
  void Say(TrafficSource* traffic, uint64_t* since_unix_ns);

  const Options options_;
  const RoleContext context_;
  mutable absl::Mutex mutex_;
  // Set by the thread, used by all; null before it is made and after End.
  std::unique_ptr<TrafficSource> traffic_ ABSL_GUARDED_BY(mutex_);
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  // The last account and end point, for after End.
  v1::SourceResult result_ ABSL_GUARDED_BY(mutex_);
  TrafficProgress progress_ ABSL_GUARDED_BY(mutex_);
  v1::Endpoint rerequest_ ABSL_GUARDED_BY(mutex_);
  v1::Endpoint glimpse_ ABSL_GUARDED_BY(mutex_);
  absl::Mutex thread_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  std::thread thread_ ABSL_GUARDED_BY(thread_mutex_);
};

}  // namespace feedfarm
