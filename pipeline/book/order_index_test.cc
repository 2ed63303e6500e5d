#include "pipeline/book/order_index.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <unordered_map>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

constexpr uint32_t kOrdersMax = 1000;
constexpr uint64_t kSlots = 8192;

class OrderIndexTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(lines_.Allocate(kOrdersMax + 1).ok());
    ASSERT_TRUE(index_.Allocate(kOrdersMax, &lines_).ok());
    for (uint32_t i = kOrdersMax; i > 0; --i) free_.push_back(16 * i + CellQueue::WordOf(1 + i % 3));
  }

  void Insert(uint64_t reference) {
    ASSERT_EQ(index_.Find(reference), live_.contains(reference) ? live_.at(reference) : 0);
    if (free_.empty() || live_.contains(reference)) return;
    const OrderHandle order = free_.back();
    free_.pop_back();
    lines_.cell(order).Set(reference, 1);
    index_.Insert(reference, order);
    live_[reference] = order;
    references_.push_back(reference);
  }

  void Erase(size_t at) {
    const uint64_t reference = references_[at];
    ASSERT_EQ(index_.Find(reference), live_.at(reference));
    index_.Erase(reference, live_.at(reference));
    free_.push_back(live_.at(reference));
    live_.erase(reference);
    references_[at] = references_.back();
    references_.pop_back();
    ASSERT_EQ(index_.Find(reference), 0u);
  }

  void FindAll() {
    for (const auto& [reference, order] : live_) ASSERT_EQ(index_.Find(reference), order) << reference;
  }

  BookLines lines_;
  OrderIndex index_;
  std::vector<OrderHandle> free_;
  std::unordered_map<uint64_t, OrderHandle> live_;
  std::vector<uint64_t> references_;
};

TEST_F(OrderIndexTest, DenseReferencesAreNeverHashed) {
  for (uint64_t reference = 1'000'000; reference < 1'020'000; ++reference) {
    Insert(reference);
    const auto oldest = std::find(references_.begin(), references_.end(), reference - 900);
    if (oldest != references_.end()) Erase(static_cast<size_t>(oldest - references_.begin()));
  }
  EXPECT_EQ(index_.guests(), 0u);
}

TEST_F(OrderIndexTest, AnOldOrderMakesWayOnceAndIsStillFound) {
  Insert(5);
  Insert(5 + kSlots);
  EXPECT_EQ(index_.guests(), 1u);
  Insert(5 + 2 * kSlots);
  EXPECT_EQ(index_.guests(), 2u);
  FindAll();
  Erase(0);
  FindAll();
  EXPECT_EQ(index_.guests(), 1u);
}

TEST_F(OrderIndexTest, ReferencesThatAllMeetAreFound) {
  for (uint64_t i = 0; i < kOrdersMax; ++i) Insert(77 + i * kSlots * 64);
  EXPECT_EQ(live_.size(), kOrdersMax);
  FindAll();
  while (!references_.empty()) Erase(references_.size() / 2);
  EXPECT_EQ(index_.guests(), 0u);
}

TEST_F(OrderIndexTest, AgreesWithAMapOnAnyReferences) {
  const char* text = std::getenv("FEEDFARM_TEST_SEED");
  const uint64_t seed = text == nullptr ? 23 : std::strtoull(text, nullptr, 0);
  std::cout << "seed " << seed << "\n";
  Rng rng(seed);
  for (int round = 0; round < 200 && !HasFailure(); ++round) {
    const uint64_t grow = rng.Below(101);
    const uint64_t kind = rng.Below(4);
    for (int i = 0; i < 2000 && !HasFailure(); ++i) {
      if (rng.Below(100) < grow) {
        const uint64_t draw = rng.Next();
        const uint64_t references[] = {draw % 3000, draw % 40 * kSlots, draw % 8 + (draw >> 8) % 64 * kSlots, draw};
        Insert(references[kind]);
      } else if (!references_.empty()) {
        Erase(rng.Below(references_.size()));
      }
    }
    FindAll();
    if (round % 20 == 19) {
      index_.Clear();
      for (const auto& [reference, order] : live_) free_.push_back(order);
      live_.clear();
      references_.clear();
    }
  }
}

TEST(OrderIndex, RefusesBoundsItCannotKeep) {
  EXPECT_FALSE(OrderIndex::CheckBound(0).ok());
  EXPECT_FALSE(OrderIndex::CheckBound(OrderIndex::kOrdersMax + 1).ok());
  EXPECT_TRUE(OrderIndex::CheckBound(OrderIndex::kOrdersMax).ok());
}

}  // namespace
}  // namespace feedfarm
