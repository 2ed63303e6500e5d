#pragma once

#include <linux/filter.h>

#include <array>
#include <vector>

#include "absl/status/status.h"
#include "pipeline/source/line_endpoint.h"
#include "pipeline/source/packet_source.h"

namespace feedfarm {

// A classic BPF program (linux/filter.h) that keeps whole, unfragmented IPv4/UDP datagrams to one of the endpoints
// (those with a port), behind up to two VLAN tags, and drops everything else in the kernel. Lengths are not checked:
// ParseUdpFrame does that.
std::vector<sock_filter> UdpFilter(const std::array<LineEndpoint, kLines>& endpoints);

// For a packet socket, before it is bound: nothing else ever enters it. Errors: errno.
absl::Status AttachFilter(int socket_fd, const std::vector<sock_filter>& filter);

}  // namespace feedfarm
