#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "glog/logging.h"
#include "pipeline/base/endian.h"
#include "pipeline/soupbintcp/soupbintcp.h"

namespace feedfarm::soupbintcp {

// Appends one packet to `out`. The payload has at most kPayloadBytesMax bytes (CHECK).
inline void AppendPacket(PacketType type, std::span<const uint8_t> payload, std::vector<uint8_t>& out) {
  CHECK_LE(payload.size(), kPayloadBytesMax);
  const size_t at = out.size();
  out.resize(at + kHeaderBytes);
  StoreBig<uint16_t>(out.data() + at, static_cast<uint16_t>(payload.size() + 1));
  out[at + kLengthBytes] = static_cast<uint8_t>(type);
  out.insert(out.end(), payload.begin(), payload.end());
}

}  // namespace feedfarm::soupbintcp
