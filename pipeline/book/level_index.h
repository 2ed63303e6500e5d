#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/book/book_order.h"
#include "pipeline/book/huge_array.h"

namespace feedfarm {

// Finds a level by instrument, side and price: a hash table of chains through the levels. The buckets of 16
// neighbouring cents of an instrument, of both sides, are one cache line, because a book lives around one price.
//
// Memory: 4 bytes x the power of two at or above 2 x levels_max: 8 bytes a level or a bit more. One thread.
class LevelIndex {
 public:
  // `levels` is where the levels lie, 0..levels_max; it outlives this. levels_max is 1..2^24.
  absl::Status Allocate(uint32_t levels_max, BookLevel* levels) {
    const uint64_t buckets = std::bit_ceil(2 * uint64_t{levels_max} + kLine);
    levels_ = levels;
    shift_ = static_cast<uint32_t>(64 - std::countr_zero(buckets / kLine));
    levels[0].side = kNoSide;
    return buckets_.Allocate(buckets, "price levels' index");
  }

  // Where the level would be.
  size_t Bucket(uint32_t locate, uint32_t price) const {
    const uint32_t cents = price / 100;
    const uint64_t fraction = price - cents * 100;  // where it is not 0 the level goes to another line
    const uint64_t line = fraction << 48 | uint64_t{locate} << 32 | cents / kLine;
    return ((line * 0x9E3779B97F4A7C15u) >> shift_) * kLine + cents % kLine;
  }

  // The level of `side` (BookLevel::side) and price, or 0.
  uint32_t Find(size_t bucket, uint32_t side, uint32_t price) const {
    uint32_t level = buckets_[bucket];
    // Level 0 has no side: what is looked for is never equal to it.
    while (levels_[level].price != price || levels_[level].side != side) {
      if (level == 0) return 0;
      level = levels_[level].next;
    }
    return level;
  }

  // `level`, whose side and price are set, is not there yet.
  void Insert(size_t bucket, uint32_t level) {
    levels_[level].next = buckets_[bucket];
    buckets_[bucket] = level;
  }

  // `level` is there.
  void Erase(size_t bucket, uint32_t level) {
    uint32_t* link = &buckets_[bucket];
    while (*link != level) link = &levels_[*link].next;
    *link = levels_[level].next;
  }

  // The first level of a bucket, likely the wanted one; 0: none.
  uint32_t Guess(size_t bucket) const { return buckets_[bucket]; }
  void PrefetchBucket(size_t bucket) const { __builtin_prefetch(&buckets_[bucket], 1); }

  void Clear() { buckets_.Zero(); }
  uint64_t bytes() const { return buckets_.bytes(); }

 private:
  static constexpr size_t kLine = 16;
  static constexpr uint32_t kNoSide = ~uint32_t{0};

  HugeArray<uint32_t> buckets_;
  BookLevel* levels_ = nullptr;
  uint32_t shift_ = 0;
};

}  // namespace feedfarm
