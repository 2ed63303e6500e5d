#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace feedfarm {

// Link layers of a capture (tcpdump's LINKTYPE numbers) that are read.
enum class LinkType : uint16_t {
  kEthernet = 1,
  kRaw = 101,  // begins with the IP header
  kLinuxCooked = 113,
  kIpv4 = 228,
  kLinuxCooked2 = 276,
};

bool IsReadLinkType(uint16_t link_type);

// What a captured frame holds.
struct Datagram {
  enum class Kind : uint8_t {
    kUdp,        // all the fields below
    kForeign,    // something else, a fragment, or headers that contradict each other
    kTruncated,  // captured so short that its UDP header is not whole
  };
  Kind kind = Kind::kForeign;
  bool truncated = false;    // `payload` is shorter than the datagram was
  uint32_t dst_address = 0;  // host byte order
  uint16_t dst_port = 0;
  std::span<const uint8_t> payload{};  // a view into the frame
};

// Finds the UDP/IPv4 datagram in `frame`, past 802.1Q and 802.1ad tags and IPv4 options. `wire_bytes`: how long the
// frame was before it was captured; may be more than frame.size(). Checksums are not looked at: captures are often made
// before the NIC fills them in. Never reads past the span.
Datagram FindDatagram(uint16_t link_type, std::span<const uint8_t> frame, size_t wire_bytes);

}  // namespace feedfarm
