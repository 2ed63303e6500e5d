#include "pipeline/source/testing/frame_builder.h"

#include <array>

#include "pipeline/base/endian.h"
#include "pipeline/source/send_trailer.h"

namespace feedfarm::testing {
namespace {

constexpr size_t kUdpBytes = 8;
constexpr uint32_t kSource = 0x0A630002;  // 10.99.0.2

void Append16(std::vector<uint8_t>& out, uint16_t value) {
  out.push_back(static_cast<uint8_t>(value >> 8));
  out.push_back(static_cast<uint8_t>(value));
}

uint16_t InternetChecksum(std::span<const uint8_t> bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) sum += LoadBig<uint16_t>(bytes.data() + i);
  while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

std::vector<uint8_t> BuildIpHeader(const FrameSpec& spec) {
  const size_t header_bytes = 20 + 4u * spec.option_words;
  std::vector<uint8_t> ip(header_bytes, 1);  // options: NOP
  ip[0] = static_cast<uint8_t>(spec.ip_version << 4 | header_bytes / 4);
  ip[1] = 0;
  const int total = static_cast<int>(header_bytes + kUdpBytes + spec.payload.size()) + spec.ip_total_delta;
  StoreBig<uint16_t>(&ip[2], static_cast<uint16_t>(total));
  StoreBig<uint16_t>(&ip[4], 0);
  StoreBig<uint16_t>(&ip[6], spec.fragment_bits);
  ip[8] = 16;
  ip[9] = spec.ip_protocol;
  StoreBig<uint16_t>(&ip[10], 0);
  StoreBig<uint32_t>(&ip[12], kSource);
  StoreBig<uint32_t>(&ip[16], spec.destination);
  StoreBig<uint16_t>(&ip[10], InternetChecksum(ip));
  return ip;
}

}  // namespace

std::vector<uint8_t> BuildFrame(const FrameSpec& spec) {
  // RFC 1112 section 6.4: a group's MAC address.
  std::vector<uint8_t> frame = {0x01,
                                0x00,
                                0x5E,
                                static_cast<uint8_t>(spec.destination >> 16 & 0x7F),
                                static_cast<uint8_t>(spec.destination >> 8),
                                static_cast<uint8_t>(spec.destination),
                                0x02,
                                0,
                                0,
                                0,
                                0,
                                2};
  for (uint16_t protocol : spec.vlan_protocols) {
    Append16(frame, protocol);
    Append16(frame, 100);
  }
  Append16(frame, spec.ethernet_type);
  const std::vector<uint8_t> ip = BuildIpHeader(spec);
  frame.insert(frame.end(), ip.begin(), ip.end());
  Append16(frame, 40000);
  Append16(frame, spec.port);
  Append16(frame, static_cast<uint16_t>(static_cast<int>(kUdpBytes + spec.payload.size()) + spec.udp_length_delta));
  Append16(frame, 0);
  frame.insert(frame.end(), spec.payload.begin(), spec.payload.end());
  if (spec.intended_tai_ns != 0) {
    std::array<uint8_t, kSendTrailerBytes> trailer;
    StoreSendTrailer(trailer.data(), spec.intended_tai_ns);
    frame.insert(frame.end(), trailer.begin(), trailer.end());
  }
  return frame;
}

}  // namespace feedfarm::testing
