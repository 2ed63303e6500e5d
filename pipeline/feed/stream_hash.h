#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "absl/base/attributes.h"
#include "absl/strings/str_format.h"
#include "pipeline/base/endian.h"

namespace feedfarm {

// The proof of exactly-once, in-order delivery: a hash chained over (generation, sequence, bytes) of every message.
// Source and handler compute it independently; equal values mean equal streams. A message lost, doubled, swapped or
// changed anywhere gives another value (up to 2^-64).
//
// Messages of 8 to 48 bytes, which nearly all are, are mixed without a branch on their length: six lanes of 8 bytes,
// those beyond the end laid over the last 8. A message's mix does not wait for the one before: only one rotation and
// one multiplication are chained. Cost: about 2 ns.
class StreamHash {
 public:
  StreamHash() = default;
  // Goes on behind messages whose hash was `value`.
  explicit StreamHash(uint64_t value) : value_(value) {}

  // generation: 0 for the first session, +1 for each session change or restart since.
  void Add(uint32_t generation, uint64_t sequence, std::span<const uint8_t> message) {
    const uint64_t place = (sequence ^ (static_cast<uint64_t>(generation) << 48)) * kKeys[6];
    value_ = std::rotl(value_ ^ Mix(message) ^ place, 29) * kKeys[7];
  }

  uint64_t value() const { return value_; }

  // 16 lower-case hex digits.
  std::string ToString() const { return absl::StrFormat("%016x", value_); }

 private:
  static constexpr size_t kLane = 8;
  static constexpr size_t kShort = 6 * kLane;
  // Drawn at random; odd, and half of their bits set.
  static constexpr uint64_t kKeys[8] = {
      0x2A095EE82BB29977, 0x35C719C2ADD9CA89, 0x990D3CD8381DF22F, 0x310A853EEC9A72F3,
      0xBA9153BDE3221553, 0x33C6A5A5B2B130DB, 0x372C423587A2BABD, 0x090DA4FC0B39B779,
  };

  static uint64_t Fold(uint64_t a, uint64_t b) {
    const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE static uint64_t Mix(std::span<const uint8_t> message) {
    const size_t bytes = message.size();
    if (bytes - 2 * kLane > kShort - 2 * kLane) [[unlikely]]
      return MixRare(message);
    const uint8_t* const at = message.data();
    const int64_t last = static_cast<int64_t>(bytes - kLane);
    // Lane n begins at min(n * 8, last), by arithmetic: compilers make std::min a branch, which guesses lengths. Which
    // of the two it is for the first ones and the last one follows from the length's bounds.
    const auto lane = [at, last](int64_t n) {
      const int64_t beyond = last - n * static_cast<int64_t>(kLane);
      return LoadLittle<uint64_t>(at + n * static_cast<int64_t>(kLane) + (beyond & (beyond >> 63))) ^ kKeys[n];
    };
    return Join(LoadLittle<uint64_t>(at) ^ kKeys[0], LoadLittle<uint64_t>(at + kLane) ^ kKeys[1], lane(2), lane(3),
                lane(4), LoadLittle<uint64_t>(at + last) ^ kKeys[5], bytes);
  }

  // Of fewer than two lanes, or more than six.
  ABSL_ATTRIBUTE_NOINLINE static uint64_t MixRare(std::span<const uint8_t> message) {
    const size_t bytes = message.size();
    if (bytes < kLane || bytes > kShort) return XXH3_64bits_withSeed(message.data(), bytes, bytes);
    const uint64_t first = LoadLittle<uint64_t>(message.data());
    const uint64_t last = LoadLittle<uint64_t>(message.data() + bytes - kLane);
    return Join(first ^ kKeys[0], last ^ kKeys[1], last ^ kKeys[2], last ^ kKeys[3], last ^ kKeys[4], last ^ kKeys[5],
                bytes);
  }

  static uint64_t Join(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, size_t bytes) {
    return (Fold(a, b) ^ std::rotl(Fold(c, d), 21)) + Fold(e, f + bytes);
  }

  uint64_t value_ = 0;
};

}  // namespace feedfarm
