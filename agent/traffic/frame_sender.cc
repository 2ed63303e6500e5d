#include "agent/traffic/frame_sender.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/source/send_trailer.h"

namespace feedfarm {
namespace {

struct Interface {
  int index = 0;
  uint32_t mtu = 0;
  uint32_t address = 0;
  std::array<uint8_t, 6> mac{};
};

absl::Status Unfit(const std::string& interface, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("interface ", interface, " ", why));
}

absl::StatusOr<Interface> Describe(int fd, const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ) return Unfit("'" + name + "'", "is no interface name");
  ifreq request{};
  std::memcpy(request.ifr_name, name.data(), name.size());
  Interface interface;
  if (::ioctl(fd, SIOCGIFINDEX, &request) != 0) return Unfit(name, "does not exist");
  interface.index = request.ifr_ifindex;
  if (::ioctl(fd, SIOCGIFFLAGS, &request) != 0) return ErrnoStatus(absl::StrCat("SIOCGIFFLAGS ", name));
  if ((request.ifr_flags & IFF_UP) == 0) return Unfit(name, "is down");
  if (::ioctl(fd, SIOCGIFMTU, &request) != 0) return ErrnoStatus(absl::StrCat("SIOCGIFMTU ", name));
  interface.mtu = static_cast<uint32_t>(request.ifr_mtu);
  if (::ioctl(fd, SIOCGIFHWADDR, &request) != 0) return ErrnoStatus(absl::StrCat("SIOCGIFHWADDR ", name));
  std::memcpy(interface.mac.data(), request.ifr_hwaddr.sa_data, interface.mac.size());
  if (::ioctl(fd, SIOCGIFADDR, &request) != 0) return Unfit(name, "has no IPv4 address");
  sockaddr_in address;
  std::memcpy(&address, &request.ifr_addr, sizeof(address));
  interface.address = ntohl(address.sin_addr.s_addr);
  return interface;
}

}  // namespace

std::string AddressText(uint32_t address) {
  return absl::StrFormat("%d.%d.%d.%d", address >> 24, address >> 16 & 0xFF, address >> 8 & 0xFF, address & 0xFF);
}

absl::StatusOr<uint32_t> ParseAddress(const std::string& text) {
  in_addr address;
  if (::inet_pton(AF_INET, text.c_str(), &address) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no IPv4 address"));
  }
  return ntohl(address.s_addr);
}

absl::StatusOr<FrameSender> FrameSender::Create(const std::string& interface, const v1::Endpoint& to) {
  FEEDFARM_ASSIGN_OR_RETURN(const uint32_t group, ParseAddress(to.address()));
  if (group >> 28 != 0xE || to.port() == 0 || to.port() > UINT16_MAX) {
    return absl::InvalidArgumentError(absl::StrCat(to.address(), ":", to.port(), " is no multicast group and port"));
  }
  // An inet socket for questions: it needs no privilege, so that a missing interface is not called a missing right.
  ScopedFd asking(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!asking.valid()) return ErrnoStatus("socket AF_INET");
  FEEDFARM_ASSIGN_OR_RETURN(const Interface port, Describe(asking.get(), interface));
  // Protocol 0: this socket receives nothing.
  ScopedFd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("socket AF_PACKET for ", interface));
  sockaddr_ll bound{};
  bound.sll_family = AF_PACKET;
  bound.sll_ifindex = port.index;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&bound), sizeof(bound)) != 0) {
    return ErrnoStatus(absl::StrCat("bind AF_PACKET to ", interface));
  }
  const int on = 1;
  // Refused by old kernels: then frames pass the queueing discipline, only slower.
  (void)::setsockopt(fd.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
  const LineFrame line(
      {.source_mac = port.mac, .source = port.address, .group = group, .port = static_cast<uint16_t>(to.port())},
      port.mtu);
  return FrameSender(std::move(fd), line, port.mtu, port.address);
}

FrameSender::FrameSender(ScopedFd fd, const LineFrame& line, uint32_t mtu, uint32_t address)
    : fd_(std::move(fd)),
      line_(line),
      address_(address),
      frame_bytes_((LineFrame::kHeaderBytes + mtu + kSendTrailerBytes + 63) / 64 * 64),
      frames_(kSlots * frame_bytes_),
      vectors_(kSlots),
      messages_(kSlots) {
  for (size_t slot = 0; slot < kSlots; ++slot) {
    vectors_[slot].iov_base = frame(slot);
    messages_[slot].msg_hdr.msg_iov = &vectors_[slot];
    messages_[slot].msg_hdr.msg_iovlen = 1;
  }
}

size_t FrameSender::SendBatch(size_t count) {
  size_t sent = 0;
  int tries = 0;
  for (size_t at = 0; at < count;) {
    const int taken = ::sendmmsg(fd_.get(), &messages_[at], static_cast<unsigned>(count - at), MSG_DONTWAIT);
    if (taken > 0) {
      at += static_cast<size_t>(taken);
      sent += static_cast<size_t>(taken);
      tries = 0;
      continue;
    }
    if (errno == EINTR) continue;
    const bool full = errno == ENOBUFS || errno == EAGAIN;
    if (full && ++tries < kTriesMax) {
      ::sched_yield();
      continue;
    }
    ++at;
    tries = 0;
  }
  return sent;
}

}  // namespace feedfarm
