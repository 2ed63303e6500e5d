#pragma once

#include <cstdint>

namespace feedfarm {

// SplitMix64 (Steele, Lea, Flood 2014): one 64-bit state, equal sequences on every platform for one seed. Not for secrets.
class Rng {
 public:
  explicit Rng(uint64_t seed) : state_(seed) {}

  // Uniform over all 64-bit values.
  uint64_t Next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

  // Uniform in [0, bound), bound > 0, by multiplication (bias below 2^-32 for bounds under 2^32).
  uint64_t Below(uint64_t bound) { return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64); }

  // Uniform in [0, 1).
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

  // A generator for a named part, so that adding draws to one part leaves the others as they were.
  Rng Fork(uint64_t part) const { return Rng(Rng(state_ ^ (part * 0xD1342543DE82EF95u)).Next()); }

 private:
  uint64_t state_;
};

}  // namespace feedfarm
