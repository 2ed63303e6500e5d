#include "agent/traffic/line_frame.h"

#include <algorithm>
#include <cstring>

#include "pipeline/base/endian.h"
#include "pipeline/source/send_trailer.h"

namespace feedfarm {
namespace {

constexpr uint16_t kIpv4Type = 0x0800;
constexpr uint8_t kVersionAndLength = 0x45;
constexpr uint16_t kDontFragment = 0x4000;
// Far enough for any lab, not for the world.
constexpr uint8_t kTimeToLive = 16;
constexpr uint8_t kUdp = 17;
constexpr size_t kIp = 14, kUdpHeader = 34;

// RFC 1071: the ones' complement sum, not yet folded; 32 bits at a time, in the host's byte order, which the sum
// survives.
uint64_t Sum(const uint8_t* at, size_t bytes, uint64_t sum) {
  for (; bytes >= 4; at += 4, bytes -= 4) sum += LoadLittle<uint32_t>(at);
  if (bytes >= 2) {
    sum += LoadLittle<uint16_t>(at);
    at += 2;
    bytes -= 2;
  }
  return bytes == 1 ? sum + *at : sum;
}

uint16_t Checksum(uint64_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

uint64_t Swapped(uint16_t value) { return __builtin_bswap16(value); }

}  // namespace

LineFrame::LineFrame(const Addresses& addresses, uint32_t mtu) : mtu_(std::max<size_t>(mtu, kHeaderBytes)) {
  uint8_t* at = header_.data();
  const uint8_t multicast[3] = {0x01, 0x00, 0x5E};
  std::memcpy(at, multicast, sizeof(multicast));
  at[3] = static_cast<uint8_t>(addresses.group >> 16 & 0x7F);
  StoreBig<uint16_t>(at + 4, static_cast<uint16_t>(addresses.group));
  std::memcpy(at + 6, addresses.source_mac.data(), addresses.source_mac.size());
  StoreBig<uint16_t>(at + 12, kIpv4Type);
  at[kIp] = kVersionAndLength;
  StoreBig<uint16_t>(at + kIp + 6, kDontFragment);
  at[kIp + 8] = kTimeToLive;
  at[kIp + 9] = kUdp;
  StoreBig<uint32_t>(at + kIp + 12, addresses.source);
  StoreBig<uint32_t>(at + kIp + 16, addresses.group);
  StoreBig<uint16_t>(at + kUdpHeader, addresses.port);
  StoreBig<uint16_t>(at + kUdpHeader + 2, addresses.port);
}

size_t LineFrame::Finish(uint8_t* frame, size_t payload_bytes, uint64_t intended_tai_ns) const {
  std::memcpy(frame, header_.data(), kHeaderBytes);
  const auto udp_bytes = static_cast<uint16_t>(kHeaderBytes - kUdpHeader + payload_bytes);
  StoreBig<uint16_t>(frame + kIp + 2, static_cast<uint16_t>(kHeaderBytes - kIp + payload_bytes));
  StoreLittle<uint16_t>(frame + kIp + 10, Checksum(Sum(frame + kIp, kUdpHeader - kIp, 0)));
  StoreBig<uint16_t>(frame + kUdpHeader + 4, udp_bytes);
  // The pseudo header: both addresses, the protocol, UDP's length.
  const uint64_t pseudo = Sum(frame + kIp + 12, 8, Swapped(kUdp) + Swapped(udp_bytes));
  const uint16_t checksum = Checksum(Sum(frame + kUdpHeader, udp_bytes, pseudo));
  // 0 would mean that there is none.
  StoreLittle<uint16_t>(frame + kUdpHeader + 6, checksum == 0 ? uint16_t{0xFFFF} : checksum);
  const size_t bytes = kHeaderBytes + payload_bytes;
  if (bytes + kSendTrailerBytes > mtu_ + kEthernetBytes) return bytes;
  StoreSendTrailer(frame + bytes, intended_tai_ns);
  return bytes + kSendTrailerBytes;
}

}  // namespace feedfarm
