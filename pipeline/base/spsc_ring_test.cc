#include "pipeline/base/spsc_ring.h"

#include <thread>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

TEST(SpscRing, IsFullAtItsCapacityAndEmptyAgain) {
  SpscRing<int> ring(4);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 4; ++i) {
      ASSERT_GE(ring.Writable(), 1u);
      ring.Slot() = round * 10 + i;
      ring.Commit(1);
    }
    EXPECT_EQ(ring.Writable(), 0u);
    ASSERT_EQ(ring.Readable(), 4u);
    for (size_t i = 0; i < 4; ++i) EXPECT_EQ(ring.Item(i), round * 10 + static_cast<int>(i));
    ring.Release(4);
    EXPECT_EQ(ring.Readable(), 0u);
  }
}

TEST(SpscRing, WhatIsNotCommittedIsNotRead) {
  SpscRing<int> ring(8);
  ring.Slot(0) = 1;
  ring.Slot(1) = 2;
  EXPECT_EQ(ring.Readable(), 0u);
  ring.Commit(2);
  EXPECT_EQ(ring.Readable(), 2u);
}

TEST(SpscRing, TwoThreadsKeepTheOrder) {
  constexpr uint64_t kItems = 200'000;
  SpscRing<uint64_t> ring(64);
  std::thread writer([&ring] {
    Rng rng(1);
    for (uint64_t next = 0; next < kItems;) {
      const uint64_t count = std::min<uint64_t>({ring.Writable(), 1 + rng.Below(20), kItems - next});
      for (uint64_t i = 0; i < count; ++i) ring.Slot(i) = next++;
      ring.Commit(count);
      if (count == 0) std::this_thread::yield();
    }
  });
  uint64_t expected = 0;
  while (expected < kItems) {
    const size_t count = ring.Readable();
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(ring.Item(i), expected++);
    ring.Release(count);
    if (count == 0) std::this_thread::yield();
  }
  writer.join();
}

}  // namespace
}  // namespace feedfarm
