#include "pipeline/book/price_ladder.h"

#include <cstdlib>
#include <iostream>
#include <iterator>
#include <limits>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

constexpr uint64_t kKeysMax = 3000;
constexpr uint32_t kSides = 3;

class PriceLaddersTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(ladders_.Allocate(kKeysMax, kSides).ok()); }

  void Insert(uint32_t side, int32_t key) {
    if (!keys_[side].insert(key).second) return;
    ladders_.Insert(side, key);
    Compare(side);
  }
  void Erase(uint32_t side, int32_t key) {
    ASSERT_EQ(keys_[side].erase(key), 1u);
    ladders_.Erase(side, key);
    Compare(side);
  }
  void Compare(uint32_t side) {
    ASSERT_EQ(ladders_.empty(side), keys_[side].empty());
    if (keys_[side].empty()) return;
    ASSERT_EQ(ladders_.best(side), *keys_[side].rbegin());
  }
  void CompareAll(uint32_t side) {
    std::vector<int32_t> keys;
    ladders_.ForEach(side, [&](int32_t key) { keys.push_back(key); });
    ASSERT_EQ(keys, std::vector<int32_t>(keys_[side].rbegin(), keys_[side].rend()));
  }

  PriceLadders ladders_;
  std::set<int32_t> keys_[kSides];
};

TEST_F(PriceLaddersTest, ABookAroundOnePriceIsInOrder) {
  for (const int32_t key : {500'000, 499'900, 500'100, 480'000, 506'300}) Insert(0, key);
  CompareAll(0);
  for (const int32_t key : {506'300, 500'000, 500'100, 499'900, 480'000}) Erase(0, key);
  CompareAll(0);
}

TEST_F(PriceLaddersTest, KeysFarAwayAndBetweenTwoCentsAreInOrder) {
  for (const int32_t key : {500'000, 500'050, 1, -700'000, 900'000, 900'001, 499'999}) Insert(1, key);
  CompareAll(1);
  Erase(1, 900'001);
  Erase(1, 900'000);
  Erase(1, 500'050);
  CompareAll(1);
}

TEST_F(PriceLaddersTest, TheEndsOfTheRangeAreKeysAsAnyOther) {
  constexpr int32_t kLeast = std::numeric_limits<int32_t>::min(), kMost = std::numeric_limits<int32_t>::max();
  for (const int32_t first : {kLeast, kMost, kLeast + 100, kMost - 100, 0}) {
    Insert(2, first);
    for (const int32_t key : {kMost - 25'500, kLeast, kMost, kLeast + 25'500, kMost - 100, kLeast + 100})
      Insert(2, key);
    CompareAll(2);
    while (!keys_[2].empty()) Erase(2, *keys_[2].rbegin());
  }
}

TEST_F(PriceLaddersTest, SidesAreApart) {
  Insert(0, 100);
  Insert(1, 200);
  Erase(0, 100);
  CompareAll(0);
  CompareAll(1);
  ladders_.Clear();
  EXPECT_TRUE(ladders_.empty(1));
}

// Walks of the best price, slow and fast, with cents, fractions of them and far jumps.
TEST_F(PriceLaddersTest, AgreesWithASetOnAnyWalk) {
  const char* text = std::getenv("FEEDFARM_TEST_SEED");
  const uint64_t seed = text == nullptr ? 29 : std::strtoull(text, nullptr, 0);
  std::cout << "seed " << seed << "\n";
  Rng rng(seed);
  for (int round = 0; round < 300 && !HasFatalFailure(); ++round) {
    const uint32_t side = static_cast<uint32_t>(rng.Below(kSides));
    std::set<int32_t>& keys = keys_[side];
    int64_t middle = static_cast<int64_t>(rng.Below(4'000'000'000)) - 2'000'000'000;
    const int64_t drift = static_cast<int64_t>(rng.Below(2'001)) - 1'000;
    const uint64_t reach = 1 + rng.Below(rng.Below(2) == 0 ? 30 : 900);
    const int32_t step = rng.Below(3) == 0 ? 1 + static_cast<int32_t>(rng.Below(200)) : 100;
    for (int i = 0; i < 1'500 && !HasFatalFailure(); ++i) {
      middle += drift / 10;
      if (rng.Below(400) == 0) middle = static_cast<int64_t>(rng.Below(4'000'000'000)) - 2'000'000'000;
      const int64_t key = middle - static_cast<int64_t>(rng.Below(reach)) * step;
      const bool in_range = key >= std::numeric_limits<int32_t>::min() && key <= std::numeric_limits<int32_t>::max();
      if (in_range && rng.Below(100) < 52 && keys.size() < kKeysMax / kSides) {
        Insert(side, static_cast<int32_t>(key));
      } else if (!keys.empty()) {
        // Half of them the best.
        const bool best = rng.Below(2) == 0;
        Erase(side, best ? *keys.rbegin() : *std::next(keys.begin(), static_cast<int64_t>(rng.Below(keys.size()))));
      }
    }
    CompareAll(side);
    while (rng.Below(2) == 0 && !keys.empty() && !HasFatalFailure()) {
      for (int i = 0; i < 200 && !keys.empty(); ++i) Erase(side, *keys.rbegin());
    }
  }
}

}  // namespace
}  // namespace feedfarm
