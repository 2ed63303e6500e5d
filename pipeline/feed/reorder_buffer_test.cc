#include "pipeline/feed/reorder_buffer.h"

#include <map>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/allocation_guard.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

using Stored = ReorderBuffer::Stored;

std::vector<uint8_t> Message(uint64_t sequence, size_t bytes) {
  return std::vector<uint8_t>(bytes, static_cast<uint8_t>(sequence * 7 + bytes));
}

TEST(ReorderBuffer, RefusesAWindowThatIsNoPowerOfTwo) {
  EXPECT_FALSE(ReorderBuffer::Create({.messages = 0}).ok());
  EXPECT_FALSE(ReorderBuffer::Create({.messages = 1000}).ok());
  EXPECT_FALSE(ReorderBuffer::Create({.messages = 1u << 25}).ok());
  EXPECT_TRUE(ReorderBuffer::Create({.messages = 1}).ok());
}

TEST(ReorderBuffer, KeepsTheFirstCopyWithItsTimes) {
  auto buffer = *ReorderBuffer::Create({.messages = 8});
  const auto first = Message(5, 30), second = Message(6, 12);
  EXPECT_EQ(buffer.Store(5, first, {.receive_tai_ns = 17}), Stored::kStored);
  EXPECT_EQ(buffer.Store(5, second, {.receive_tai_ns = 99}), Stored::kAlready);
  EXPECT_EQ(buffer.Store(6, {}, {}), Stored::kStored);
  EXPECT_EQ(buffer.messages(), 2u);
  EXPECT_TRUE(buffer.Has(5));
  EXPECT_FALSE(buffer.Has(13));  // the same slot
  const auto held = buffer.Get(5);
  EXPECT_EQ(std::vector<uint8_t>(held.message.begin(), held.message.end()), first);
  EXPECT_EQ(held.times.receive_tai_ns, 17u);
  EXPECT_TRUE(buffer.Get(6).message.empty());
  buffer.Drop(5);
  EXPECT_FALSE(buffer.Has(5));
  EXPECT_EQ(buffer.Store(13, second, {}), Stored::kStored);
}

TEST(ReorderBuffer, IsBoundedByBytesAndSaysSo) {
  auto buffer = *ReorderBuffer::Create({.messages = 1024, .bytes = 4 * 65'536});
  const auto large = Message(1, 60'000);
  for (uint64_t sequence = 1; sequence <= 4; ++sequence) EXPECT_EQ(buffer.Store(sequence, large, {}), Stored::kStored);
  EXPECT_EQ(buffer.Store(5, large, {}), Stored::kFull);
  EXPECT_FALSE(buffer.Has(5));
  buffer.Drop(2);
  EXPECT_EQ(buffer.Store(5, large, {}), Stored::kStored);
  buffer.Clear();
  EXPECT_EQ(buffer.messages(), 0u);
  for (uint64_t sequence = 1; sequence <= 4; ++sequence) EXPECT_EQ(buffer.Store(sequence, large, {}), Stored::kStored);
}

TEST(ReorderBufferDeathTest, OutsideOfTheWindowIsOurBug) {
  auto buffer = *ReorderBuffer::Create({.messages = 8});
  buffer.Store(1, {}, {});
  EXPECT_DEATH(buffer.Store(9, {}, {}), "outside of the window");
}

// Against a map, over random stores and drops that go forward as a stream does.
TEST(ReorderBuffer, HoldsWhatAMapHolds) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    Rng rng(seed);
    const uint32_t window = 16u << rng.Below(8);
    auto buffer = *ReorderBuffer::Create({.messages = window, .bytes = 4 * 65'536});
    std::map<uint64_t, std::vector<uint8_t>> model;
    uint64_t next = 1;
    for (int step = 0; step < 3'000; ++step) {
      if (rng.Below(3) != 0) {
        const uint64_t sequence = next + rng.Below(window);
        const auto message = Message(sequence, rng.Below(seed % 4 == 0 ? 9'000 : 60));
        AllocationGuard guard;
        const Stored stored = buffer.Store(sequence, message, {});
        EXPECT_EQ(guard.allocations(), 0u);
        ASSERT_EQ(stored == Stored::kAlready, model.contains(sequence));
        if (stored == Stored::kStored) model[sequence] = message;
      } else {
        for (uint64_t ahead = rng.Below(window); ahead > 0; --ahead, ++next) {
          ASSERT_EQ(buffer.Has(next), model.contains(next));
          if (!buffer.Has(next)) continue;
          const auto held = buffer.Get(next).message;
          ASSERT_EQ(std::vector<uint8_t>(held.begin(), held.end()), model[next]);
          buffer.Drop(next);
          model.erase(next);
        }
      }
      ASSERT_EQ(buffer.messages(), model.size());
    }
  }
}

}  // namespace
}  // namespace feedfarm
