#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "pipeline/book/state_digest.h"
#include "pipeline/itch/message_length.h"

namespace feedfarm {

// What ITCH says of an instrument, or of the whole feed, beside its orders: the last message of each kind, without time
// and tracking number. Kept as the bytes that came, so that it is sent on as it came.
namespace itch_state {

// One kind of message and what is kept of it: `bytes` of the message from `from` on, stored at `at`.
struct Part {
  char type;
  uint8_t from;
  uint8_t bytes;
  uint8_t at;
  char market = 0;  // of type 'h': the market centre, byte 19
};

inline constexpr size_t kStockAt = 11;
inline constexpr size_t kStockBytes = 8;

// Of an instrument. What else carries its stock, from byte 11 on, takes it from the directory.
inline constexpr std::array<Part, 8> kInstrumentParts = {{
    {'R', 11, 28, 0},       // stock and all that the directory says of it
    {'H', 19, 6, 28},       // trading state, reserved, reason
    {'Y', 19, 1, 34},       // short sale price test
    {'h', 20, 1, 35, 'Q'},  // operational halt, by market centre
    {'h', 20, 1, 36, 'B'},
    {'h', 20, 1, 37, 'X'},
    {'K', 19, 9, 38},   // quotation release of an IPO
    {'J', 19, 16, 47},  // collar of a halt auction
}};
inline constexpr size_t kInstrumentBytes = 63;

// Of the whole feed.
inline constexpr std::array<Part, 3> kFeedParts = {{
    {'S', 11, 1, 0},   // last event
    {'V', 11, 24, 1},  // levels of the market-wide circuit breaker
    {'W', 11, 1, 25},  // and which one was breached
}};
inline constexpr size_t kFeedBytes = 26;

}  // namespace itch_state

// The kept parts of one instrument or of the feed. Zero bytes are none of them.
template <const auto& kParts, size_t kBytes>
struct ItchState {
  uint8_t present;  // a bit a part
  std::array<uint8_t, kBytes> bytes;

  // `message` is whole. False: it is of a kind that is not kept.
  bool Apply(const uint8_t* message) {
    for (size_t i = 0; i < kParts.size(); ++i) {
      const itch_state::Part& part = kParts[i];
      if (message[0] != part.type || (part.market != 0 && message[19] != part.market)) continue;
      std::memcpy(bytes.data() + part.at, message + part.from, part.bytes);
      present |= 1u << i;
      return true;
    }
    return false;
  }

  // Each part as its number from 1 and its bytes.
  void Digest(StateDigest& digest) const {
    for (size_t i = 0; i < kParts.size(); ++i) {
      if (!Has(i)) continue;
      digest.Add(i + 1);
      digest.Add(std::span(bytes).subspan(kParts[i].at, kParts[i].bytes));
    }
  }

  bool Has(size_t part) const { return (present >> part & 1) != 0; }

  // Writes part `i`, which is present, as a message of time 0; returns its bytes. out: itch::kMessageBytesMax.
  size_t Encode(size_t i, uint16_t locate, const uint8_t* stock, uint8_t* out) const {
    const itch_state::Part& part = kParts[i];
    const size_t size = itch::MessageLength(static_cast<uint8_t>(part.type));
    std::memset(out, 0, size);
    out[0] = static_cast<uint8_t>(part.type);
    out[1] = static_cast<uint8_t>(locate >> 8);
    out[2] = static_cast<uint8_t>(locate);
    if (part.from > itch_state::kStockAt) std::memcpy(out + itch_state::kStockAt, stock, itch_state::kStockBytes);
    if (part.market != 0) out[19] = static_cast<uint8_t>(part.market);
    std::memcpy(out + part.from, bytes.data() + part.at, part.bytes);
    return size;
  }
};

using ItchInstrumentState = ItchState<itch_state::kInstrumentParts, itch_state::kInstrumentBytes>;
using ItchFeedState = ItchState<itch_state::kFeedParts, itch_state::kFeedBytes>;
static_assert(sizeof(ItchInstrumentState) == 64);

}  // namespace feedfarm
