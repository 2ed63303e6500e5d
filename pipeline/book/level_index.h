#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "pipeline/book/book_order.h"
#include "pipeline/book/huge_array.h"
#include "pipeline/book/prefetch_line.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace feedfarm {

// Finds a level by instrument, side and price: a hash table whose buckets are cache lines. Eight neighbouring cents of an
// instrument, both sides, have their home in one line, because a book lives around one price. A level that is not there
// is almost always told by the tags alone.
//
//   line:  | tag 1 x 12 | passed 4 | level 4 x 12 |     tag 0: free; passed: levels that live in a later line because
//                                                       this one was full when they came
//
// Memory: 64 bytes x the power of two at or above a quarter of levels_max: 16 bytes a level or a bit more. One thread.
class LevelIndex {
 public:
  // `levels` is where the levels lie, 0..levels_max; it outlives this. levels_max is 1..2^24.
  absl::Status Allocate(uint32_t levels_max, const BookLevel* levels) {
    const uint64_t lines = std::bit_ceil(uint64_t{levels_max} / kLevelsALine + 2);
    levels_ = levels;
    mask_ = lines - 1;
    shift_ = static_cast<uint32_t>(64 - std::countr_zero(lines));
    return lines_.Allocate(lines, "price levels' index");
  }

  // Where the search for a price begins, and what is compared first.
  struct Key {
    size_t line;
    uint8_t tag;
  };
  Key KeyOf(uint32_t locate, uint32_t price) const {
    const uint32_t cents = price / 100;
    const uint64_t fraction = price - cents * 100;  // where it is not 0 the home is another line
    const uint64_t home = (fraction << 48 | uint64_t{locate} << 32 | cents / 8) * 0x9E3779B97F4A7C15u;
    const uint64_t rest = home >> (shift_ - 4) & 15;
    return {home >> shift_, static_cast<uint8_t>(0x80 | (cents % 8) << 4 | rest)};
  }

  // The level of `side` (BookLevel::side) and price, or 0.
  uint32_t Find(Key key, uint32_t side, uint32_t price) const {
    for (size_t at = key.line;; at = (at + 1) & mask_) {
      const Line& line = lines_[at];
      for (uint32_t matches = Matches(line, key.tag); matches != 0; matches &= matches - 1) {
        const uint32_t level = line.levels[__builtin_ctz(matches)];
        if (levels_[level].price == price && levels_[level].side == side) [[likely]]
          return level;
      }
      // Once around: every line may have been passed by some level that lives far away.
      if (line.passed == 0 || ((at + 1) & mask_) == key.line) [[likely]]
        return 0;
    }
  }

  // `level` is not there yet, and no more than levels_max are.
  void Insert(Key key, uint32_t level) {
    for (size_t at = key.line;; at = (at + 1) & mask_) {
      Line& line = lines_[at];
      if (const uint32_t free = Matches(line, 0); free != 0) [[likely]] {
        const int place = __builtin_ctz(free);
        line.tags[place] = key.tag;
        line.levels[place] = level;
        return;
      }
      ++line.passed;
    }
  }

  // `level` is there.
  void Erase(Key key, uint32_t level) {
    for (size_t at = key.line;; at = (at + 1) & mask_) {
      Line& line = lines_[at];
      for (uint32_t matches = Matches(line, key.tag); matches != 0; matches &= matches - 1) {
        const int place = __builtin_ctz(matches);
        if (line.levels[place] != level) continue;
        line.tags[place] = 0;
        return;
      }
      --line.passed;
    }
  }

  // Hints. Guess: the level that Find will look at first, where there is one; else any.
  void Prefetch(Key key) const { PrefetchLine(&lines_[key.line]); }
  uint32_t Guess(Key key) const {
    const Line& line = lines_[key.line];
    return line.levels[__builtin_ctz(Matches(line, key.tag) | 1u << (kPlaces - 1))];
  }
  bool LooksAbsent(Key key) const { return Matches(lines_[key.line], key.tag) == 0; }

  void Clear() { lines_.Zero(); }
  uint64_t bytes() const { return lines_.bytes(); }

 private:
  static constexpr uint32_t kPlaces = 12;
  // A third full at most: lines that overflow are rare.
  static constexpr uint32_t kLevelsALine = 4;

  struct alignas(64) Line {
    uint8_t tags[kPlaces];
    uint32_t passed;
    uint32_t levels[kPlaces];
  };
  static_assert(sizeof(Line) == 64);

  // A bit a place whose tag is `tag`.
  static uint32_t Matches(const Line& line, uint8_t tag) {
#if defined(__SSE2__)
    const __m128i tags = _mm_load_si128(reinterpret_cast<const __m128i*>(line.tags));
    const __m128i wanted = _mm_set1_epi8(static_cast<char>(tag));
    return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(tags, wanted))) & ((1u << kPlaces) - 1);
#else
    uint32_t matches = 0;
    for (uint32_t i = 0; i < kPlaces; ++i) matches |= (line.tags[i] == tag ? 1u : 0u) << i;
    return matches;
#endif
  }

  HugeArray<Line> lines_;
  const BookLevel* levels_ = nullptr;
  size_t mask_ = 0;
  uint32_t shift_ = 0;
};

}  // namespace feedfarm
