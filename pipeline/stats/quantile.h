#pragma once

#include <cstdint>

#include "pipeline/stats/histogram.h"

namespace feedfarm {

// A quantile with its interval.
struct QuantileEstimate {
  uint64_t value = 0;  // as Histogram::ValueAtQuantile; 0 where there are no samples
  uint64_t low = 0;    // the true quantile lies in [low, high] with the asked confidence, whatever the distribution
  uint64_t high = 0;
  bool sufficient =
      false;  // false = so few samples that the interval would reach beyond them: low and high are Min and Max
};

// Ranks (1 = smallest sample) that enclose a quantile of `count` independent samples: the number of samples below it is
// binomial. low = 0: no sample is surely below it; high = count + 1: none is surely above it.
struct RankInterval {
  uint64_t low = 0;
  uint64_t high = 0;
};

// quantile in (0, 1), confidence in (0, 1). Exact summation up to a variance of 10^6, the normal limit above it.
// Cost: at most about 18 standard deviations of additions, under 100 us.
RankInterval QuantileRanks(uint64_t count, double quantile, double confidence);

// The quantile of a histogram's samples and its interval. At 95 % a p99.9 needs 3,688 samples, a p50 six.
QuantileEstimate EstimateQuantile(const Histogram& histogram, double quantile, double confidence = 0.95);

}  // namespace feedfarm
