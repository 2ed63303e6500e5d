#pragma once

#include <cstdint>

#include "proto/farm_service.pb.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// What a trial takes besides its traffic: preparation, start, verdict, teardown. In the lab; a host with a NIC that
// resets takes longer.
inline constexpr uint64_t kTrialOverheadNs = 1'250'000'000;

// What a search will cost before anything was tried, by searching steady subjects: ones with a capacity anywhere
// between the bounds, one that carries all and one that carries nothing. `most` is what ends every search: all of
// trials_max, each of the longest kind. Noise makes a search about twice as long as `usual`. Pure; settings as
// CheckSettings wants them. Some milliseconds.
v1::SearchEstimate EstimateSearch(const v1::RateSearch& search);

}  // namespace feedfarm
