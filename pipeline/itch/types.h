#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pipeline/base/field_codec.h"

// Field types of Nasdaq TotalView-ITCH 5.0. Big-endian on the wire.
namespace feedfarm::itch {

// Index of a security for one day; 0 where a message is not about one.
struct StockLocate {
  uint16_t value = 0;
  friend auto operator<=>(const StockLocate&, const StockLocate&) = default;
};

// Nasdaq's own tracking number; no meaning outside.
struct TrackingNumber {
  uint16_t value = 0;
  friend auto operator<=>(const TrackingNumber&, const TrackingNumber&) = default;
};

// Nanoseconds since midnight, Eastern time.
struct TimeOfDayNs {
  static constexpr size_t kWireBytes = 6;
  uint64_t value = 0;
  friend auto operator<=>(const TimeOfDayNs&, const TimeOfDayNs&) = default;
};

// Seconds since midnight, Eastern time.
struct TimeOfDaySeconds {
  uint32_t value = 0;
  friend auto operator<=>(const TimeOfDaySeconds&, const TimeOfDaySeconds&) = default;
};

// Price in 1/10,000 dollar.
struct Price4 {
  uint32_t value = 0;
  friend auto operator<=>(const Price4&, const Price4&) = default;
};

// Price in 1/100,000,000 dollar.
struct Price8 {
  uint64_t value = 0;
  friend auto operator<=>(const Price8&, const Price8&) = default;
};

// Number of an order, unique in a day.
struct OrderRef {
  uint64_t value = 0;
  friend auto operator<=>(const OrderRef&, const OrderRef&) = default;
};

// Number of an execution, unique in a day; what a broken trade refers to.
struct MatchNumber {
  uint64_t value = 0;
  friend auto operator<=>(const MatchNumber&, const MatchNumber&) = default;
};

struct Shares {
  uint32_t value = 0;
  friend auto operator<=>(const Shares&, const Shares&) = default;
};

// Shares of crosses and imbalances, which may be more than 2^32.
struct Shares64 {
  uint64_t value = 0;
  friend auto operator<=>(const Shares64&, const Shares64&) = default;
};

// Text of fixed length, padded with spaces to the right.
template <size_t N>
using Text = std::array<char, N>;
using Stock = Text<8>;
using Mpid = Text<4>;

// `text` padded with spaces; what is beyond N characters is left out.
template <size_t N>
constexpr Text<N> MakeText(std::string_view text) {
  Text<N> padded;
  padded.fill(' ');
  std::copy_n(text.begin(), std::min(text.size(), N), padded.begin());
  return padded;
}

// The text without its padding; a view into `text`.
template <size_t N>
constexpr std::string_view Trimmed(const Text<N>& text) {
  std::string_view view(text.data(), N);
  while (!view.empty() && view.back() == ' ') view.remove_suffix(1);
  return view;
}

inline constexpr char kBuy = 'B';
inline constexpr char kSell = 'S';

// What every message begins with, after its type byte.
struct MessageHead {
  StockLocate locate;
  TrackingNumber tracking;
  TimeOfDayNs time;
  friend bool operator==(const MessageHead&, const MessageHead&) = default;

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.locate, self.tracking, self.time);
  }
};

// Reads an M from the M::kSize bytes at `at`, whose first one (the type) the caller has looked at.
template <class M>
[[gnu::always_inline]] inline M LoadMessage(const uint8_t* at) {
  M message;
  FieldLoader<std::endian::big> loader(at + 1);
  M::Walk(message, loader);
  return message;
}

// Writes M::kSize bytes to `at`.
template <class M>
void StoreMessage(const M& message, uint8_t* at) {
  at[0] = static_cast<uint8_t>(M::kType);
  FieldStorer<std::endian::big> storer(at + 1);
  M::Walk(message, storer);
}

}  // namespace feedfarm::itch
