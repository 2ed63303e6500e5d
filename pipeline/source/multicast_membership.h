#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/source/line_endpoint.h"

namespace feedfarm {

// This host's membership of a multicast group on one interface: the switch sends the group here (IGMP) and the NIC lets
// it through while this object lives. Left by the destructor, and by the kernel when the process dies. veth delivers
// without it.
class MulticastMembership {
 public:
  // InvalidArgument: not a multicast address; NotFound: no such interface; others: errno of IP_ADD_MEMBERSHIP.
  static absl::StatusOr<MulticastMembership> Join(const LineEndpoint& endpoint);

  MulticastMembership(MulticastMembership&&) = default;
  MulticastMembership& operator=(MulticastMembership&&) = default;

 private:
  explicit MulticastMembership(ScopedFd socket) : socket_(std::move(socket)) {}

  ScopedFd socket_;  // never bound and never read: it holds the membership
};

// Joins the multicast groups among `lines`; the first that fails ends it.
absl::StatusOr<std::vector<MulticastMembership>> JoinGroups(std::span<const LineEndpoint> lines);

}  // namespace feedfarm
