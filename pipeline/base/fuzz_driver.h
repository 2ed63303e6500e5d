#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pipeline/base/rng.h"

namespace feedfarm {

// Drives a FuzzOne function as an ordinary test: mutations of valid inputs, and one case in eight pure random bytes.
// Every input lies in a heap buffer of exactly its size, so that the address sanitizer sees any read beyond it. The
// seed is printed; FEEDFARM_FUZZ_SEED sets another one.
class FuzzDriver {
 public:
#ifdef FEEDFARM_SANITIZED
  static constexpr int kCases = 50'000;
#else
  static constexpr int kCases = 220'000;
#endif

  explicit FuzzDriver(std::vector<std::vector<uint8_t>> valid, size_t random_bytes_max = 256)
      : valid_(std::move(valid)), random_bytes_max_(random_bytes_max), rng_(Seed()) {}

  // `fuzz_one` takes a std::span<const uint8_t>.
  template <class FuzzOne>
  void Run(FuzzOne&& fuzz_one, int cases = kCases) {
    for (int i = 0; i < cases; ++i) {
      const std::vector<uint8_t> input = i < valid_.size() ? valid_[i] : i % 8 == 0 ? Random() : Mutated();
      const std::unique_ptr<uint8_t[]> exact(new uint8_t[input.size()]);
      if (!input.empty()) std::memcpy(exact.get(), input.data(), input.size());
      fuzz_one(std::span<const uint8_t>(exact.get(), input.size()));
    }
  }

 private:
  static uint64_t Seed() {
    const char* text = std::getenv("FEEDFARM_FUZZ_SEED");
    const uint64_t seed = text == nullptr ? 0x5EEDF00D : std::strtoull(text, nullptr, 0);
    std::cout << "fuzz seed " << seed << "\n";
    return seed;
  }

  std::vector<uint8_t> Random() {
    std::vector<uint8_t> bytes(rng_.Below(random_bytes_max_ + 1));
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(rng_.Next());
    return bytes;
  }

  std::vector<uint8_t> Mutated() {
    std::vector<uint8_t> bytes = valid_[rng_.Below(valid_.size())];
    for (uint64_t rounds = 1 + rng_.Below(4); rounds > 0; --rounds) MutateOnce(bytes);
    return bytes;
  }

  void MutateOnce(std::vector<uint8_t>& bytes) {
    static constexpr uint8_t kEdges[] = {0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF};
    if (bytes.empty()) return bytes.push_back(static_cast<uint8_t>(rng_.Next()));
    const size_t at = rng_.Below(bytes.size());
    const auto place = bytes.begin() + static_cast<ptrdiff_t>(at);
    const size_t run = 1 + rng_.Below(std::min<size_t>(16, bytes.size() - at));
    switch (rng_.Below(7)) {
      case 0:
        bytes[at] ^= static_cast<uint8_t>(1u << rng_.Below(8));
        break;
      case 1:
        bytes[at] = static_cast<uint8_t>(rng_.Next());
        break;
      case 2:
        bytes[at] = kEdges[rng_.Below(std::size(kEdges))];
        break;
      case 3:
        bytes.resize(at);
        break;
      case 4:
        bytes.erase(place, place + static_cast<ptrdiff_t>(run));
        break;
      case 5:
        bytes.insert(place, run, static_cast<uint8_t>(rng_.Next()));
        break;
      case 6:
        Splice(bytes, at);
        break;
    }
  }

  // The head of one valid input and the tail of another.
  void Splice(std::vector<uint8_t>& bytes, size_t at) {
    const std::vector<uint8_t>& other = valid_[rng_.Below(valid_.size())];
    bytes.resize(at);
    const size_t from = other.empty() ? 0 : rng_.Below(other.size());
    bytes.insert(bytes.end(), other.begin() + static_cast<ptrdiff_t>(from), other.end());
  }

  const std::vector<std::vector<uint8_t>> valid_;
  const size_t random_bytes_max_;
  Rng rng_;
};

}  // namespace feedfarm
