#include "pipeline/stats/quantile.h"

#include <math.h>

#include <algorithm>
#include <cmath>

namespace feedfarm {
namespace {

// Above this the normal limit is off by less than a rank in a thousand.
constexpr double kExactVarianceMax = 1e6;
// The mass outside is below 1e-15.
constexpr double kDeviationsSummed = 9;

double LogFactorial(double n) {
  int sign = 0;
  return ::lgamma_r(n + 1, &sign);
}

double LogProbability(double n, double q, double k) {
  return LogFactorial(n) - LogFactorial(k) - LogFactorial(n - k) + k * std::log(q) + (n - k) * std::log1p(-q);
}

// The standard normal's quantile for p in (0.5, 1): bisection of erfc.
double NormalQuantile(double p) {
  double low = 0, high = 40;
  for (int i = 0; i < 80; ++i) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(middle / std::sqrt(2.0)) > 1 - p ? low : high) = middle;
  }
  return high;
}

RankInterval ExactRanks(uint64_t count, double q, double tail) {
  const double n = static_cast<double>(count);
  const double reach = kDeviationsSummed * std::sqrt(n * q * (1 - q)) + 40;
  double k = std::floor(std::max(0.0, n * q - reach));
  double probability = std::exp(LogProbability(n, q, k));
  double below = 0;  // P(B < k)
  RankInterval ranks{.low = 0, .high = count + 1};
  bool low_found = false;
  for (; k <= n; ++k) {
    const double up_to = below + probability;
    if (!low_found && up_to > tail) {
      ranks.low = static_cast<uint64_t>(k);
      low_found = true;
    }
    if (up_to >= 1 - tail) {
      ranks.high = static_cast<uint64_t>(k) + 1;
      break;
    }
    below = up_to;
    probability *= (n - k) / (k + 1) * q / (1 - q);
  }
  return ranks;
}

}  // namespace

RankInterval QuantileRanks(uint64_t count, double quantile, double confidence) {
  const double tail = (1 - confidence) / 2;
  const double n = static_cast<double>(count);
  const double variance = n * quantile * (1 - quantile);
  if (variance <= kExactVarianceMax) return ExactRanks(count, quantile, tail);
  const double reach = NormalQuantile(1 - tail) * std::sqrt(variance);
  const double low = std::floor(n * quantile - reach);
  const double high = std::ceil(n * quantile + reach) + 1;
  return {.low = static_cast<uint64_t>(std::max(0.0, low)), .high = std::min(count + 1, static_cast<uint64_t>(high))};
}

QuantileEstimate EstimateQuantile(const Histogram& histogram, double quantile, double confidence) {
  const uint64_t count = histogram.Count();
  if (count == 0) return {};
  QuantileEstimate estimate{.value = histogram.ValueAtQuantile(quantile),
                            .low = histogram.Min(),
                            .high = histogram.Max(),
                            .sufficient = false};
  if (!(quantile > 0 && quantile < 1)) return estimate;
  const RankInterval ranks = QuantileRanks(count, quantile, confidence);
  estimate.sufficient = ranks.low >= 1 && ranks.high <= count;
  if (!estimate.sufficient) return estimate;
  estimate.low = Histogram::LowestAt(histogram.IndexAtRank(ranks.low));
  estimate.high = Histogram::HighestAt(histogram.IndexAtRank(ranks.high));
  return estimate;
}

}  // namespace feedfarm
