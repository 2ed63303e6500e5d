#include "pipeline/source/line_endpoint.h"

#include <arpa/inet.h>
#include <net/if.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace feedfarm {

absl::StatusOr<LineEndpoint> ParseLineEndpoint(absl::string_view interface, absl::string_view address_and_port) {
  if (interface.empty() || interface.size() >= IFNAMSIZ) {
    return absl::InvalidArgumentError(absl::StrCat("\"", interface, "\" is not an interface name"));
  }
  const absl::Status bad =
      absl::InvalidArgumentError(absl::StrCat("\"", address_and_port, "\" is not ADDRESS:PORT, e.g. 239.10.0.1:26400"));
  const size_t colon = address_and_port.rfind(':');
  if (colon == absl::string_view::npos) return bad;
  const std::string address(address_and_port.substr(0, colon));
  const absl::string_view port_text = address_and_port.substr(colon + 1);
  in_addr parsed{};
  uint32_t port = 0;
  if (inet_pton(AF_INET, address.c_str(), &parsed) != 1) return bad;
  if (!absl::SimpleAtoi(port_text, &port) || port == 0 || port > 65535) {
    return bad;
  }
  return LineEndpoint{std::string(interface), ntohl(parsed.s_addr), static_cast<uint16_t>(port)};
}

std::string FormatAddress(const LineEndpoint& endpoint) {
  return absl::StrCat(endpoint.group >> 24, ".", (endpoint.group >> 16) & 0xFF, ".", (endpoint.group >> 8) & 0xFF, ".",
                      endpoint.group & 0xFF, ":", endpoint.port);
}

}  // namespace feedfarm
