#include "pipeline/book/level_table.h"

#include <cstdlib>
#include <iostream>
#include <unordered_map>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

constexpr uint32_t kLevelsMax = 100;

class LevelTableTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(lines_.Allocate(LevelTable::kFirst + LevelTable::LinesFor(kLevelsMax)).ok());
    table_.Attach(&lines_, kLevelsMax);
  }

  uint32_t Find(uint64_t key) const {
    return table_.Find(key, table_.Home(LevelTable::SideOf(key), LevelTable::PriceOf(key)));
  }
  void Insert(uint64_t key) {
    ASSERT_EQ(Find(key), 0u);
    const uint32_t line = table_.Insert(key, table_.Home(LevelTable::SideOf(key), LevelTable::PriceOf(key)));
    ASSERT_GE(line, LevelTable::kFirst);
    ASSERT_LT(line, LevelTable::kFirst + table_.size());
    ASSERT_EQ(lines_.level(line).tail, line);
    live_[key] = line;
    keys_.push_back(key);
  }
  void Erase(size_t at) {
    const uint64_t key = keys_[at];
    table_.Erase(live_.at(key));
    live_.erase(key);
    keys_[at] = keys_.back();
    keys_.pop_back();
    ASSERT_EQ(Find(key), 0u);
  }
  void FindAll() const {
    for (const auto& [key, line] : live_) ASSERT_EQ(Find(key), line);
  }
  uint64_t Passed() const {
    uint64_t passed = 0;
    for (uint32_t i = 0; i < table_.size(); ++i) passed += lines_.cells(LevelTable::kFirst + i).passed();
    return passed;
  }

  BookLines lines_;
  LevelTable table_;
  std::unordered_map<uint64_t, uint32_t> live_;
  std::vector<uint64_t> keys_;
};

TEST_F(LevelTableTest, TheSidesOfAPriceAreNeighbours) {
  for (const uint32_t price : {0u, 100u, 99'999u, ~0u}) EXPECT_EQ(table_.Home(8, price) ^ 1, table_.Home(9, price));
}

TEST_F(LevelTableTest, PriceZeroOfInstrumentZeroIsALevelAsAnyOther) {
  EXPECT_EQ(Find(LevelTable::KeyOf(0, 0)), 0u);
  Insert(LevelTable::KeyOf(0, 0));
  FindAll();
}

// All of one home, so that each passes all that came before it.
TEST_F(LevelTableTest, LevelsThatAllMeetAreFoundAndLeaveNoTrace) {
  const uint32_t home = table_.Home(2, 100);
  for (uint32_t price = 0; keys_.size() < kLevelsMax; ++price) {
    if (table_.Home(2, price) == home) Insert(LevelTable::KeyOf(2, price));
  }
  FindAll();
  EXPECT_EQ(Passed(), kLevelsMax * (kLevelsMax - 1) / 2);
  while (!keys_.empty()) {
    Erase(keys_.size() / 2);
    FindAll();
  }
  EXPECT_EQ(Passed(), 0u);
}

TEST_F(LevelTableTest, AgreesWithAMapOnAnyPrices) {
  const char* text = std::getenv("FEEDFARM_TEST_SEED");
  const uint64_t seed = text == nullptr ? 31 : std::strtoull(text, nullptr, 0);
  std::cout << "seed " << seed << "\n";
  Rng rng(seed);
  for (int round = 0; round < 100 && !HasFatalFailure(); ++round) {
    const uint64_t grow = 30 + rng.Below(50);
    for (int i = 0; i < 500 && !HasFatalFailure(); ++i) {
      if (rng.Below(100) < grow && keys_.size() < kLevelsMax) {
        const auto side = static_cast<uint32_t>(rng.Below(1 << 17)), price = static_cast<uint32_t>(rng.Next());
        const uint64_t key =
            LevelTable::KeyOf(rng.Below(2) == 0 ? side : side % 4, rng.Below(2) == 0 ? price : price % 64);
        if (!live_.contains(key)) Insert(key);
      } else if (!keys_.empty()) {
        Erase(rng.Below(keys_.size()));
      }
    }
    FindAll();
  }
}

TEST(LineCells, WhatPassedTooOftenStaysPassed) {
  LineCells cells{};
  for (uint32_t i = 0; i < LineCells::kPassedMost + 10; ++i) cells.Pass();
  EXPECT_EQ(cells.passed(), LineCells::kPassedMost);
  for (uint32_t i = 0; i < LineCells::kPassedMost; ++i) cells.Unpass();
  EXPECT_EQ(cells.passed(), LineCells::kPassedMost);
  EXPECT_EQ(cells.queue(), 0u);
}

}  // namespace
}  // namespace feedfarm
