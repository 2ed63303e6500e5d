#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "coordinator/gate/histogram_set.h"
#include "coordinator/store/store.h"
#include "proto/agent_service.pb.h"

namespace feedfarm {

// All telemetry of one run, joined.
struct MergedTelemetry {
  HistogramSet latencies;
  uint64_t intervals_merged = 0;
  // Holes in a role's sequence up to its last one, and intervals that could not be read.
  uint64_t intervals_missing = 0;
};

// Takes the intervals of unfinished runs: stores each, then merges it (counts are added, classes kept apart) and
// acknowledges. An interval that is there already changes nothing. What a restart forgets is read from the store again.
// Thread-safe. Cost: one fsync an interval, tens of us a histogram.
class TelemetryInbox {
 public:
  // `store` is borrowed.
  explicit TelemetryInbox(Store* store) : store_(store) {}

  // How far the role's sequence is durable without a hole, this interval included. The run is known to exist.
  // INVALID_ARGUMENT: sequence 0 or no role. Else the store's error.
  absl::StatusOr<uint64_t> Add(const v1::TelemetryInterval& interval) ABSL_LOCKS_EXCLUDED(mutex_);

  // As Add answered last; 0 = nothing yet.
  absl::StatusOr<uint64_t> Through(const std::string& run_id, v1::Role role) ABSL_LOCKS_EXCLUDED(mutex_);

  // Everything of the run, which is forgotten here with it (not in the store). `last`: the last sequence that each role said it made.
  absl::StatusOr<MergedTelemetry> Take(const std::string& run_id, const std::map<v1::Role, uint64_t>& last)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The run has its verdict: memory is given back.
  void Forget(const std::string& run_id) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // One role's sequence: all of 1..through, and those of `ahead` behind a hole.
  struct Sequence {
    uint64_t through = 0;
    std::set<uint64_t> ahead;
    bool Has(uint64_t sequence) const { return sequence <= through || ahead.count(sequence) > 0; }
    void Take(uint64_t sequence);
    // Missing ones up to `last`.
    uint64_t Holes(uint64_t last) const;
  };
  struct Run {
    std::map<v1::Role, Sequence> sequences;
    HistogramSet latencies;
    uint64_t merged = 0;
    uint64_t unreadable = 0;
  };

  static void Merge(const v1::TelemetryInterval& interval, Run* run);
  // From memory, or from the store where this process has not seen it.
  absl::StatusOr<Run*> Find(const std::string& run_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Store* const store_;
  absl::Mutex mutex_;
  std::map<std::string, std::unique_ptr<Run>> runs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace feedfarm
