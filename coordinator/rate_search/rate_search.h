#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/rate_search/search_goal.h"

namespace feedfarm {

// How the search of one goal ended.
enum class GoalEnd : uint8_t {
  // Between the bounds, as narrow as asked for.
  kFound,
  // Max load is a lower bound: the answer is at least that.
  kMaxLoad,
  // No more could be offered: the answer is at least the lower bound.
  kGeneratorLimited,
  // Min load is an upper bound: there is no answer.
  kMinLoad,
  // Not even min load could be offered: there is no answer.
  kNothingOffered,
  // trials_max were spent.
  kTrialsSpent,
};

// "found", "at least: max load passed", ... One clause for people.
const char* GoalEndText(GoalEnd end);

struct GoalResult {
  std::string name;
  GoalEnd end = GoalEnd::kTrialsSpent;
  // Relevant bounds, packets a second; 0 = there is none. The lower one is the answer (at least, where `end` says so).
  double lower_pps = 0;
  double upper_pps = 0;
  // (upper - lower) / upper; 1 where a bound is missing.
  double width = 1;
  // What the subject forwards at the lower bound, by the draft's conditional throughput.
  double conditional_pps = 0;
  // Trials that were made for this goal's sake (others may have used them), and their time together.
  uint32_t trials = 0;
  uint64_t trial_ns = 0;
  // The answer is a lower bound of the truth only.
  bool at_least() const { return end != GoalEnd::kFound; }
};

struct RateSearchResult {
  // As in the settings.
  std::vector<GoalResult> goals;
  uint32_t trials = 0;
  uint64_t trial_ns = 0;
  // The lowest load that the generator could not offer; 0 = it offered all that was asked.
  double generator_limit_pps = 0;
};

// INVALID_ARGUMENT: bounds, durations, ratios or names that search_goal.h excludes.
absl::Status CheckSettings(const RateSearchSettings& settings);

// Multiple loss ratio search: what to try next after these trials, or the result. Pure and deterministic: a search goes
// on anywhere from its list of trials. Settings must have passed CheckSettings. Ends after at most settings.trials_max
// trials. Cost: about the square of the number of trials, in microseconds.
//
// Each goal is searched in phases, all goals through one phase before the next: the first with short trials and wide,
// the last as the goal says. A phase goes where the lower bound is expected by all trials so far (capacity_estimate.h),
// else to the bounds of the phase before (the very first: to max load, then where the subject's forwarding rate there
// leads), walks away from it in doubling steps until the answer is enclosed, then bisects. A load is tried until it is
// decided. Bounds are those of the draft: the relevant upper bound is the lowest load classified as one, the relevant
// lower bound the highest below it.
//
// A goal with exceed ratio 0, for which one loss is enough against a load, has no majority that noise is averaged in.
// It begins last, below all loads that ever lost and where 13 % of the trials' time would lose, looks for its upper
// bound a width above by short trials, and walks down by a quarter of the width.
//
// A load that the generator could not offer twice, or not nearly, is beyond it: all loads from there on are out of the
// search.
std::variant<Trial, RateSearchResult> NextTrial(const RateSearchSettings& settings,
                                                std::span<const TrialResult> trials);

}  // namespace feedfarm
