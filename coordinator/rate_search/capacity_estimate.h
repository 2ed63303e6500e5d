#pragma once

#include <cstdint>
#include <optional>

#include "coordinator/rate_search/load_grid.h"
#include "coordinator/rate_search/relevant_bounds.h"

namespace feedfarm {

// What all trials together say of the subject's capacity, packets a second: the load that a share `exceed_ratio` of the
// time is too much for. A trial that lost shows what the subject could do just then, load * (1 - loss); one that lost
// nothing shows that it could do no less. The estimate is the quantile of the distribution that these right-censored
// samples have (Kaplan and Meier, 1958), weighed by trial time, at most `weight_ns_max` a trial; it assumes no shape of
// the noise. Nothing where too few trials lost to say.
//
// It only guides the search to the loads that are worth trying: a subject that forwards less the more it is overloaded
// makes it wrong, and bounds are made by trials at their load alone.
std::optional<double> EstimateCapacity(const TrialsByLoad& trials, const LoadGrid& grid, double exceed_ratio,
                                       uint64_t weight_ns_max);

}  // namespace feedfarm
