#include "coordinator/rate_search/load_class.h"

#include <algorithm>
#include <vector>

namespace feedfarm {
namespace {

// Sums of trial durations at one load, in seconds.
struct Sums {
  double full_low = 0, full_high = 0, short_low = 0, short_high = 0;
};

Sums SumsOf(const LoadTarget& target, std::span<const TrialResult> trials) {
  Sums sums;
  for (const TrialResult& result : trials) {
    const bool full = result.trial.duration_ns >= target.trial_ns;
    const bool high = result.loss_ratio > target.loss_ratio;
    double& sum = full ? (high ? sums.full_high : sums.full_low) : (high ? sums.short_high : sums.short_low);
    sum += static_cast<double>(result.trial.duration_ns) / 1e9;
  }
  return sums;
}

}  // namespace

LoadClass Classify(const LoadTarget& target, std::span<const TrialResult> trials) {
  const Sums sums = SumsOf(target, trials);
  const double balancing = sums.short_low * target.exceed_ratio / (1 - target.exceed_ratio);
  const double high = sums.full_high + std::max(0.0, sums.short_high - balancing);
  const double whole = std::max(sums.full_low + high, static_cast<double>(target.duration_sum_ns) / 1e9);
  const double quantile = whole * target.exceed_ratio;
  // A millionth of a second forgives what adding durations rounds.
  constexpr double kRounding = 1e-6;
  if (whole - sums.full_low <= quantile + kRounding) return LoadClass::kLower;
  return high <= quantile + kRounding ? LoadClass::kUndecided : LoadClass::kUpper;
}

double ConditionalThroughput(const LoadTarget& target, double load_pps, std::span<const TrialResult> trials) {
  std::vector<const TrialResult*> full;
  double full_s = 0;
  for (const TrialResult& result : trials) {
    if (result.trial.duration_ns < target.trial_ns) continue;
    full.push_back(&result);
    full_s += static_cast<double>(result.trial.duration_ns) / 1e9;
  }
  if (full.empty()) return 0;
  std::sort(full.begin(), full.end(), [](const auto* a, const auto* b) { return a->loss_ratio < b->loss_ratio; });
  const double whole_s = std::max(full_s, static_cast<double>(target.duration_sum_ns) / 1e9);
  double remaining_s = whole_s * (1 - target.exceed_ratio);
  double loss_ratio = 0;
  for (size_t i = 0; i < full.size() && (i == 0 || remaining_s > 1e-6); ++i) {
    loss_ratio = full[i]->loss_ratio;
    remaining_s -= static_cast<double>(full[i]->trial.duration_ns) / 1e9;
  }
  if (remaining_s > 1e-6) loss_ratio = 1;
  return load_pps * (1 - loss_ratio);
}

}  // namespace feedfarm
