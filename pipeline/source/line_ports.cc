#include "pipeline/source/line_ports.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {

absl::StatusOr<std::vector<LinePort>> FindPorts(const std::array<LineEndpoint, kLines>& lines) {
  std::vector<LinePort> ports;
  for (size_t line = 0; line < kLines; ++line) {
    auto port = std::find_if(ports.begin(), ports.end(), [&](const LinePort& known) {
      return known.interface.name == lines[line].interface;
    });
    if (port == ports.end()) {
      FEEDFARM_ASSIGN_OR_RETURN(NetworkInterface interface, NetworkInterface::Probe(lines[line].interface));
      if (!interface.up) return absl::FailedPreconditionError(absl::StrCat(interface.name, " is down"));
      ports.push_back(LinePort{.interface = std::move(interface), .endpoints = {}});
      port = ports.end() - 1;
    }
    port->endpoints[line] = lines[line];
  }
  return ports;
}

}  // namespace feedfarm
