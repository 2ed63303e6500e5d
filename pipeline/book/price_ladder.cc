#include "pipeline/book/price_ladder.h"

#include <algorithm>
#include <limits>

#include "pipeline/base/status_macros.h"

namespace feedfarm {

absl::Status PriceLadders::Allocate(uint64_t levels, uint64_t sides) {
  FEEDFARM_RETURN_IF_ERROR(ladders_.Allocate(sides, "book sides"));
  return tree_.Allocate(levels, sides);
}

void PriceLadders::Begin(Ladder& ladder, int32_t key) {
  Place(ladder, key);
  ladder.Set(ladder.Bit(key));
  ladder.best = key;
}

// No bit may stand for a key beyond the least or the largest.
void PriceLadders::Place(Ladder& ladder, int32_t best) {
  const int64_t steps_below = (int64_t{best} - std::numeric_limits<int32_t>::min()) / kStep;
  const int64_t steps_above = (int64_t{std::numeric_limits<int32_t>::max()} - best) / kStep;
  const int64_t bit = std::min(std::max<int64_t>(kBestBit, kBits - 1 - steps_above), steps_below);
  ladder.base = static_cast<int32_t>(best - bit * kStep);
}

void PriceLadders::InsertFar(Ladder& ladder, int32_t key) {
  ladder.tree_best = ladder.root.empty() ? key : std::max(ladder.tree_best, key);
  tree_.Insert(ladder.root, tree_.Find(ladder.root, key), key, 0);
}

void PriceLadders::EraseFar(Ladder& ladder, int32_t key) {
  tree_.Erase(ladder.root, tree_.Find(ladder.root, key), key);
  if (key == ladder.tree_best && !ladder.root.empty()) ladder.tree_best = tree_.best_key(ladder.root);
}

void PriceLadders::Fall(Ladder& ladder) {
  if (ladder.no_bits()) {
    if (ladder.root.empty()) return;
    ladder.best = ladder.tree_best;
    return Move(ladder);
  }
  const uint32_t bit = ladder.HighestBit();
  ladder.best = ladder.Key(bit);
  if (!ladder.root.empty() && ladder.tree_best > ladder.best) ladder.best = ladder.tree_best;
  if (bit < kLowestBit) Move(ladder);
}

void PriceLadders::Move(Ladder& ladder) {
  if (ladder.changes < kStaySteps) return;
  ladder.changes = 0;
  const Ladder before = ladder;
  Place(ladder, ladder.best);
  if (ladder.base == before.base) return;
  ladder.bits = {};
  // Those of the tree that get a bit; none is above the best key. They are few: as many as there are bits, and those
  // between two cents, of which no more are looked at than that.
  std::array<int32_t, kBits> near;
  size_t count = 0, seen = 0;
  tree_.ForEachWhile(ladder.root, [&](int32_t key, uint32_t) {
    if (key < ladder.base || seen++ == 2 * kBits || count == near.size()) return false;
    if (ladder.Bit(key) < kBits) near[count++] = key;
    return true;
  });
  for (size_t i = 0; i < count; ++i) {
    EraseFar(ladder, near[i]);
    ladder.Set(ladder.Bit(near[i]));
  }
  for (uint32_t word = 0; word < before.bits.size(); ++word) {
    for (uint64_t left = before.bits[word]; left != 0; left &= left - 1) {
      const int32_t key = before.Key(64 * word + static_cast<uint32_t>(std::countr_zero(left)));
      if (const uint32_t bit = ladder.Bit(key); bit < kBits) {
        ladder.Set(bit);
      } else {
        InsertFar(ladder, key);
      }
    }
  }
}

}  // namespace feedfarm
