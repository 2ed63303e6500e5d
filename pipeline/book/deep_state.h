#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "pipeline/book/state_digest.h"
#include "pipeline/deep/message_length.h"

namespace feedfarm {

// What DEEP says of an instrument beside its prices: the last message of each kind, without time. Each kind has a byte
// before the time and `tail` bytes behind the symbol.
struct DeepState {
  struct Part {
    char type;
    uint8_t tail;
    uint8_t at;
  };
  static constexpr std::array<Part, 6> kParts = {{
      {'D', 13, 0},  // flags; round lot, adjusted close, tier
      {'H', 4, 14},  // trading status; reason
      {'O', 0, 19},  // operational halt
      {'P', 1, 20},  // short sale price test; detail
      {'E', 0, 22},  // security event
      {'I', 0, 23},  // retail liquidity
  }};
  static constexpr size_t kSymbolAt = 10;
  static constexpr size_t kTailAt = 18;

  uint8_t present;  // a bit a part
  std::array<uint8_t, 24> bytes;

  bool Has(size_t part) const { return (present >> part & 1) != 0; }
  std::span<const uint8_t> BytesOf(size_t part) const {
    return std::span(bytes).subspan(kParts[part].at, 1 + size_t{kParts[part].tail});
  }

  // `message` is whole and of one of the kinds.
  void Apply(const uint8_t* message) {
    for (size_t i = 0; i < kParts.size(); ++i) {
      if (message[0] != kParts[i].type) continue;
      bytes[kParts[i].at] = message[1];
      std::memcpy(bytes.data() + kParts[i].at + 1, message + kTailAt, kParts[i].tail);
      present |= 1u << i;
    }
  }

  // Each part as its number from 1 and its bytes.
  void Digest(StateDigest& digest) const {
    for (size_t i = 0; i < kParts.size(); ++i) {
      if (!Has(i)) continue;
      digest.Add(i + 1);
      digest.Add(BytesOf(i));
    }
  }

  // Writes part `i`, which is present, as a message of time 0; returns its bytes. out: deep::kMessageBytesMax.
  size_t Encode(size_t i, uint64_t symbol, uint8_t* out) const {
    const std::span<const uint8_t> kept = BytesOf(i);
    std::memset(out, 0, kTailAt);
    out[0] = static_cast<uint8_t>(kParts[i].type);
    out[1] = kept[0];
    std::memcpy(out + kSymbolAt, &symbol, sizeof(symbol));
    std::memcpy(out + kTailAt, kept.data() + 1, kParts[i].tail);
    return kTailAt + kParts[i].tail;
  }
};

}  // namespace feedfarm
