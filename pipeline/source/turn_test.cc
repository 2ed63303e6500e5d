#include "pipeline/source/turn.h"

#include <array>
#include <vector>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

// Rings that hold so many packets each; `got` says what each call took from whom.
struct Rings {
  std::vector<size_t> waiting;
  Turn turn{};

  std::vector<size_t> Take(size_t room) {
    std::vector<size_t> got(waiting.size());
    std::array<Packet, 2 * kBatchMax> out;
    size_t given = 0;
    const size_t taken = turn.Take(waiting.size(), std::span(out).first(room), [&](size_t ring, std::span<Packet> part) {
      EXPECT_EQ(part.data(), out.data() + given);  // no holes between the rings' packets
      const size_t count = std::min(part.size(), waiting[ring]);
      waiting[ring] -= count;
      got[ring] += count;
      given += count;
      return count;
    });
    EXPECT_EQ(taken, given);
    return got;
  }
};

TEST(Turn, OneRingGetsAllOfIt) { EXPECT_EQ(Rings{.waiting = {100}}.Take(64), (std::vector<size_t>{64})); }

TEST(Turn, NeverTakesMoreThanABatch) { EXPECT_EQ(Rings{.waiting = {500}}.Take(128), (std::vector<size_t>{kBatchMax})); }

TEST(Turn, FloodOnOneRingLeavesTheOthersTheirShare) {
  EXPECT_EQ((Rings{.waiting = {500, 500}}.Take(64)), (std::vector<size_t>{32, 32}));
  EXPECT_EQ((Rings{.waiting = {500, 1}}.Take(64)), (std::vector<size_t>{63, 1}));
  EXPECT_EQ((Rings{.waiting = {500, 500, 500, 2}}.Take(64)), (std::vector<size_t>{30, 16, 16, 2}));
}

TEST(Turn, StartsWithTheNextRingEachTime) {
  Rings rings{.waiting = {10, 10, 10}};
  EXPECT_EQ(rings.Take(1), (std::vector<size_t>{1, 0, 0}));
  EXPECT_EQ(rings.Take(1), (std::vector<size_t>{0, 1, 0}));
  EXPECT_EQ(rings.Take(1), (std::vector<size_t>{0, 0, 1}));
  EXPECT_EQ(rings.Take(1), (std::vector<size_t>{1, 0, 0}));
}

TEST(Turn, NoRoomAndNoPacketsTakeNothing) {
  EXPECT_EQ((Rings{.waiting = {5, 5}}.Take(0)), (std::vector<size_t>{0, 0}));
  EXPECT_EQ((Rings{.waiting = {0, 0}}.Take(64)), (std::vector<size_t>{0, 0}));
}

}  // namespace
}  // namespace feedfarm
