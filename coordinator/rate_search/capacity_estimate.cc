#include "coordinator/rate_search/capacity_estimate.h"

#include <algorithm>
#include <vector>

namespace feedfarm {
namespace {

struct Sample {
  double pps;
  // The subject could do at least this.
  bool censored;
  double weight;
};

}  // namespace

std::optional<double> EstimateCapacity(const TrialsByLoad& trials, const LoadGrid& grid, double exceed_ratio,
                                       uint64_t weight_ns_max) {
  std::vector<Sample> samples;
  double at_risk = 0;
  for (const auto& [position, at_load] : trials) {
    for (const TrialResult& result : at_load) {
      const double weight = static_cast<double>(std::min(result.trial.duration_ns, weight_ns_max));
      samples.push_back({grid.Load(position) * (1 - result.loss_ratio), result.loss_ratio == 0, weight});
      at_risk += weight;
    }
  }
  std::sort(samples.begin(), samples.end(),
            [](const Sample& a, const Sample& b) { return a.pps != b.pps ? a.pps < b.pps : a.censored < b.censored; });
  double survival = 1;
  for (const Sample& sample : samples) {
    if (!sample.censored) survival *= std::max(0.0, 1 - sample.weight / at_risk);
    if (survival <= 1 - exceed_ratio) return sample.pps;
    at_risk -= sample.weight;
  }
  return std::nullopt;
}

}  // namespace feedfarm
