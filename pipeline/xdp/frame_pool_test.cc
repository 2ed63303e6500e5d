#include "pipeline/xdp/frame_pool.h"

#include <array>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/allocation_guard.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

constexpr uint32_t kFrameBytes = 2048;

// One frame of `pool`, moved to `owner` by legal moves.
uint32_t FrameWith(FramePool& pool, FrameOwner owner) {
  std::array<uint64_t, 1> address{};
  if (owner == FrameOwner::kTransmit) {
    CHECK_EQ(pool.TakeForTransmit(address), 1u);
    return static_cast<uint32_t>(address[0] / kFrameBytes);
  }
  CHECK_EQ(pool.TakeForFill(address), 1u);
  const uint32_t frame = static_cast<uint32_t>(address[0] / kFrameBytes);
  if (owner == FrameOwner::kFill) return frame;
  CHECK(pool.TakeFilled(address[0]).has_value());
  if (owner == FrameOwner::kReceived) return frame;
  pool.Deliver(frame);
  if (owner == FrameOwner::kUser) return frame;
  pool.Return(frame);
  return frame;
}

TEST(FramePool, GivesEachFrameOnceAndCountsWhatItHasNot) {
  FramePool pool(8, kFrameBytes);
  std::array<uint64_t, 5> first{}, second{};
  EXPECT_EQ(pool.TakeForFill(first), 5u);
  EXPECT_EQ(pool.TakeForFill(second), 3u);
  EXPECT_EQ(pool.misses(), 2u);
  std::set<uint64_t> seen(first.begin(), first.end());
  seen.insert(second.begin(), second.begin() + 3);
  EXPECT_EQ(seen.size(), 8u);
  EXPECT_EQ(*seen.rbegin(), 7u * kFrameBytes);
  EXPECT_EQ(pool.free_count(), 0u);
  EXPECT_EQ(pool.available(), 8u);  // all with the kernel, none lost
}

TEST(FramePool, FollowsAPacketThroughAllItsOwners) {
  FramePool pool(4, kFrameBytes);
  std::array<uint64_t, 1> address{};
  ASSERT_EQ(pool.TakeForFill(address), 1u);
  // The kernel's address points behind its headroom.
  const std::optional<uint32_t> frame = pool.TakeFilled(address[0] + 256);
  ASSERT_TRUE(frame.has_value());
  EXPECT_EQ(pool.owner(*frame), FrameOwner::kReceived);
  EXPECT_EQ(pool.available(), 3u);
  pool.Deliver(*frame);
  EXPECT_EQ(pool.owner(*frame), FrameOwner::kUser);
  EXPECT_EQ(pool.available(), 3u);
  pool.Return(*frame);
  EXPECT_EQ(pool.owner(*frame), FrameOwner::kFree);
  EXPECT_EQ(pool.available(), 4u);
}

TEST(FramePool, RefusesFramesThatTheKernelDoesNotHave) {
  FramePool pool(4, kFrameBytes);
  EXPECT_FALSE(pool.TakeFilled(0).has_value());                // free
  EXPECT_FALSE(pool.TakeFilled(4 * kFrameBytes).has_value());  // outside
  EXPECT_FALSE(pool.TakeFilled(~uint64_t{0}).has_value());
  const uint32_t user = FrameWith(pool, FrameOwner::kUser);
  EXPECT_FALSE(pool.TakeFilled(pool.FrameAddress(user)).has_value());
  EXPECT_EQ(pool.return_drops(), 4u);
  pool.Return(user);
  EXPECT_EQ(pool.available(), 4u);
}

struct MoveCase {
  const char* name;
  void (FramePool::*move)(uint32_t);
  FrameOwner from;
};

