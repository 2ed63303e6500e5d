#pragma once

#include <string>
#include <vector>

#include "proto/farm_service.pb.h"

namespace feedfarm {

// The table that people read after a campaign: a row a run and receive-time class with verdict, messages, gaps,
// duplicates, failover, recovery, and the decode latency's quantiles.
std::string RunTable(const std::vector<v1::RunStatus>& runs);

// What one run is called: "burst[rate=50000pps]", or "burst #2" for a repetition.
std::string RunName(const v1::RunStatus& run, bool repeated);

}  // namespace feedfarm
