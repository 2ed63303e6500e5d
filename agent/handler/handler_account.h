#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/base/build_stamp.h"
#include "pipeline/control/account_page.h"
#include "pipeline/control/event_record.h"
#include "pipeline/control/final_record.h"
#include "pipeline/control/interval_record.h"
#include "pipeline/control/ready_record.h"
#include "pipeline/stats/histogram.h"
#include "proto/agent_service.pb.h"
#include "proto/result.pb.h"

namespace feedfarm {

// What one run's handler says, over all its instances, in the wire's terms. After kill_handler counters and histograms
// are those of all instances, and what the stream is (messages, types, books, hashes) the last one's: it delivers
// everything again, or goes on from its journal. What is not known of a killed one is said in killed_*. One thread.
class HandlerAccount {
 public:
  // Events kept for the result; later ones are only in the telemetry.
  static constexpr int kEventsMax = 4096;

  void Take(const ReadyRecord& ready);
  // The interval as telemetry, with the events since the last one; without run, epoch and sequence. INVALID_ARGUMENT:
  // its sequence has a hole or a histogram cannot be read.
  absl::StatusOr<v1::TelemetryInterval> Take(const IntervalRecord& interval);
  void Take(const EventRecord& event);
  // INVALID_ARGUMENT: a histogram cannot be read.
  absl::Status Take(const FinalRecord& record);

  // An instance that was killed.
  struct Killed {
    absl::StatusOr<LeftAccount> left;
    uint64_t spawned_unix_ns = 0;
    uint64_t killed_unix_ns = 0;
    bool journal = false;  // the next one goes on from there, not from the first message
  };
  // The instance is gone; the next one counts from nothing.
  void BeginInstance(const Killed& killed);
  // The new instance is ready, `down_ns` after the kill.
  void TakeRestart(uint64_t time_unix_ns, uint64_t down_ns);

  // Events that no interval has carried yet.
  bool has_unsent_events() const { return !unsent_events_.empty(); }
  v1::TelemetryInterval TakeUnsentEvents(uint64_t time_unix_ns);

  // As far as known: after the final record it is whole.
  const v1::HandlerResult& result() const { return result_; }
  // The same with the histograms of all instances.
  v1::HandlerResult WholeResult() const;
  uint64_t messages() const { return result_.messages(); }
  // None before the first handler was ready.
  const std::optional<BuildStamp>& build() const { return build_; }

 private:
  using HistogramKey = std::pair<LatencyMetric, TimestampClass>;
  using Histograms = std::map<HistogramKey, Histogram>;

  absl::Status Merge(const std::vector<HistogramRecord>& records, Histograms* into) const;
  void Replace(v1::HandlerResult result);
  void AddEvent(v1::HandlerEvent event);

  v1::HandlerResult result_;
  std::optional<BuildStamp> build_;
  std::vector<std::string> not_granted_;  // to any instance, each once
  uint64_t interval_sequence_ = 0;        // of this instance
  uint64_t interval_messages_ = 0;        // its last interval's totals
  uint64_t interval_packets_ = 0;
  FinalRecord killed_;  // counters of the instances that are gone
  Histograms earlier_;  // of the instances that are gone
  Histograms current_;  // of this one: by intervals until its final record
  std::vector<v1::HandlerEvent> unsent_events_;
};

}  // namespace feedfarm
