#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "pipeline/book/huge_array.h"
#include "pipeline/book/level_tree.h"
#include "pipeline/book/prefetch_line.h"

namespace feedfarm {

// The prices of many book sides, in order, as keys that rise towards the best one (LevelKey). A book lives around its
// best price: 256 cents there are bits of the side's own cache line, and what is further away, or between two cents, is
// in a tree. So most prices come and go without any search, and yet a book of any shape costs O(log n) a price.
//
// The bits follow the best price, but not at every step: after a move they stay for kStaySteps changes, so that no
// stream makes them move all the time. Where a key is, is not a matter of its value alone: a key whose bit is not set
// may be in the tree.
//
// Memory: 64 bytes a side and the tree's 26 bytes a key. One thread. Nothing is allocated after Allocate.
class PriceLadders {
 public:
  // `levels`: at most so many keys at once, on at most `sides` sides.
  absl::Status Allocate(uint64_t levels, uint64_t sides);

  // `key` is not on the side.
  void Insert(uint32_t side, int32_t key) {
    Ladder& ladder = ladders_[side];
    ++ladder.changes;
    if (ladder.empty()) return Begin(ladder, key);
    const uint32_t bit = ladder.Bit(key);
    if (bit < kBits) [[likely]] {
      ladder.Set(bit);
    } else {
      InsertFar(ladder, key);
    }
    if (key > ladder.best) Rise(ladder, key, bit);
  }

  // `key` is on the side.
  void Erase(uint32_t side, int32_t key) {
    Ladder& ladder = ladders_[side];
    ++ladder.changes;
    const uint32_t bit = ladder.Bit(key);
    if (bit < kBits && ladder.Has(bit)) [[likely]] {
      ladder.Clear(bit);
    } else {
      EraseFar(ladder, key);
    }
    if (key == ladder.best) Fall(ladder);
  }

  bool empty(uint32_t side) const { return ladders_[side].empty(); }
  // Of a side that is not empty; else anything.
  int32_t best(uint32_t side) const { return ladders_[side].best; }

  // fn(int32_t key), the best first.
  template <class Fn>
  void ForEach(uint32_t side, Fn&& fn) const;

  // Hint.
  void Prefetch(uint32_t side) const { PrefetchLine(&ladders_[side]); }

  void Clear() {
    ladders_.Zero();
    tree_.Clear();
  }
  size_t bytes() const { return ladders_.bytes() + tree_.bytes(); }

 private:
  using Tree = LevelTree<int32_t>;

  static constexpr uint32_t kBits = 256;
  static constexpr uint32_t kStep = 100;      // of price: a cent with four decimals
  static constexpr uint32_t kBestBit = 192;   // where the best key is after a move: the rest is for better ones
  static constexpr uint32_t kLowestBit = 64;  // a best key below moves the bits
  static constexpr uint32_t kStaySteps = 64;

  // Zero bytes are an empty one.
  struct alignas(64) Ladder {
    Tree::Root root;    // of the keys that have no bit
    int32_t tree_best;  // of them
    int32_t best;       // of all
    int32_t base;       // the key of bit 0
    uint32_t changes;   // since the last move
    std::array<uint64_t, kBits / 64> bits;

    bool no_bits() const { return (bits[0] | bits[1] | bits[2] | bits[3]) == 0; }
    bool empty() const { return root.empty() && no_bits(); }
    // kBits or more: it has none.
    uint32_t Bit(int32_t key) const {
      const uint32_t above = static_cast<uint32_t>(key) - static_cast<uint32_t>(base);
      const uint32_t bit = above / kStep;
      return bit * kStep == above ? bit : kBits;
    }
    int32_t Key(uint32_t bit) const { return static_cast<int32_t>(static_cast<uint32_t>(base) + bit * kStep); }
    bool Has(uint32_t bit) const { return (bits[bit / 64] >> bit % 64 & 1) != 0; }
    void Set(uint32_t bit) { bits[bit / 64] |= uint64_t{1} << bit % 64; }
    void Clear(uint32_t bit) { bits[bit / 64] &= ~(uint64_t{1} << bit % 64); }
    // There is one.
    uint32_t HighestBit() const {
      uint32_t word = kBits / 64 - 1;
      while (bits[word] == 0) --word;
      return 64 * word + 63 - static_cast<uint32_t>(std::countl_zero(bits[word]));
    }
  };
  static_assert(sizeof(Ladder) == 64);

  void Begin(Ladder& ladder, int32_t key);
  // `key`, at `bit` or without one, is the best now.
  void Rise(Ladder& ladder, int32_t key, uint32_t bit) {
    ladder.best = key;
    if (bit >= kBits) [[unlikely]]
      Move(ladder);
  }
  // The best key has gone.
  void Fall(Ladder& ladder);
  void InsertFar(Ladder& ladder, int32_t key);
  void EraseFar(Ladder& ladder, int32_t key);
  // Brings the bits to where the best key is, unless they moved a short time ago.
  void Move(Ladder& ladder);
  // Puts bit kBestBit at `best`, as far as there are keys around it.
  static void Place(Ladder& ladder, int32_t best);

  HugeArray<Ladder> ladders_;
  Tree tree_;
};

template <class Fn>
void PriceLadders::ForEach(uint32_t side, Fn&& fn) const {
  const Ladder& ladder = ladders_[side];
  std::array<uint64_t, kBits / 64> left = ladder.bits;
  // Bits whose keys are above `key`.
  const auto bits_above = [&](int64_t key) {
    for (uint32_t word = kBits / 64; word-- > 0;) {
      while (left[word] != 0) {
        const uint32_t bit = 63 - static_cast<uint32_t>(std::countl_zero(left[word]));
        const int32_t own = ladder.Key(64 * word + bit);
        if (own <= key) return;
        left[word] &= ~(uint64_t{1} << bit);
        fn(own);
      }
    }
  };
  tree_.ForEach(ladder.root, [&](int32_t key, uint32_t) {
    bits_above(key);
    fn(key);
  });
  bits_above(int64_t{INT32_MIN} - 1);
}

}  // namespace feedfarm
