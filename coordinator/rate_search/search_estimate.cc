#include "coordinator/rate_search/search_estimate.h"

#include <algorithm>
#include <cmath>
#include <variant>
#include <vector>

#include "coordinator/rate_search/rate_search.h"
#include "coordinator/rate_search/trial_run.h"

namespace feedfarm {
namespace {

// Capacities between the bounds that are tried, evenly on a logarithmic scale.
constexpr int kCapacities = 9;
// Longer searches are followed no further: each next trial looks at all before it.
constexpr uint32_t kTrialsFollowed = 200;

struct Cost {
  uint64_t trial_ns = 0;
  uint32_t trials = 0;
};

Cost SearchSteady(const RateSearchSettings& settings, double capacity_pps) {
  std::vector<TrialResult> trials;
  for (;;) {
    const std::variant<Trial, RateSearchResult> next = NextTrial(settings, trials);
    if (const auto* over = std::get_if<RateSearchResult>(&next)) return {over->trial_ns, over->trials};
    TrialResult result;
    result.trial = std::get<Trial>(next);
    result.loss_ratio = std::max(0.0, 1 - capacity_pps / result.trial.load_pps);
    trials.push_back(result);
  }
}

uint64_t Wall(uint64_t trial_ns, uint32_t trials) { return trial_ns + trials * kTrialOverheadNs; }

}  // namespace

v1::SearchEstimate EstimateSearch(const v1::RateSearch& search) {
  RateSearchSettings settings = SearchSettings(search);
  const uint32_t trials_max = settings.trials_max;
  settings.trials_max = std::min(trials_max, kTrialsFollowed);
  std::vector<Cost> costs = {SearchSteady(settings, 0), SearchSteady(settings, 2 * settings.max_pps)};
  Cost usual;
  for (int i = 1; i <= kCapacities; ++i) {
    const double share = static_cast<double>(i) / (kCapacities + 1);
    const Cost cost = SearchSteady(settings, settings.min_pps * std::pow(settings.max_pps / settings.min_pps, share));
    usual = std::max(usual, cost, [](const Cost& a, const Cost& b) { return a.trial_ns < b.trial_ns; });
    costs.push_back(cost);
  }
  v1::SearchEstimate out;
  const auto trials = [](const Cost& a, const Cost& b) { return a.trials < b.trials; };
  const auto wall = [](const Cost& a, const Cost& b) {
    return Wall(a.trial_ns, a.trials) < Wall(b.trial_ns, b.trials);
  };
  out.set_trials_least(std::min_element(costs.begin(), costs.end(), trials)->trials);
  const Cost least = *std::min_element(costs.begin(), costs.end(), wall);
  out.set_least_ns(Wall(least.trial_ns, least.trials));
  out.set_trials_usual(usual.trials);
  out.set_usual_ns(Wall(usual.trial_ns, usual.trials));
  uint64_t longest_ns = 0;
  for (const SearchGoal& goal : settings.goals) longest_ns = std::max(longest_ns, goal.final_trial_ns);
  out.set_trials_most(trials_max);
  out.set_most_ns(Wall(longest_ns * trials_max, trials_max));
  return out;
}

}  // namespace feedfarm
