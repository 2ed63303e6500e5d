#include "pipeline/book/level_queue.h"

#include <cstdlib>
#include <deque>
#include <iostream>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

constexpr uint32_t kLevels = 4, kOrdersMax = 200, kFirstBlock = kLevels + 1;

class LevelQueueTest : public testing::Test {
 protected:
  struct Order {
    uint64_t reference;
    uint32_t shares;
    OrderHandle handle;
  };

  void SetUp() override {
    ASSERT_TRUE(lines_.Allocate(kFirstBlock + kOrdersMax).ok());
    queue_.Attach(&lines_, kFirstBlock);
    for (uint32_t line = 1; line <= kLevels; ++line) lines_.level(line).tail = line;
  }

  void Append(uint32_t line, uint32_t shares) {
    ++reference_;
    const OrderHandle handle = queue_.Append(line, reference_, shares, reference_ % 5 == 0);
    ASSERT_LT(LineOf(handle), kFirstBlock + kOrdersMax);
    orders_[line].push_back({reference_, shares, handle});
    ++live_;
  }
  void Remove(uint32_t line, size_t at) {
    const Order order = orders_[line][at];
    ASSERT_EQ(queue_.LevelOf(order.handle), line);
    ASSERT_EQ(lines_.cell(order.handle).reference(), order.reference);
    ASSERT_EQ(lines_.cells(LineOf(order.handle)).attributed(order.handle % 16), order.reference % 5 == 0);
    queue_.Remove(order.handle, line);
    orders_[line].erase(orders_[line].begin() + static_cast<int64_t>(at));
    --live_;
  }
  void Compare(uint32_t line) {
    std::vector<std::pair<uint64_t, uint32_t>> found, wanted;
    queue_.ForEach(line, [&](OrderHandle order) {
      found.emplace_back(lines_.cell(order).reference(), lines_.cell(order).shares);
    });
    uint64_t shares = 0;
    for (const Order& order : orders_[line]) {
      wanted.emplace_back(order.reference, order.shares);
      shares += order.shares;
    }
    ASSERT_EQ(found, wanted);
    ASSERT_EQ(lines_.level(line).orders, wanted.size());
    ASSERT_EQ(lines_.level(line).shares, shares);
  }

  BookLines lines_;
  LevelQueue queue_;
  std::map<uint32_t, std::deque<Order>> orders_;
  uint64_t reference_ = 0;
  uint32_t live_ = 0;
};

TEST_F(LevelQueueTest, AHoleIsFilledBehindTheOthers) {
  for (int i = 0; i < 3; ++i) Append(1, 100);
  Remove(1, 1);
  Append(1, 200);
  Compare(1);
  EXPECT_EQ(lines_.level(1).tail, 1u);
}

TEST_F(LevelQueueTest, TheFourthOrderGoesIntoABlockAndTheLineStaysUnfilledMeanwhile) {
  for (int i = 0; i < 4; ++i) Append(1, 100);
  EXPECT_NE(lines_.level(1).tail, 1u);
  Remove(1, 0);
  Append(1, 300);
  Compare(1);
  // With its last order the block goes, and the line is the tail again.
  Remove(1, 2);
  Remove(1, 2);
  EXPECT_EQ(lines_.level(1).tail, 1u);
  Append(1, 400);
  Compare(1);
}

TEST_F(LevelQueueTest, AsManyBlocksAsOrdersAreAlwaysEnough) {
  // Blocks of one order each: the worst there is.
  Rng rng(37);
  for (uint32_t i = 0; i < kOrdersMax; ++i) Append(1, 1);
  while (!HasFatalFailure() && orders_[1].size() > kOrdersMax / 3) Remove(1, rng.Below(orders_[1].size()));
  while (!HasFatalFailure() && live_ < kOrdersMax) Append(2 + live_ % 3, 1);
  for (uint32_t line = 1; line <= kLevels; ++line) Compare(line);
}

TEST_F(LevelQueueTest, AgreesWithListsInAnyOrderOfEvents) {
  const char* text = std::getenv("FEEDFARM_TEST_SEED");
  const uint64_t seed = text == nullptr ? 41 : std::strtoull(text, nullptr, 0);
  std::cout << "seed " << seed << "\n";
  Rng rng(seed);
  for (int round = 0; round < 200 && !HasFatalFailure(); ++round) {
    const uint64_t grow = 25 + rng.Below(50);
    for (int i = 0; i < 300 && !HasFatalFailure(); ++i) {
      const auto line = static_cast<uint32_t>(1 + rng.Below(kLevels));
      if (rng.Below(100) < grow && live_ < kOrdersMax) {
        Append(line, static_cast<uint32_t>(rng.Next()));
      } else if (const size_t orders = orders_[line].size(); orders != 0) {
        const size_t ends[] = {0, orders - 1, rng.Below(orders)};
        Remove(line, ends[rng.Below(3)]);
      }
    }
    for (uint32_t line = 1; line <= kLevels; ++line) Compare(line);
  }
}

}  // namespace
}  // namespace feedfarm
