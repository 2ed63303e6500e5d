#include "pipeline/source/block_ring.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/allocation_guard.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

constexpr uint32_t kBlockBytes = 4096;

// The kernel's part: fills the next block if it has it back.
class FakeKernel {
 public:
  explicit FakeKernel(uint32_t blocks) : memory_(blocks * kBlockBytes / sizeof(uint64_t)), blocks_(blocks) {}

  std::span<uint8_t> memory() { return {reinterpret_cast<uint8_t*>(memory_.data()), blocks_ * kBlockBytes}; }

  // A block with one frame a value, of that many bytes of it. False: the block is not the kernel's.
  bool Fill(const std::vector<uint8_t>& values) {
    tpacket_block_desc* block = Block(next_);
    if (block->hdr.bh1.block_status != TP_STATUS_KERNEL) return false;
    block->hdr.bh1.num_pkts = static_cast<uint32_t>(values.size());
    block->hdr.bh1.offset_to_first_pkt = kFirstAt;
    uint32_t at = kFirstAt;
    for (uint8_t value : values) {
      tpacket3_hdr* header = HeaderAt(next_, at);
      *header = {};
      header->tp_mac = kMac;
      header->tp_snaplen = header->tp_len = value;
      std::memset(reinterpret_cast<uint8_t*>(header) + kMac, value, value);
      header->tp_next_offset = TPACKET_ALIGN(kMac + value);
      at += header->tp_next_offset;
    }
    block->hdr.bh1.block_status = TP_STATUS_USER | TP_STATUS_BLK_TMO;
    next_ = (next_ + 1) % blocks_;
    return true;
  }

  tpacket_block_desc* Block(uint32_t block) {
    return reinterpret_cast<tpacket_block_desc*>(memory().data() + block * kBlockBytes);
  }
  tpacket3_hdr* HeaderAt(uint32_t block, uint32_t at) {
    return reinterpret_cast<tpacket3_hdr*>(memory().data() + block * kBlockBytes + at);
  }
  bool Has(uint32_t block) { return Block(block)->hdr.bh1.block_status == TP_STATUS_KERNEL; }

  static constexpr uint32_t kFirstAt = 64, kMac = 80;

 private:
  std::vector<uint64_t> memory_;
  uint32_t blocks_;
  uint32_t next_ = 0;
};

TEST(BlockRing, GivesFramesInOrderAndTheBlockBackAfterTheLast) {
  FakeKernel kernel(2);
  BlockRing ring(kernel.memory(), kBlockBytes);
  EXPECT_FALSE(ring.Next().has_value());
  ASSERT_TRUE(kernel.Fill({10, 20, 30}));
  for (uint8_t value : {10, 20, 30}) {
    const auto frame = ring.Next();
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(frame->bytes.size(), value);
    EXPECT_TRUE(std::all_of(frame->bytes.begin(), frame->bytes.end(), [&](uint8_t byte) { return byte == value; }));
    EXPECT_EQ(frame->block, 0u);
    EXPECT_EQ(ring.available(), 1u);
  }
  EXPECT_FALSE(ring.Next().has_value());
  ring.Release(0);
  ring.Release(0);
  EXPECT_FALSE(kernel.Has(0));
  ring.Release(0);
  EXPECT_TRUE(kernel.Has(0));
  EXPECT_EQ(ring.available(), 2u);
}

TEST(BlockRing, AReleaseBeforeTheBlockIsReadThroughDoesNotGiveItBack) {
  FakeKernel kernel(2);
  BlockRing ring(kernel.memory(), kBlockBytes);
  ASSERT_TRUE(kernel.Fill({1, 2}));
  ASSERT_TRUE(ring.Next().has_value());
  ring.Release(0);
  EXPECT_FALSE(kernel.Has(0));
  ASSERT_TRUE(ring.Next().has_value());
  EXPECT_FALSE(kernel.Has(0));
  ring.Release(0);
  EXPECT_TRUE(kernel.Has(0));
}

TEST(BlockRing, FullRingStopsAndGoesOnWhereItStopped) {
  FakeKernel kernel(3);
  BlockRing ring(kernel.memory(), kBlockBytes);
  for (uint8_t value : {1, 2, 3}) ASSERT_TRUE(kernel.Fill({value}));
  EXPECT_FALSE(kernel.Fill({4}));  // the kernel drops
  for (uint8_t value : {1, 2, 3}) EXPECT_EQ(ring.Next()->bytes.size(), value);
  EXPECT_FALSE(ring.Next().has_value());  // its turn has come round to a block that is held
  EXPECT_EQ(ring.available(), 0u);
  ring.Release(1);
  EXPECT_FALSE(ring.Next().has_value());
  EXPECT_FALSE(kernel.Fill({4}));  // blocks are filled in the ring's order as well
  ring.Release(0);
  ASSERT_TRUE(kernel.Fill({4}));
  EXPECT_EQ(ring.Next()->bytes.size(), 4u);
  ring.Release(0);
  ring.Release(2);
  EXPECT_EQ(ring.available(), 3u);
}

