#pragma once

#include <cstdint>
#include <string>

namespace feedfarm {

// What a figure was measured on. Empty where the system does not say.
struct HostFacts {
  std::string system;     // "Debian GNU/Linux 12 (bookworm)"
  std::string kernel;     // "6.1.0-18-amd64"
  std::string cpu;        // model
  uint32_t cpus = 0;      // that this process may run on
};

HostFacts ReadHostFacts();

// Hosts of one class give comparable figures: "<cpu>/<cpus>cpu/<kernel>".
std::string HostClass(const HostFacts& facts);

// The driver of an interface ("ice", "veth"); empty where it has none, as lo.
std::string NicDriver(const std::string& interface);

}  // namespace feedfarm
