#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/host/cgroup.h"

namespace feedfarm {

// What a run may change on one interface.
struct PortState {
  std::string interface;
  bool exists = false;  // all else is unset where it does not
  bool up = false;
  bool promiscuous = false;
  bool all_multicast = false;
  uint32_t mtu = 0;
  uint32_t xdp_program_id = 0;           // 0 = none
  std::string xdp_mode;                  // "", "native", "generic", "offload", "several"
  std::string qdisc;                     // root qdisc's kind
  std::vector<std::string> memberships;  // IPv4 groups, sorted, dotted

  friend bool operator==(const PortState&, const PortState&) = default;
};

// One of our cgroups with what lives in it.
struct GroupState {
  std::string name;
  std::vector<std::string> processes;  // "4711 feedfarm-handler", sorted

  friend bool operator==(const GroupState&, const GroupState&) = default;
};

// Everything that a run may leave behind on a host. Children of the agent live in our cgroups, so these hold the
// processes.
struct HostState {
  std::vector<PortState> ports;
  std::vector<GroupState> groups;

  friend bool operator==(const HostState&, const HostState&) = default;
};

struct HostStateOptions {
  std::vector<std::string> interfaces;
  // Only groups whose name begins with this: other agents on the machine have their own.
  std::string group_prefix;
  CgroupOptions cgroups;
  std::string proc = "/proc";
};

// The state now, of the calling thread's network namespace. A missing interface or a missing cgroup tree is a state,
// not an error. Status: errno of a failed netlink socket or file.
absl::StatusOr<HostState> TakeHostState(const HostStateOptions& options);

// One sentence a difference, empty = the host is as it was. Pure.
std::vector<std::string> Difference(const HostState& before, const HostState& after);

}  // namespace feedfarm