TEST(BlockRing, PassesOverBlocksWithoutFrames) {
  FakeKernel kernel(3);
  BlockRing ring(kernel.memory(), kBlockBytes);
  ASSERT_TRUE(kernel.Fill({}));
  ASSERT_TRUE(kernel.Fill({7}));
  EXPECT_EQ(ring.Next()->bytes.size(), 7u);
  EXPECT_TRUE(kernel.Has(0));
  ring.Release(1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(kernel.Fill({}));
  EXPECT_FALSE(ring.Next().has_value());
  EXPECT_EQ(ring.available(), 3u);
  EXPECT_EQ(ring.malformed(), 0u);
}

TEST(BlockRing, DoesNotFollowWhatDoesNotFit) {
  struct Case {
    const char* what;
    void (*spoil)(FakeKernel&);
    size_t frames;  // that are still given
  };
  const Case cases[] = {
      {"first frame behind the end", [](FakeKernel& k) { k.Block(0)->hdr.bh1.offset_to_first_pkt = kBlockBytes - 8; }, 0},
      {"first frame in the header", [](FakeKernel& k) { k.Block(0)->hdr.bh1.offset_to_first_pkt = 8; }, 0},
      {"first frame not aligned", [](FakeKernel& k) { k.Block(0)->hdr.bh1.offset_to_first_pkt = 65; }, 0},
      {"too many frames", [](FakeKernel& k) { k.Block(0)->hdr.bh1.num_pkts = 1'000'000; }, 2},
      {"frame longer than the block",
       [](FakeKernel& k) { k.HeaderAt(0, FakeKernel::kFirstAt)->tp_snaplen = 0xFFFFFFFF; }, 0},
      {"next frame behind the end",
       [](FakeKernel& k) { k.HeaderAt(0, FakeKernel::kFirstAt)->tp_next_offset = 0xFFFFFFF0; }, 0},
      {"next frame is this frame", [](FakeKernel& k) { k.HeaderAt(0, FakeKernel::kFirstAt)->tp_next_offset = 0; }, 0},
      {"frame begins in its header", [](FakeKernel& k) { k.HeaderAt(0, FakeKernel::kFirstAt)->tp_mac = 4; }, 0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    FakeKernel kernel(2);
    BlockRing ring(kernel.memory(), kBlockBytes);
    ASSERT_TRUE(kernel.Fill({20, 40}));
    c.spoil(kernel);
    std::vector<uint32_t> out;
    while (const auto frame = ring.Next()) out.push_back(frame->block);
    EXPECT_EQ(out.size(), c.frames);
    EXPECT_EQ(ring.malformed(), 1u);
    for (uint32_t block : out) ring.Release(block);
    EXPECT_EQ(ring.available(), 2u);
    EXPECT_TRUE(kernel.Has(0));
  }
}

TEST(BlockRing, EveryBlockComesBackWhateverTheOrderOfReleases) {
  const uint64_t seed = 7;
  Rng rng(seed);
  FakeKernel kernel(5);
  BlockRing ring(kernel.memory(), kBlockBytes);
  std::vector<uint32_t> held;
  held.reserve(1000);
  uint64_t filled = 0, taken = 0;
  for (int step = 0; step < 100'000; ++step) {
    SCOPED_TRACE(seed);
    const uint64_t what = rng.Below(3);
    if (what == 0) {
      const std::vector<uint8_t> values(rng.Below(9), 20);
      filled += kernel.Fill(values) ? values.size() : 0;
    } else if (what == 1) {
      const AllocationGuard guard;
      const auto frame = ring.Next();
      if (frame) {
        held.push_back(frame->block);
        ++taken;
      }
      ASSERT_EQ(guard.allocations(), 0u);
    } else if (!held.empty()) {
      const size_t which = rng.Below(held.size());
      ring.Release(held[which]);
      held[which] = held.back();
      held.pop_back();
    }
  }
  while (const auto frame = ring.Next()) {
    held.push_back(frame->block);
    ++taken;
  }
  for (uint32_t block : held) ring.Release(block);
  while (const auto frame = ring.Next()) {
    ++taken;
    ring.Release(frame->block);
  }
  EXPECT_EQ(taken, filled);
  EXPECT_EQ(ring.available(), ring.blocks());
  EXPECT_EQ(ring.malformed(), 0u);
}

TEST(BlockRingDeathTest, DiesOfAReleaseTooMany) {
  FakeKernel kernel(2);
  BlockRing ring(kernel.memory(), kBlockBytes);
  ASSERT_TRUE(kernel.Fill({1, 2}));
  ASSERT_TRUE(ring.Next().has_value());
  ring.Release(0);
  EXPECT_DEATH(ring.Release(0), "given back twice");
  EXPECT_DEATH(ring.Release(1), "given back twice");
  EXPECT_DEATH(ring.Release(2), "outside the ring");
}

}  // namespace
}  // namespace feedfarm
