#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "coordinator/rate_search/search_goal.h"

namespace feedfarm {

// What a search's trials are like where a campaign does not say otherwise (docs/campaign.md).
struct TrialDefaults {
  // Of all goals.
  uint64_t initial_ns = 1'000'000'000;
  // NDR and PDR: short full-length trials, many of them where the load is near the answer: noise is decided by majority.
  uint64_t final_ns = 1'000'000'000;
  uint64_t duration_sum_ns = 11'000'000'000;
  double exceed_ratio = 0.5;
  // Strict: one long trial.
  uint64_t strict_ns = 5'000'000'000;
  double pdr_loss_ratio = 0.005;
  double width = 0.005;
};

// The three goals by their names in campaigns and gates: "ndr", no loss; "pdr", a share of loss; "strict", no loss in one long trial, without
// exception. Empty name where there is no such goal.
inline SearchGoal MakeGoal(absl::string_view name, const TrialDefaults& trials) {
  SearchGoal goal;
  goal.initial_trial_ns = trials.initial_ns;
  goal.width = trials.width;
  if (name == "strict") {
    goal.final_trial_ns = goal.duration_sum_ns = trials.strict_ns;
  } else if (name == "ndr" || name == "pdr") {
    goal.final_trial_ns = trials.final_ns;
    goal.duration_sum_ns = trials.duration_sum_ns;
    goal.exceed_ratio = trials.exceed_ratio;
    goal.loss_ratio = name == "pdr" ? trials.pdr_loss_ratio : 0;
  } else {
    return goal;
  }
  goal.name = std::string(name);
  return goal;
}

}  // namespace feedfarm
