#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "pipeline/base/endian.h"

namespace feedfarm {

// The source's intended send time, carried behind the end of the IP packet inside the Ethernet frame, as capture
// switches carry theirs: the datagram itself stays as it was recorded, and receivers that do not know of it never see it.
//
//   0        8                  16
//   "FFSENDT1" intended_tai_ns (big-endian, CLOCK_TAI)
inline constexpr size_t kSendTrailerBytes = 16;
inline constexpr char kSendTrailerMagic[] = "FFSENDT1";

// Writes 16 bytes at `at`.
inline void StoreSendTrailer(uint8_t* at, uint64_t intended_tai_ns) {
  std::memcpy(at, kSendTrailerMagic, 8);
  StoreBig<uint64_t>(at + 8, intended_tai_ns);
}

// The time in `behind` (the frame's bytes after the IP packet's end), or 0 where there is no trailer.
inline uint64_t LoadSendTrailer(std::span<const uint8_t> behind) {
  if (behind.size() < kSendTrailerBytes || std::memcmp(behind.data(), kSendTrailerMagic, 8) != 0) return 0;
  return LoadBig<uint64_t>(behind.data() + 8);
}

}  // namespace feedfarm
