#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/control/histogram_record.h"
#include "pipeline/control/record_line.h"

namespace feedfarm {

// `interval ...`, every 100 ms: histograms of this interval only, the other counts are totals since the handler's
// start.
struct IntervalRecord {
  uint64_t sequence = 0;  // from 1, without holes, for one handler process
  uint64_t start_unix_ns = 0;
  uint64_t end_unix_ns = 0;
  uint64_t messages = 0;
  uint64_t packets_a = 0;
  uint64_t packets_b = 0;
  uint64_t gaps = 0;
  uint64_t recovered_messages = 0;
  std::vector<HistogramRecord> histograms;
  friend bool operator==(const IntervalRecord&, const IntervalRecord&) = default;

  RecordLine ToLine() const;
  // INVALID_ARGUMENT, NOT_FOUND: not an `interval`, or a field is missing or broken.
  static absl::StatusOr<IntervalRecord> FromLine(const RecordLine& line);
};

}  // namespace feedfarm
