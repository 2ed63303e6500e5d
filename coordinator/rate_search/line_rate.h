#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace feedfarm {

// Bytes that every Ethernet frame takes on the wire besides itself: preamble with start delimiter 8, inter-frame gap 12
// (IEEE 802.3, 4.4.2). The frame check sequence is part of the frame.
inline constexpr uint32_t kFrameOverheadBytes = 20;
// IEEE 802.3's smallest frame, and the largest one with a 1500-byte packet, both with the frame check sequence.
inline constexpr uint32_t kFrameBytesMin = 64;
inline constexpr uint32_t kFrameBytesMax = 1518;

// The most frames of `frame_bytes` (with frame check sequence) that a link carries in a second. 0 for a link of 0.
double LineRatePps(uint64_t link_mbps, uint32_t frame_bytes);

// Its arithmetic in one clause: "10000 Mbit/s / ((64 + 20) * 8 bits) = 14.88 Mpps".
std::string LineRateText(uint64_t link_mbps, uint32_t frame_bytes);

// INVALID_ARGUMENT, with the arithmetic, where no link of this speed carries `load_pps` such frames a second.
absl::Status CheckLoadPossible(double load_pps, uint64_t link_mbps, uint32_t frame_bytes);

// "14.88 Mpps", "250 kpps", "12 pps": four significant digits.
std::string LoadText(double load_pps);

}  // namespace feedfarm
