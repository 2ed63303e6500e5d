#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/source/line_endpoint.h"
#include "pipeline/source/packet_source.h"
#include "pipeline/xdp/network_interface.h"

namespace feedfarm {

// An interface with the lines that arrive on it.
struct LinePort {
  NetworkInterface interface;
  std::array<LineEndpoint, kLines> endpoints;  // port 0: that line arrives elsewhere

  bool Has(LineId line) const { return endpoints[Index(line)].port != 0; }
  // The line of a datagram to this address and port, host byte order.
  std::optional<LineId> LineOf(uint32_t address, uint16_t port) const {
    for (LineId line : {LineId::kA, LineId::kB}) {
      const LineEndpoint& endpoint = endpoints[Index(line)];
      if (endpoint.port != 0 && endpoint.port == port && endpoint.group == address) return line;
    }
    return std::nullopt;
  }
};

// The one or two interfaces of the lines. NotFound: no such interface; FailedPrecondition: it is down.
absl::StatusOr<std::vector<LinePort>> FindPorts(const std::array<LineEndpoint, kLines>& lines);

}  // namespace feedfarm
