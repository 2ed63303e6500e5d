#pragma once

#include <string>
#include <vector>

#include "proto/farm_service.pb.h"

namespace feedfarm {

// The table that people read after a campaign: a row a run and receive-time class with verdict, messages, gaps,
// duplicates, failover, recovery, and the decode latency's quantiles.
std::string RunTable(const std::vector<v1::RunStatus>& runs);

// Where a run is, or would be: "src>dut", of a profile "dut", "-" nowhere. `Run` is v1::RunStatus or v1::PlannedRun.
template <class Run>
std::string HostsText(const Run& run) {
  if (!run.profile_host().empty()) return run.profile_host();
  return run.source_host().empty() ? "-" : run.source_host() + ">" + run.handler_host();
}

// What one run is called: "burst[rate=50000pps]", or "burst #2" for a repetition.
std::string RunName(const v1::RunStatus& run, bool repeated);

}  // namespace feedfarm
