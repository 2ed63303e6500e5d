#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace feedfarm::testing {

// An Ethernet frame with a UDP datagram, whole by default; each field may be made wrong. Only the IP checksum is right:
// UDP's is 0 (none).
struct FrameSpec {
  uint32_t destination = 0xEF0A0001;  // 239.10.0.1
  uint16_t port = 26400;
  std::vector<uint8_t> payload = {};
  std::vector<uint16_t> vlan_protocols = {};  // 0x8100, 0x88A8, outermost first
  uint16_t ethernet_type = 0x0800;
  uint8_t ip_version = 4;
  uint8_t ip_protocol = 17;
  uint8_t option_words = 0;    // IPv4 options, 4 bytes each (NOPs)
  uint16_t fragment_bits = 0;  // flags and offset
  int ip_total_delta = 0;      // added to the true length
  int udp_length_delta = 0;
  uint64_t intended_tai_ns = 0;  // send trailer behind the packet; 0 = none
};

std::vector<uint8_t> BuildFrame(const FrameSpec& spec);

}  // namespace feedfarm::testing
