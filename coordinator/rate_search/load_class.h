#pragma once

#include <cstdint>
#include <span>

#include "coordinator/rate_search/search_goal.h"

namespace feedfarm {

// What the trials at one load say of it, for one goal.
enum class LoadClass : uint8_t { kUndecided, kLower, kUpper };

// When a load counts as decided: a goal's, or that of one of its coarser phases.
struct LoadTarget {
  double loss_ratio = 0;
  double exceed_ratio = 0;
  uint64_t trial_ns = 0;
  uint64_t duration_sum_ns = 0;
};

// Classifies one load by all its trials (draft-ietf-bmwg-mlrsearch, appendix "Load Classification Code"): lower bound where even
// high loss in all that is still missing to the duration sum would not exceed the ratio, upper bound where even low loss would;
// short high-loss trials count against the load as far as short low-loss ones do not balance them. Trials of a limited generator must
// not be among them.
LoadClass Classify(const LoadTarget& target, std::span<const TrialResult> trials);

// Packets a second that the subject forwards at a load, "conditional throughput" of the draft: load * (1 - the loss ratio that full-length
// trials do not exceed for 1 - exceed ratio of the time). 0 where no trial is full-length.
double ConditionalThroughput(const LoadTarget& target, double load_pps, std::span<const TrialResult> trials);

}  // namespace feedfarm
