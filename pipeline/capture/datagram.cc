#include "pipeline/capture/datagram.h"

#include <algorithm>
#include <optional>

#include "pipeline/base/endian.h"

namespace feedfarm {
namespace {

constexpr uint16_t kEtherIpv4 = 0x0800;
constexpr uint16_t kEther8021Q = 0x8100;
constexpr uint16_t kEther8021Ad = 0x88A8;
constexpr uint16_t kEtherOldQinQ = 0x9100;
constexpr size_t kTagBytes = 4;
constexpr size_t kIpv4BytesMin = 20;
constexpr size_t kUdpBytes = 8;
constexpr uint8_t kProtocolUdp = 17;
// More fragments, and the fragment's offset: all zero in a whole datagram.
constexpr uint16_t kFragmentMask = 0x3FFF;

// Where the ethertype stands and the network layer begins.
struct LinkHeader {
  size_t ethertype;
  size_t bytes;
};

std::optional<LinkHeader> HeaderOf(uint16_t link_type) {
  switch (static_cast<LinkType>(link_type)) {
    case LinkType::kEthernet:
      return LinkHeader{12, 14};
    case LinkType::kLinuxCooked:
      return LinkHeader{14, 16};
    case LinkType::kLinuxCooked2:
      return LinkHeader{0, 20};
    case LinkType::kRaw:
    case LinkType::kIpv4:
      return LinkHeader{0, 0};
  }
  return std::nullopt;
}

bool IsTag(uint16_t ethertype) {
  return ethertype == kEther8021Q || ethertype == kEther8021Ad || ethertype == kEtherOldQinQ;
}

// The frame's IPv4 packet and what is behind it; empty where it is none.
struct Network {
  Datagram::Kind kind;
  std::span<const uint8_t> bytes;
};

Network FindIpv4(uint16_t link_type, std::span<const uint8_t> frame, Datagram::Kind if_short) {
  const std::optional<LinkHeader> header = HeaderOf(link_type);
  if (!header) return {Datagram::Kind::kForeign, {}};
  if (header->bytes == 0) return {Datagram::Kind::kUdp, frame};
  if (frame.size() < header->bytes) return {if_short, {}};
  uint16_t ethertype = LoadBig<uint16_t>(frame.data() + header->ethertype);
  size_t at = header->bytes;
  while (IsTag(ethertype)) {
    if (frame.size() < at + kTagBytes) return {if_short, {}};
    ethertype = LoadBig<uint16_t>(frame.data() + at + 2);
    at += kTagBytes;
  }
  if (ethertype != kEtherIpv4) return {Datagram::Kind::kForeign, {}};
  return {Datagram::Kind::kUdp, frame.subspan(at)};
}

}  // namespace

bool IsReadLinkType(uint16_t link_type) { return HeaderOf(link_type).has_value(); }

Datagram FindDatagram(uint16_t link_type, std::span<const uint8_t> frame, size_t wire_bytes) {
  using Kind = Datagram::Kind;
  const Kind if_short = frame.size() < wire_bytes ? Kind::kTruncated : Kind::kForeign;
  const auto [kind, ip] = FindIpv4(link_type, frame, if_short);
  if (kind != Kind::kUdp) return {.kind = kind};
  if (ip.size() < kIpv4BytesMin) return {.kind = if_short};
  const size_t ip_bytes = (ip[0] & 0x0Fu) * 4;
  const size_t total = LoadBig<uint16_t>(ip.data() + 2);
  const bool fragment = (LoadBig<uint16_t>(ip.data() + 6) & kFragmentMask) != 0;
  if (ip[0] >> 4 != 4 || ip_bytes < kIpv4BytesMin || ip[9] != kProtocolUdp || fragment) return {.kind = Kind::kForeign};
  if (total < ip_bytes + kUdpBytes) return {.kind = Kind::kForeign};
  if (ip.size() < ip_bytes + kUdpBytes) return {.kind = if_short};
  const uint8_t* udp = ip.data() + ip_bytes;
  const size_t udp_bytes = LoadBig<uint16_t>(udp + 4);
  if (udp_bytes < kUdpBytes || udp_bytes > total - ip_bytes) return {.kind = Kind::kForeign};

  Datagram datagram{.kind = Kind::kUdp};
  datagram.dst_address = LoadBig<uint32_t>(ip.data() + 16);
  datagram.dst_port = LoadBig<uint16_t>(udp + 2);
  const size_t there = std::min(udp_bytes, ip.size() - ip_bytes) - kUdpBytes;
  datagram.payload = {udp + kUdpBytes, there};
  datagram.truncated = there < udp_bytes - kUdpBytes;
  // A frame that was captured whole yet is shorter than its own headers say was never a datagram.
  if (datagram.truncated && if_short == Kind::kForeign) return {.kind = Kind::kForeign};
  return datagram;
}

}  // namespace feedfarm
