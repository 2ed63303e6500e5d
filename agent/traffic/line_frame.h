#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace feedfarm {

// The Ethernet frames of one line: multicast MAC (RFC 1112), IPv4 without fragmentation, UDP with checksum, and behind
// the IP packet the send trailer (pipeline/source/send_trailer.h) where the MTU has room for it. Pure; any thread.
//
//   0          14      34    42                42 + payload
//   Ethernet   IPv4    UDP   payload           send trailer (16)
class LineFrame {
 public:
  struct Addresses {
    std::array<uint8_t, 6> source_mac{};
    uint32_t source = 0;  // IPv4, host byte order
    uint32_t group = 0;
    uint16_t port = 0;  // of both ends
  };
  static constexpr size_t kHeaderBytes = 42;

  LineFrame(const Addresses& addresses, uint32_t mtu);

  // Puts headers and trailer around the `payload_bytes` that stand at frame + kHeaderBytes. The frame has room for
  // kHeaderBytes + payload_bytes + 16. Returns the frame's length. Cost: one pass over the payload for UDP's checksum.
  size_t Finish(uint8_t* frame, size_t payload_bytes, uint64_t intended_tai_ns) const;

  // Most UDP payload that a frame of this MTU can hold.
  size_t payload_bytes_max() const { return mtu_ - (kHeaderBytes - kEthernetBytes); }

 private:
  static constexpr size_t kEthernetBytes = 14;

  std::array<uint8_t, kHeaderBytes> header_{};
  size_t mtu_;
};

}  // namespace feedfarm
