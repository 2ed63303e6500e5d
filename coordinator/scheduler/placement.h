#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/agent_service.pb.h"
#include "proto/manifest.pb.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// A registered host as the scheduler sees it.
struct PlacementHost {
  std::string name;
  v1::HostFacts facts;
  // Why nothing may be placed on it now, a sentence each ("busy with c1.r2", "lost: last heard 12s ago"); empty = free and fit.
  std::vector<std::string> blocked_by;
  // Ports with the run that still holds each. Their links carry that run's traffic alone: whoever else is plugged into them waits.
  std::map<std::string, std::string> held_ports;
};

// A run that waits.
struct QueuedRun {
  std::string run_id;
  std::string campaign_id;
  const v1::Placement* placement = nullptr;
};

// One role's place. A profile takes no ports.
struct RolePlace {
  v1::Role role = v1::ROLE_UNSPECIFIED;
  std::string host;
  std::string port_a;
  std::string port_b;
};

// A place for each role of a gang (scheduler/gang.h), in its order. Of a feed: ports of two hosts that two links join, line A on
// the first of them by name. Of a profile: one host, whole.
using GangPlaces = std::vector<RolePlace>;

// A run to be started.
struct PlacedRun {
  std::string run_id;
  GangPlaces places;
};

// Hosts for a scenario, or why there are none.
struct PlaceSearch {
  // Empty: not found.
  GangPlaces places;
  // Empty when found; a constraint a sentence: "handler: driver == ice: src has veth, dut has veth".
  std::vector<std::string> problems;
  bool found() const { return !places.empty(); }
  // "" where it was not found or the gang has no such role.
  std::string HostOf(v1::Role role) const;
};

// All below is pure. Deterministic: hosts are tried in the order given.

// Hosts that could carry it if every registered host were free and fit.
PlaceSearch FindPlaceEver(const v1::Placement& placement, const std::vector<PlacementHost>& hosts);
// Hosts that can carry it now, on links that no run holds; `problems` name what blocks those that otherwise would.
PlaceSearch FindPlaceNow(const v1::Placement& placement, const std::vector<PlacementHost>& hosts);

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
