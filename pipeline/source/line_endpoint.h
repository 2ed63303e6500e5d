#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace feedfarm {

// Where one line of a feed arrives.
struct LineEndpoint {
  std::string interface;  // network interface, e.g. "line_a"
  uint32_t group = 0;     // IPv4 address, host byte order; multicast, or one of the interface's own
  uint16_t port = 0;      // UDP, host byte order

  bool is_multicast() const { return (group >> 28) == 0xE; }
  friend bool operator==(const LineEndpoint&, const LineEndpoint&) = default;
};

// From an interface's name and "239.10.0.1:26400".
// InvalidArgument: no name, a name too long, not a dotted quad, port missing or outside 1..65535.
absl::StatusOr<LineEndpoint> ParseLineEndpoint(absl::string_view interface, absl::string_view address_and_port);

// "239.10.0.1:26400".
std::string FormatAddress(const LineEndpoint& endpoint);

}  // namespace feedfarm
