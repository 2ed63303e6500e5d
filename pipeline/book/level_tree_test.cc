#include "pipeline/book/level_tree.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <map>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

template <class Key>
class LevelTreeTest : public testing::Test {
 protected:
  using Tree = LevelTree<Key>;
  using Map = std::map<Key, uint32_t>;

  void Insert(size_t side, Key key, uint32_t value) {
    const auto place = tree_.Find(roots_[side], key);
    ASSERT_EQ(place.found, maps_[side].contains(key));
    if (place.found) return;
    tree_.Insert(roots_[side], place, key, value);
    maps_[side][key] = value;
  }
  void Erase(size_t side, Key key) {
    const auto place = tree_.Find(roots_[side], key);
    ASSERT_EQ(place.found, maps_[side].contains(key));
    if (!place.found) return;
    ASSERT_EQ(tree_.value(place), maps_[side].at(key));
    tree_.Erase(roots_[side], place, key);
    maps_[side].erase(key);
  }
  void Compare() {
    for (size_t side = 0; side < roots_.size(); ++side) {
      Map seen;
      std::vector<Key> order;
      tree_.ForEach(roots_[side], [&](Key key, uint32_t value) { seen[key] = value, order.push_back(key); });
      ASSERT_TRUE(std::is_sorted(order.rbegin(), order.rend()));
      ASSERT_EQ(order.size(), seen.size());
      ASSERT_TRUE(seen == maps_[side]);
      ASSERT_EQ(roots_[side].empty(), seen.empty());
      if (seen.empty()) continue;
      ASSERT_EQ(tree_.best_key(roots_[side]), seen.rbegin()->first);
      ASSERT_EQ(tree_.best_value(roots_[side]), seen.rbegin()->second);
    }
  }
  size_t levels() const { return maps_[0].size() + maps_[1].size() + maps_[2].size(); }

  Tree tree_;
  std::array<typename Tree::Root, 3> roots_{};
  std::array<Map, 3> maps_;
};

using Keys = testing::Types<int32_t, int64_t>;
TYPED_TEST_SUITE(LevelTreeTest, Keys);

// The pool holds exactly what NodesFor promises: an access beyond it is what the address sanitizer would see.
TYPED_TEST(LevelTreeTest, AgreesWithAMapWhateverItsSize) {
  const char* text = std::getenv("FEEDFARM_TEST_SEED");
  const uint64_t seed = text == nullptr ? 15 : std::strtoull(text, nullptr, 0);
  std::cout << "seed " << seed << "\n";
  constexpr size_t kLevelsMax = 4000;
  ASSERT_TRUE(this->tree_.Allocate(kLevelsMax, 3).ok());
  Rng rng(seed);
  for (int round = 0; round < 60 && !this->HasFailure(); ++round) {
    const uint64_t keys = 1 + rng.Below(1u << rng.Below(14));
    const uint64_t grow = rng.Below(101);
    for (int i = 0; i < 2000 && !this->HasFailure(); ++i) {
      const size_t side = rng.Below(3);
      auto key = static_cast<TypeParam>(rng.Below(keys)) - static_cast<TypeParam>(keys / 2);
      if (rng.Below(100) == 0) key = rng.Below(2) == 0 ? this->tree_.kMost : this->tree_.kLeast;
      const bool insert = rng.Below(100) < grow && this->levels() < kLevelsMax;
      insert ? this->Insert(side, key, static_cast<uint32_t>(i)) : this->Erase(side, key);
    }
    this->Compare();
  }
}

// Ends empty, and then holds as much again: no node is lost.
TYPED_TEST(LevelTreeTest, HoldsManyLevelsInOneSideInAnyOrder) {
  constexpr int kLevels = 100'000;
  ASSERT_TRUE(this->tree_.Allocate(kLevels, 1).ok());
  for (int order = 0; order < 4; ++order) {
    Rng rng(order);
    std::vector<TypeParam> keys(kLevels);
    for (int i = 0; i < kLevels; ++i) keys[i] = order == 1 ? -i : i;
    const auto shuffle = [&] {
      for (int i = kLevels; i > 1; --i) std::swap(keys[i - 1], keys[rng.Below(i)]);
    };
    if (order >= 2) shuffle();
    for (const TypeParam key : keys) this->Insert(0, key, 7);
    this->Compare();
    if (order == 3) shuffle();
    for (const TypeParam key : keys) this->Erase(0, key);
    ASSERT_TRUE(this->roots_[0].empty());
  }
}

}  // namespace
}  // namespace feedfarm
