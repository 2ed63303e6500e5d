#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "coordinator/rate_search/load_class.h"
#include "coordinator/rate_search/search_goal.h"

namespace feedfarm {

// Trials by their load's position in the grid; those of a limited generator are not among them.
using TrialsByLoad = std::map<int64_t, std::vector<TrialResult>>;

// The lowest upper bound and the highest lower bound below it, as positions; -1 = none.
struct RelevantBounds {
  int64_t lower = -1;
  int64_t upper = -1;
};

// Nothing where the trials have no bound for the target.
RelevantBounds FindBounds(const LoadTarget& target, const TrialsByLoad& trials);

}  // namespace feedfarm
