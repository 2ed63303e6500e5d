#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace feedfarm {

// The hash of one instrument's state: an ordered chain over 64-bit words.
//
//   h := start * A           then for each word w:  h := (h xor w) * A;  h := h xor (h >> 29)
//   value: h := (h xor (h >> 32)) * B;  h := h xor (h >> 29)
//
// with A = 0x9E3779B97F4A7C15 and B = 0xD6E8FEB86659FD93, all modulo 2^64. Bytes are taken as little-endian words, the
// last one filled up with zeros. A book's hash is the sum over its instruments modulo 2^64.
class StateDigest {
 public:
  explicit StateDigest(uint64_t start) : hash_(start * kA) {}

  void Add(uint64_t word) {
    hash_ = (hash_ ^ word) * kA;
    hash_ ^= hash_ >> 29;
  }

  void Add(std::span<const uint8_t> bytes) {
    for (size_t at = 0; at < bytes.size(); at += 8) {
      uint64_t word = 0;
      std::memcpy(&word, bytes.data() + at, bytes.size() - at < 8 ? bytes.size() - at : 8);
      Add(word);
    }
  }

  uint64_t value() const {
    const uint64_t mixed = (hash_ ^ (hash_ >> 32)) * kB;
    return mixed ^ (mixed >> 29);
  }

 private:
  static constexpr uint64_t kA = 0x9E3779B97F4A7C15u;
  static constexpr uint64_t kB = 0xD6E8FEB86659FD93u;

  uint64_t hash_;
};

}  // namespace feedfarm
