#pragma once

#include <cstdint>
#include <vector>

#include "pipeline/base/rng.h"
#include "pipeline/itch/message_length.h"

namespace feedfarm::itch {

// Every type of message, for tests: "SRHYLVWKJhAFECXDUPQBINO".
inline constexpr char kAllTypes[] = "SRHYLVWKJhAFECXDUPQBINO";

// A message of `type` whose other bytes are random.
inline std::vector<uint8_t> RandomMessage(char type, Rng& rng) {
  std::vector<uint8_t> bytes(MessageLength(static_cast<uint8_t>(type)));
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(rng.Next());
  bytes[0] = static_cast<uint8_t>(type);
  return bytes;
}

}  // namespace feedfarm::itch
