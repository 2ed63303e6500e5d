#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "pipeline/book/book_line.h"
#include "pipeline/book/prefetch_line.h"

namespace feedfarm {

// Finds a price level by instrument, side and price: an open-addressed hash table whose entries are the levels' own
// lines, so that finding one fetches it. A level never moves. Each line counts the levels that passed it because it was
// taken when they came: a search ends at the first line that none has passed. The two sides of a price are neighbours.
//
// Lines kFirst..kFirst + size() - 1 of a BookLines. At most half of them are levels. One thread.
class LevelTable {
 public:
  static constexpr uint32_t kLevelsMax = 1u << 21;
  static constexpr uint32_t kFirst = 2;
  static constexpr uint32_t LinesFor(uint32_t levels_max) { return std::bit_ceil(2 * levels_max); }

  void Attach(BookLines* lines, uint32_t levels_max) {
    lines_ = lines;
    mask_ = LinesFor(levels_max) - 1;
    shift_ = static_cast<uint32_t>(64 - std::countr_zero(uint64_t{mask_} + 1));
  }
  uint32_t size() const { return mask_ + 1; }

  static uint64_t KeyOf(uint32_t side, uint32_t price) { return uint64_t{side + 1} << 32 | price; }

  static uint32_t SideOf(uint64_t key) { return static_cast<uint32_t>(key >> 32) - 1; }
  static uint32_t PriceOf(uint64_t key) { return static_cast<uint32_t>(key); }

  // Where the search for a side's price begins; for the other side it is this ^ 1. Fibonacci hashing (Knuth 6.4) of
  // instrument and price.
  uint32_t Home(uint32_t side, uint32_t price) const { return (Spread(side / 2, price) ^ (side & 1)) + kFirst; }

  // The level's line, or 0.
  uint32_t Find(uint64_t key, uint32_t home) const {
    uint32_t at = home;
    do {
      const LevelLine& level = lines_->level(at);
      if (level.key == key) [[likely]]
        return at;
      if (level.cells.passed() == 0) [[likely]]
        return 0;
      at = Next(at);
      // Once around: every line may have been passed by some level that lives far away.
    } while (at != home);
    return 0;
  }

  // A line for a level that is not there: its key is set and no order is in it.
  uint32_t Insert(uint64_t key, uint32_t home) {
    uint32_t at = home;
    while (lines_->level(at).key != 0) {
      lines_->level(at).cells.Pass();
      at = Next(at);
    }
    LevelLine& level = lines_->level(at);
    level.key = key;
    level.shares = 0;
    level.orders = 0;
    level.tail = at;
    return at;
  }

  // `line` is a level, and empty.
  void Erase(uint32_t line) {
    LevelLine& level = lines_->level(line);
    for (uint32_t at = Home(SideOf(level.key), PriceOf(level.key)); at != line; at = Next(at)) {
      lines_->level(at).cells.Unpass();
    }
    level.key = 0;
  }

 private:
  uint32_t Spread(uint32_t locate, uint32_t price) const {
    return static_cast<uint32_t>((uint64_t{locate} << 32 | price) * 0x9E3779B97F4A7C15u >> shift_);
  }
  uint32_t Next(uint32_t at) const { return ((at - kFirst + 1) & mask_) + kFirst; }

  BookLines* lines_ = nullptr;
  uint32_t mask_ = 0;
  uint32_t shift_ = 0;
};

}  // namespace feedfarm
