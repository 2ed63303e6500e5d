#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/manifest.pb.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// A registered host as the scheduler sees it.
struct PlacementHost {
  std::string name;
  v1::HostFacts facts;
  // Why nothing may be placed on it now, a sentence each ("busy with c1.r2", "lost: last heard 12s ago"); empty = free and fit.
  std::vector<std::string> blocked_by;
};

// A run that waits.
struct QueuedRun {
  std::string run_id;
  std::string campaign_id;
  const v1::Placement* placement = nullptr;
};

// One role's place.
struct RolePlace {
  std::string host;
  std::string port_a;
  std::string port_b;
};

// A gang of two: ports of two hosts that two links join, line A on the first of them by name.
struct PlacedRun {
  std::string run_id;
  RolePlace source;
  RolePlace handler;
};

// A pair for a scenario, or why there is none.
struct PairSearch {
  bool found = false;
  RolePlace source;
  RolePlace handler;
  // Empty when found; a constraint a sentence: "handler: driver == ice: src has veth, dut has veth".
  std::vector<std::string> problems;
};

// All below is pure. Deterministic: hosts are tried in the order given.

// A pair that could carry it if every registered host were free and fit.
PairSearch FindPairEver(const v1::Placement& placement, const std::vector<PlacementHost>& hosts);
// A pair that can carry it now; `problems` name what blocks the hosts that otherwise would.
PairSearch FindPairNow(const v1::Placement& placement, const std::vector<PlacementHost>& hosts);

// A campaign's share at the moment.
struct CampaignLoad {
  std::string campaign_id;
  // Runs that hold hosts.
  int active_runs = 0;
};

// What to start now. `queue` is in order of submission. The campaign with the fewest active runs chooses first, the older one
// on a tie; within a campaign runs start in order: one that must wait keeps the hosts that it could use from the
// later ones of its own campaign. Cost: O(runs * hosts^2) pair checks.
std::vector<PlacedRun> PlaceRuns(const std::vector<QueuedRun>& queue, std::vector<PlacementHost> hosts,
                                 const std::vector<CampaignLoad>& loads);

}  // namespace feedfarm
