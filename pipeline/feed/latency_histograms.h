#pragma once

#include <array>

#include "pipeline/feed/latency_metric.h"
#include "pipeline/source/packet_source.h"
#include "pipeline/stats/histogram.h"

namespace feedfarm {

// One histogram a metric and receive-time class: classes never meet. About 1.8 MB, allocated at once.
class LatencyHistograms {
 public:
  Histogram& Of(LatencyMetric metric, TimestampClass timestamp_class) {
    return histograms_[Index(metric)][static_cast<size_t>(timestamp_class)];
  }
  const Histogram& Of(LatencyMetric metric, TimestampClass timestamp_class) const {
    return histograms_[Index(metric)][static_cast<size_t>(timestamp_class)];
  }

 private:
  std::array<std::array<Histogram, kTimestampClasses>, kLatencyMetrics> histograms_;
};

}  // namespace feedfarm
