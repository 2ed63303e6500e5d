#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/manifest.pb.h"

namespace feedfarm {

struct HostProbeOptions {
  struct Port {
    std::string interface;
    std::string link;  // the wire it is plugged into, from the agent's configuration
  };

  std::string name;
  std::vector<Port> ports;
  // Attach a program and bind a socket to find out what a port can do. Disturbs the port: never while it is leased.
  bool try_xdp = true;
  // What an earlier probe found: where nothing is tried, its findings are carried over. May be null. Borrowed for the
  // call.
  const v1::HostFacts* earlier = nullptr;
  // Roots of the files that are read; tests bring their own.
  std::string proc = "/proc";
  std::string sys = "/sys";
  std::string etc = "/etc";
};

// Facts of this host and of its ports. Interfaces are asked through netlink and ioctls of the caller's network
// namespace: an agent that entered one with setns still sees the old namespace's /sys/class/net. Facts that cannot be
// had are left at their "unknown" value. NOT_FOUND: an interface does not exist here. Otherwise errno of a socket that
// could not be made. Takes up to seconds where try_xdp is set.
absl::StatusOr<v1::HostFacts> ProbeHost(const HostProbeOptions& options);

// The hash over what must not change between comparable runs, 32 hex digits: system, processor, memory, and of each
// port what it is and can do; not names, addresses and carrier. ProbeHost fills it in.
std::string Fingerprint(const v1::HostFacts& facts);

}  // namespace feedfarm
