#include "agent/host/host_fitness.h"

#include <net/if.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/host/link_query.h"

namespace feedfarm {

std::vector<std::string> UnfitReasons(const v1::HostFacts& facts) {
  std::vector<std::string> reasons;
  for (const v1::PortFacts& port : facts.ports()) {
    if (!port.carrier()) reasons.push_back(absl::StrCat("port ", port.name(), " has no carrier"));
    if (!port.xdp_native() && !port.xdp_generic()) {
      reasons.push_back(absl::StrCat("port ", port.name(), " takes no XDP program"));
    }
  }
  if (facts.ports().empty()) reasons.push_back("no port");
  return reasons;
}

HostFitness ProbeFitness(HostProbeOptions options) {
  HostFitness fitness;
  const auto missing = [](const HostProbeOptions::Port& port) { return ::if_nametoindex(port.interface.c_str()) == 0; };
  for (const HostProbeOptions::Port& port : options.ports) {
    if (missing(port)) fitness.reasons.push_back(absl::StrCat("port ", port.interface, " does not exist"));
  }
  std::erase_if(options.ports, missing);
  for (const HostProbeOptions::Port& port : options.ports) {
    const absl::StatusOr<LinkAttributes> link = QueryLink(port.interface);
    // The host is idle, so it is not this agent's.
    if (link.ok() && !link->xdp_mode.empty()) {
      fitness.reasons.push_back(absl::StrCat("port ", port.interface, " has another XDP program (id ", link->xdp_program_id,
                                             ", ", link->xdp_mode, ")"));
    }
  }
  absl::StatusOr<v1::HostFacts> facts = ProbeHost(options);
  if (!facts.ok()) {
    fitness.facts.set_name(options.name);
    fitness.reasons.push_back(absl::StrCat("the host cannot be probed: ", facts.status().ToString()));
    return fitness;
  }
  fitness.facts = *std::move(facts);
  std::vector<std::string> reasons = UnfitReasons(fitness.facts);
  std::move(reasons.begin(), reasons.end(), std::back_inserter(fitness.reasons));
  return fitness;
}

}  // namespace feedfarm
