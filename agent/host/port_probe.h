#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "proto/manifest.pb.h"

namespace feedfarm {

// Facts of one interface, through netlink and ethtool ioctls of the calling thread's network namespace; `sys` is only
// read for the NUMA node of a PCI device. Tries XDP where `try_xdp` is set and the interface has no program. NOT_FOUND:
// no such interface.
absl::StatusOr<v1::PortFacts> ProbePort(const std::string& interface, bool try_xdp, const std::string& sys);

}  // namespace feedfarm
