#pragma once

#include <cstdint>
#include <span>
#include <string>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "absl/strings/str_format.h"

namespace feedfarm {

// The proof of exactly-once, in-order delivery: a hash chained over (generation, sequence, bytes) of every message.
// Source and handler compute it independently; equal values mean equal streams. A message lost, doubled, swapped or
// changed anywhere gives another value (up to 2^-64). Cost: one XXH3 of the message, about 3 to 5 ns.
class StreamHash {
 public:
  StreamHash() = default;
  // Goes on behind messages whose hash was `value`.
  explicit StreamHash(uint64_t value) : value_(value) {}

  // generation: 0 for the first session, +1 for each session change or restart since.
  void Add(uint32_t generation, uint64_t sequence, std::span<const uint8_t> message) {
    const uint64_t seed = (value_ + sequence * 0x9E3779B97F4A7C15u) ^ (static_cast<uint64_t>(generation) << 40);
    value_ = XXH3_64bits_withSeed(message.data(), message.size(), seed);
  }

  uint64_t value() const { return value_; }

  // 16 lower-case hex digits.
  std::string ToString() const { return absl::StrFormat("%016x", value_); }

 private:
  uint64_t value_ = 0;
};

}  // namespace feedfarm
