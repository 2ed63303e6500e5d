#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "pipeline/base/endian.h"

namespace feedfarm {

// One UDP datagram inside an Ethernet frame; views into the frame.
struct UdpFrame {
  uint32_t destination = 0;  // IPv4, host byte order
  uint16_t port = 0;         // destination port, host byte order
  std::span<const uint8_t> payload;
  std::span<const uint8_t> behind;  // the frame's bytes after the IP packet's end: padding, or a send trailer
};

// Reads Ethernet II with up to two VLAN tags (802.1Q, 802.1ad), IPv4 with options, UDP (RFC 791, RFC 768). Nothing
// where `frame` is something else, a fragment, or where its lengths do not agree with each other and with its size. Any
// bytes are safe.
inline std::optional<UdpFrame> ParseUdpFrame(std::span<const uint8_t> frame) {
  constexpr size_t kEthernetBytes = 14, kTagBytes = 4, kIpBytes = 20, kUdpBytes = 8, kTagsMax = 2;
  constexpr uint16_t kIpv4 = 0x0800, kVlan = 0x8100, kServiceVlan = 0x88A8;
  constexpr uint16_t kFragmentBits = 0x3FFF;  // more fragments, and the offset
  constexpr uint8_t kUdp = 17;

  if (frame.size() < kEthernetBytes + kIpBytes + kUdpBytes) return std::nullopt;
  size_t at = kEthernetBytes;
  uint16_t protocol = LoadBig<uint16_t>(frame.data() + at - 2);
  for (size_t tags = 0; (protocol == kVlan || protocol == kServiceVlan) && tags < kTagsMax; ++tags) {
    at += kTagBytes;
    if (frame.size() < at) return std::nullopt;
    protocol = LoadBig<uint16_t>(frame.data() + at - 2);
  }
  if (protocol != kIpv4) return std::nullopt;

  const std::span<const uint8_t> ip = frame.subspan(at);
  if (ip.size() < kIpBytes || ip[0] >> 4 != 4) return std::nullopt;
  const size_t ip_header = (ip[0] & 0xFu) * 4u;
  const size_t ip_total = LoadBig<uint16_t>(ip.data() + 2);
  if (ip_header < kIpBytes || ip_total < ip_header + kUdpBytes || ip_total > ip.size()) return std::nullopt;
  if (ip[9] != kUdp || (LoadBig<uint16_t>(ip.data() + 6) & kFragmentBits) != 0) return std::nullopt;

  const uint8_t* udp = ip.data() + ip_header;
  const size_t udp_total = LoadBig<uint16_t>(udp + 4);
  if (udp_total < kUdpBytes || udp_total > ip_total - ip_header) return std::nullopt;
  return UdpFrame{.destination = LoadBig<uint32_t>(ip.data() + 16),
                  .port = LoadBig<uint16_t>(udp + 2),
                  .payload = {udp + kUdpBytes, udp_total - kUdpBytes},
                  .behind = ip.subspan(ip_total)};
}

}  // namespace feedfarm
