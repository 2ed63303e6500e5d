#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/control/record_line.h"
#include "pipeline/feed/latency_metric.h"
#include "pipeline/source/packet_source.h"

namespace feedfarm {

// One histogram in a record, in two fields:
//   hist.<metric>.<class>=<base64 of the HdrHistogram V2 compressed encoding> count.<metric>.<class>=<samples>
// metric: decode, deliver, end_to_end; class: none, software, hardware.
struct HistogramRecord {
  LatencyMetric metric = LatencyMetric::kDecode;
  TimestampClass timestamp_class = TimestampClass::kNone;
  std::string hdr_v2_compressed;  // bytes, not base64
  uint64_t count = 0;
  friend bool operator==(const HistogramRecord&, const HistogramRecord&) = default;
};

// "decode", "none" and so on.
const char* Name(LatencyMetric metric);
const char* Name(TimestampClass timestamp_class);
// INVALID_ARGUMENT: no such name.
absl::StatusOr<TimestampClass> ParseTimestampClass(std::string_view name);

void AddHistograms(const std::vector<HistogramRecord>& histograms, RecordLine& line);
// All hist.* fields of `line`. INVALID_ARGUMENT: unknown metric or class, not base64.
absl::StatusOr<std::vector<HistogramRecord>> TakeHistograms(const RecordLine& line);

}  // namespace feedfarm
