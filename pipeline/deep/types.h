#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pipeline/base/field_codec.h"

// Field types of IEX DEEP 1.0. Little-endian on the wire.
namespace feedfarm::deep {

// Nanoseconds since the Unix epoch, UTC.
struct TimestampNs {
  int64_t value = 0;
  friend auto operator<=>(const TimestampNs&, const TimestampNs&) = default;
};

// Seconds since the Unix epoch, UTC.
struct EventTimeSeconds {
  uint32_t value = 0;
  friend auto operator<=>(const EventTimeSeconds&, const EventTimeSeconds&) = default;
};

// Price in 1/10,000 dollar.
struct Price4 {
  int64_t value = 0;
  friend auto operator<=>(const Price4&, const Price4&) = default;
};

struct Shares {
  uint32_t value = 0;
  friend auto operator<=>(const Shares&, const Shares&) = default;
};

// Number of a trade, unique in a day; what a trade break refers to.
struct TradeId {
  int64_t value = 0;
  friend auto operator<=>(const TradeId&, const TradeId&) = default;
};

// Text of fixed length, padded with spaces to the right.
template <size_t N>
using Text = std::array<char, N>;
using Symbol = Text<8>;

// The text without its padding; a view into `text`.
template <size_t N>
constexpr std::string_view Trimmed(const Text<N>& text) {
  std::string_view view(text.data(), N);
  while (!view.empty() && view.back() == ' ') view.remove_suffix(1);
  return view;
}

// Reads an M from the M::kSize bytes at `at`, whose first one (the type) the caller has looked at.
template <class M>
[[gnu::always_inline]] inline M LoadMessage(const uint8_t* at) {
  M message;
  FieldLoader<std::endian::little> loader(at + 1);
  M::Walk(message, loader);
  return message;
}

// Writes M::kSize bytes to `at`.
template <class M>
void StoreMessage(const M& message, uint8_t* at) {
  at[0] = static_cast<uint8_t>(M::kType);
  FieldStorer<std::endian::little> storer(at + 1);
  M::Walk(message, storer);
}

}  // namespace feedfarm::deep
