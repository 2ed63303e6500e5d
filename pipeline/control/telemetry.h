#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/control/final_record.h"
#include "pipeline/control/histogram_record.h"
#include "pipeline/control/hot_mailbox.h"
#include "pipeline/control/interval_record.h"
#include "pipeline/feed/latency_histograms.h"
#include "pipeline/stats/hlog.h"

namespace feedfarm {

// Turns what the hot thread hands over into records: interval histograms out, whole-run histograms and the latency log
// kept. Housekeeping thread only.
class Telemetry {
 public:
  explicit Telemetry(uint64_t start_unix_ns);

  // The 100 ms up to `end_unix_ns`. `histograms` are this interval's; they are merged, and reset for the next turn.
  IntervalRecord TakeInterval(LatencyHistograms& histograms, const FeedCounters& counters, uint64_t end_unix_ns);

  // The last interval's histograms and the end of the latency log.
  void Finish(LatencyHistograms& histograms, uint64_t end_unix_ns);

  // Of the whole run, those that are not empty.
  std::vector<HistogramRecord> Totals() const;

  // The latency log so far: one line a second, metric and class.
  const std::string& latency_log() const { return log_.text(); }

 private:
  void Merge(LatencyHistograms& histograms);
  void LogSecond(uint64_t end_unix_ns);

  LatencyHistograms total_;
  LatencyHistograms second_;
  HlogWriter log_;
  uint64_t sequence_ = 0;
  uint64_t interval_start_unix_ns_;
  uint64_t second_start_unix_ns_;
};

// The counters as the final record has them; histograms, page faults, modes and allocations are the caller's.
FinalRecord MakeFinal(const FeedCounters& counters, const SourceCounters& source, uint64_t events_lost);

// The record's fields as one JSON object, histograms left out.
std::string ToJson(const RecordLine& line);

}  // namespace feedfarm