// Every owner x every move: one owner is legal, all others die.
TEST(FramePoolDeathTest, DiesOnEveryMoveThatIsNotItsOwners) {
  const std::vector<MoveCase> moves = {{"Deliver", &FramePool::Deliver, FrameOwner::kReceived},
                                       {"Drop", &FramePool::Drop, FrameOwner::kReceived},
                                       {"Return", &FramePool::Return, FrameOwner::kUser},
                                       {"Complete", &FramePool::Complete, FrameOwner::kTransmit}};
  for (const MoveCase& move : moves) {
    for (FrameOwner owner :
         {FrameOwner::kFree, FrameOwner::kFill, FrameOwner::kReceived, FrameOwner::kUser, FrameOwner::kTransmit}) {
      SCOPED_TRACE(testing::Message() << move.name << " from owner " << static_cast<int>(owner));
      FramePool pool(4, kFrameBytes);
      const uint32_t frame = FrameWith(pool, owner);
      if (owner == move.from) {
        (pool.*move.move)(frame);
      } else {
        EXPECT_DEATH((pool.*move.move)(frame), "is not its giver's");
      }
    }
  }
}

TEST(FramePoolDeathTest, DiesOnAFrameOutsideThePool) {
  FramePool pool(4, kFrameBytes);
  EXPECT_DEATH(pool.Return(4), "outside the pool");
}

// Property: after any run of legal moves, available counts what is neither in work nor with the user.
TEST(FramePool, KeepsCountUnderRandomLegalMoves) {
  constexpr uint64_t kSeed = 20191230;
  RecordProperty("seed", static_cast<int>(kSeed));
  Rng rng(kSeed);
  FramePool pool(64, kFrameBytes);
  std::vector<uint64_t> filled;
  std::vector<uint32_t> held;
  filled.reserve(64);
  held.reserve(64);
  AllocationGuard guard;
  for (int step = 0; step < 200'000; ++step) {
    switch (rng.Below(3)) {
      case 0: {
        std::array<uint64_t, 7> out{};
        const size_t taken = pool.TakeForFill(std::span(out).first(rng.Below(8)));
        filled.insert(filled.end(), out.begin(), out.begin() + taken);
        break;
      }
      case 1: {
        if (filled.empty()) break;
        std::swap(filled[rng.Below(filled.size())], filled.back());
        const auto frame = pool.TakeFilled(filled.back() + rng.Below(kFrameBytes));
        filled.pop_back();
        ASSERT_TRUE(frame.has_value());
        if (rng.Below(4) == 0) {
          pool.Drop(*frame);
        } else {
          pool.Deliver(*frame);
          held.push_back(*frame);
        }
        break;
      }
      default: {
        if (held.empty()) break;
        std::swap(held[rng.Below(held.size())], held.back());
        pool.Return(held.back());
        held.pop_back();
      }
    }
    ASSERT_EQ(pool.available(), 64 - held.size());
    ASSERT_EQ(pool.free_count(), 64 - held.size() - filled.size());
  }
  EXPECT_EQ(guard.allocations(), 0u);
  EXPECT_EQ(pool.return_drops(), 0u);
}

// The profile pool-soak: 65,536 frames, 10,000 rounds of a batch of 64.
TEST(FramePool, SoakLosesAndMissesNothing) {
  constexpr uint32_t kFrames = 65'536, kRounds = 10'000, kBatch = 64, kHeldBatches = 16;
  FramePool pool(kFrames, 2048);
  std::vector<std::array<uint64_t, kBatch>> held(kHeldBatches);
  uint64_t operations = 0;
  for (uint32_t round = 0; round < kRounds + kHeldBatches; ++round) {
    auto& batch = held[round % kHeldBatches];
    if (round >= kHeldBatches) {
      for (uint64_t address : batch) {
        const auto frame = pool.TakeFilled(address);
        ASSERT_TRUE(frame.has_value());
        pool.Deliver(*frame);
        pool.Return(*frame);
        ++operations;
      }
    }
    if (round < kRounds) {
      ASSERT_EQ(pool.TakeForFill(batch), kBatch);
    }
  }
  EXPECT_EQ(operations, 640'000u);
  EXPECT_EQ(pool.misses(), 0u);
  EXPECT_EQ(pool.return_drops(), 0u);
  EXPECT_EQ(pool.free_count(), kFrames);
}

}  // namespace
}  // namespace feedfarm
