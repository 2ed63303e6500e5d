#pragma once

#include <string>
#include <vector>

#include "agent/host/host_probe.h"
#include "proto/manifest.pb.h"

namespace feedfarm {

// The host as it was probed, and why it must not be used; no reason = fit.
struct HostFitness {
  v1::HostFacts facts;
  std::vector<std::string> reasons;
};

// Probes the ports that exist; one that is missing, or has an XDP program, is a reason, not an error. Only while no run is on
// the host: a run's own program would be taken for somebody else's. See ProbeHost.
HostFitness ProbeFitness(HostProbeOptions options);

// What is wrong with the ports of `facts`, one sentence each. Pure.
std::vector<std::string> UnfitReasons(const v1::HostFacts& facts);

}  // namespace feedfarm
