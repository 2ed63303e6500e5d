#include "pipeline/source/multicast_membership.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {

absl::StatusOr<MulticastMembership> MulticastMembership::Join(const LineEndpoint& endpoint) {
  const std::string name = absl::StrCat("IP_ADD_MEMBERSHIP ", FormatAddress(endpoint), " on ", endpoint.interface);
  if (!endpoint.is_multicast()) return absl::InvalidArgumentError(absl::StrCat(name, ": not a multicast address"));
  ip_mreqn request{};
  request.imr_multiaddr.s_addr = htonl(endpoint.group);
  request.imr_ifindex = static_cast<int>(if_nametoindex(endpoint.interface.c_str()));
  if (request.imr_ifindex == 0) return absl::NotFoundError(absl::StrCat(name, ": no such interface"));

  ScopedFd socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket_fd.valid()) return ErrnoStatus("socket AF_INET");
  if (setsockopt(socket_fd.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request)) != 0)
    return ErrnoStatus(name);
  return MulticastMembership(std::move(socket_fd));
}

absl::StatusOr<std::vector<MulticastMembership>> JoinGroups(std::span<const LineEndpoint> lines) {
  std::vector<MulticastMembership> memberships;
  for (const LineEndpoint& line : lines) {
    if (!line.is_multicast()) continue;
    FEEDFARM_ASSIGN_OR_RETURN(MulticastMembership membership, MulticastMembership::Join(line));
    memberships.push_back(std::move(membership));
  }
  return memberships;
}

}  // namespace feedfarm
