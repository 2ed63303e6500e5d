#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace feedfarm {

// What the kernel says about one interface.
struct LinkAttributes {
  int index = 0;
  std::string mac;  // "02:00:00:00:00:01", empty where it has none
  uint32_t mtu = 0;
  bool up = false;
  bool carrier = false;
  bool promiscuous = false;  // also where a socket asked for it
  bool all_multicast = false;
  uint32_t rx_queues = 0;
  uint32_t tx_queues = 0;
  std::string kind;  // "veth"; empty for hardware
  std::string qdisc;
  uint32_t xdp_program_id = 0;  // 0 = none, or several
  std::string xdp_mode;         // "", "native", "generic", "offload", "several"
};

// One RTM_GETLINK in the calling thread's network namespace (never /sys/class/net, which shows the one that /sys was
// mounted in). NOT_FOUND: no such interface. Otherwise errno of the failed call.
absl::StatusOr<LinkAttributes> QueryLink(const std::string& interface);

}  // namespace feedfarm
