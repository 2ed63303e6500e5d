#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace feedfarm {

// One thing searched for: the highest load at which the subject loses no more than this. The attributes are those of
// draft-ietf-bmwg-mlrsearch, section "Search Goal", under its names.
struct SearchGoal {
  std::string name;
  // A trial that loses more than this share is a high-loss trial.
  double loss_ratio = 0;
  // Of the coarse first trials. At most `final_trial_ns`.
  uint64_t initial_trial_ns = 0;
  // A trial of at least this length is full-length; shorter ones can only speak against a load.
  uint64_t final_trial_ns = 0;
  // Full-length trials at a load until it is decided, together. At least `final_trial_ns`.
  uint64_t duration_sum_ns = 0;
  // Share of the time at a load that may be in high-loss trials, 0 <= x < 1.
  double exceed_ratio = 0;
  // The search ends when (upper - lower) / upper is not greater.
  double width = 0;
};

// What is searched, and within what bounds.
struct RateSearchSettings {
  // Loads in packets a second; 1 <= min < max.
  double min_pps = 0;
  double max_pps = 0;
  // Not empty, names unique. Sooner ones are searched first in each phase.
  std::vector<SearchGoal> goals;
  // Phases of each goal before its last one, each twice as wide as the next.
  uint32_t preceding_phases = 1;
  // Then the search ends with what it has.
  uint32_t trials_max = 1000;
};

// What to try next.
struct Trial {
  double load_pps = 0;
  uint64_t duration_ns = 0;
  friend bool operator==(const Trial&, const Trial&) = default;
};

// What a trial gave.
struct TrialResult {
  Trial trial;
  // Lost / sent, 0..1.
  double loss_ratio = 0;
  // The load was not truly offered: the generator sent less, or too late. Says nothing of the subject.
  bool generator_limited = false;
  // Packets a second that were sent. Read only where the generator was limited.
  double sent_pps = 0;
};

}  // namespace feedfarm
