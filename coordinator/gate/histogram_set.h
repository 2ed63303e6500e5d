#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/repeated_field.h"
#include "proto/result.pb.h"

namespace feedfarm {

// The latency histograms of one run, one a (metric, class). Intervals are merged by adding counts, never by averaging;
// classes are never mixed. Not thread-safe. Cost: Add decodes (tens of us); the rest is a walk over the counters.
class HistogramSet {
 public:
  HistogramSet();
  HistogramSet(HistogramSet&&) noexcept;
  HistogramSet& operator=(HistogramSet&&) noexcept;
  ~HistogramSet();

  // INVALID_ARGUMENT: unspecified metric or class, or the bytes are no HdrHistogram V2 encoding; the set is unchanged.
  absl::Status Add(const v1::Histogram& histogram);

  // Classes with at least one sample, in the order none, software, hardware.
  std::vector<v1::TimestampClass> Classes(v1::LatencyMetric metric) const;
  // 0 where there is no such histogram; so for all below, in ns.
  uint64_t Count(v1::LatencyMetric metric, v1::TimestampClass timestamp_class) const;
  uint64_t Quantile(v1::LatencyMetric metric, v1::TimestampClass timestamp_class, double quantile) const;  // 0..1
  uint64_t Min(v1::LatencyMetric metric, v1::TimestampClass timestamp_class) const;
  uint64_t Max(v1::LatencyMetric metric, v1::TimestampClass timestamp_class) const;
  double Mean(v1::LatencyMetric metric, v1::TimestampClass timestamp_class) const;

  bool empty() const;
  // Encoded again, in a stable order.
  void AppendTo(google::protobuf::RepeatedPtrField<v1::Histogram>* out) const;

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

}  // namespace feedfarm
