// The rules that every live source keeps, over real interfaces (veth) in a namespace of its own.
#include "pipeline/source/live_source.h"

#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/allocation_guard.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/endian.h"
#include "pipeline/source/testing/live_source_test_base.h"

namespace feedfarm {
namespace {

using testing::BuildFrame;
using testing::FrameSpec;
using testing::kFrames;
using testing::kGroup;
using testing::kPatienceNs;
using testing::kPort;
using testing::LiveSourceTest;

TEST_P(LiveSourceTest, DeliversBothLinesWholeAndInOrder) {
  constexpr uint32_t kRounds = 60, kPerRound = 50;
  uint32_t next[kLines] = {};
  uint64_t bytes[kLines] = {};
  for (uint32_t round = 0; round < kRounds; ++round) {
    for (uint32_t i = 0; i < kPerRound; ++i) {
      Send(LineId::kA, Numbered(LineId::kA, round * kPerRound + i));
      Send(LineId::kB, Numbered(LineId::kB, round * kPerRound + i, 80));
    }
    ASSERT_EQ(Take(2 * kPerRound,
                   [&](const Packet& packet) {
                     const size_t line = Index(packet.line);
                     ASSERT_EQ(LoadBig<uint32_t>(packet.payload), next[line]);
                     ASSERT_EQ(packet.size, line == 0 ? 64u : 80u);
                     ++next[line];
                     bytes[line] += packet.size;
                   }),
              2 * kPerRound);
  }
  const SourceCounters counters = source_->Counters();
  for (size_t line = 0; line < kLines; ++line) {
    EXPECT_EQ(next[line], kRounds * kPerRound);
    EXPECT_EQ(counters.packets[line], kRounds * kPerRound);
    EXPECT_EQ(counters.bytes[line], bytes[line]);
  }
  EXPECT_EQ(counters.ring_full + counters.fill_ring_empty + counters.invalid, 0u);
  ExpectAllBuffersBack();
}

TEST_P(LiveSourceTest, CarriesEveryPayloadLength) {
  for (size_t size : {0, 1, 2, 17, 1471, 1472}) {
    SCOPED_TRACE(size);
    FrameSpec spec{.destination = kGroup[0], .port = kPort};
    for (size_t i = 0; i < size; ++i) spec.payload.push_back(static_cast<uint8_t>(i * 7));
    Send(LineId::kA, spec);
    EXPECT_EQ(Take(1,
                   [&](const Packet& packet) {
                     ASSERT_EQ(packet.size, size);
                     EXPECT_TRUE(std::equal(spec.payload.begin(), spec.payload.end(), packet.payload));
                     EXPECT_EQ(packet.line, LineId::kA);
                   }),
              1u);
  }
  ExpectAllBuffersBack();
}

TEST_P(LiveSourceTest, StampsReceiveTimeInTaiWithItsClass) {
  // The kernel switches its stamps on in its own time: the first packets may have none, and say so.
  const uint64_t give_up_ns = MonotonicNow() + kPatienceNs;
  for (uint32_t i = 0; MonotonicNow() < give_up_ns; ++i) {
    const uint64_t before = TaiNow();
    Send(LineId::kA, Numbered(LineId::kA, i));
    TimestampClass seen = TimestampClass::kNone;
    uint64_t receive_ns = 0;
    ASSERT_EQ(Take(1,
                   [&](const Packet& packet) {
                     seen = packet.timestamp_class;
                     receive_ns = packet.receive_tai_ns;
                   }),
              1u);
    if (seen == TimestampClass::kNone) {
      EXPECT_EQ(receive_ns, 0u);
      continue;
    }
    EXPECT_EQ(seen, TimestampClass::kSoftware);  // veth has no clock
    EXPECT_EQ(source_->grants().timestamp_class, TimestampClass::kSoftware);
    EXPECT_GE(receive_ns, before);
    EXPECT_LE(receive_ns, TaiNow());
    return;
  }
  FAIL() << "no packet was stamped";
}

TEST_P(LiveSourceTest, ReadsTheSendTrailerWhereItSeesFrames) {
  constexpr uint64_t kIntended = 1'800'000'000'123'456'789;
  FrameSpec spec = Numbered(LineId::kB, 7);
  spec.intended_tai_ns = kIntended;
  Send(LineId::kB, spec);
  Send(LineId::kB, Numbered(LineId::kB, 8));
  std::vector<uint64_t> intended;
  std::vector<uint32_t> sizes;
  ASSERT_EQ(Take(2,
                 [&](const Packet& packet) {
                   intended.push_back(packet.intended_tai_ns);
                   sizes.push_back(packet.size);
                 }),
            2u);
  EXPECT_EQ(intended, (std::vector<uint64_t>{GetParam().sees_frames ? kIntended : 0, 0}));
  EXPECT_EQ(sizes, (std::vector<uint32_t>{64, 64}));  // the trailer is not part of the datagram
}

TEST_P(LiveSourceTest, IgnoresOtherGroupsAndPorts) {
  FrameSpec other_group = Numbered(LineId::kA, 1);
  other_group.destination = 0xEF0A0063;
  FrameSpec other_port = Numbered(LineId::kA, 2);
  other_port.port = kPort + 1;
  Send(LineId::kA, other_group);
  Send(LineId::kA, other_port);
  Send(LineId::kA, Numbered(LineId::kA, 3));
  EXPECT_EQ(Take(1, [](const Packet& packet) { EXPECT_EQ(LoadBig<uint32_t>(packet.payload), 3u); }), 1u);
  std::array<Packet, kBatchMax> batch;
  EXPECT_EQ(source_->Receive(batch), 0u);
  EXPECT_EQ(source_->Counters().packets[0], 1u);
}

TEST_P(LiveSourceTest, ReadsTaggedFramesWhereItSeesThem) {
  if (!GetParam().sees_frames) GTEST_SKIP() << "a socket sees a tagged frame on the tag's own interface only";
  for (const auto& tags : std::vector<std::vector<uint16_t>>{{0x8100}, {0x88A8, 0x8100}}) {
    FrameSpec spec = Numbered(LineId::kA, 5);
    spec.vlan_protocols = tags;
    Send(LineId::kA, spec);
    EXPECT_EQ(Take(1, [](const Packet& packet) { EXPECT_EQ(LoadBig<uint32_t>(packet.payload), 5u); }), 1u);
  }
}

TEST_P(LiveSourceTest, FloodOnOneLineDoesNotStarveTheOther) {
  if (GetParam().blocks()) GTEST_SKIP() << "rings hand their blocks over in their own time: turn_test has the rule";
  for (uint32_t i = 0; i < 120; ++i) Send(LineId::kA, Numbered(LineId::kA, i));
  Send(LineId::kB, Numbered(LineId::kB, 0));
  std::array<Packet, kBatchMax> batch;
  bool b_seen = false;
  // One interface has one queue, in order of arrival.
  const int calls_max = GetParam().one_interface ? 4 : 2;
  for (int call = 0; call < calls_max && !b_seen; ++call) {
    const size_t got = source_->Receive(batch);
    for (size_t i = 0; i < got; ++i) b_seen = b_seen || batch[i].line == LineId::kB;
    source_->Release(std::span(batch).first(got));
  }
  EXPECT_TRUE(b_seen);
}

TEST_P(LiveSourceTest, TakesBuffersBackInAnyOrderAndServesOnAfterAllWereHeld) {
  // The user keeps everything until the pool has no more; then nothing is lost but packets, and they are counted.
  std::vector<Packet> held;
  std::array<Packet, kBatchMax> batch;
  // A busy machine may hand packets over long after they were sent: it goes on until the pool is seen to be empty.
  const uint64_t give_up_ns = MonotonicNow() + kPatienceNs;
  for (uint32_t i = 0; i < kFrames + 500 || (source_->Counters().pool_misses == 0 && MonotonicNow() < give_up_ns); ++i) {
    Send(LineId::kA, Numbered(LineId::kA, i));
    const size_t got = source_->Receive(batch);
    held.insert(held.end(), batch.begin(), batch.begin() + got);
  }
  if (!GetParam().blocks()) {
    EXPECT_GE(held.size(), kFrames / 2);
    EXPECT_LE(held.size(), kFrames);
  }
  EXPECT_GT(source_->Counters().pool_misses, 0u);
  for (size_t i = 0; i < held.size(); i += 2) source_->Release(std::span(held).subspan(i, 1));
  for (size_t i = 1; i < held.size(); i += 2) source_->Release(std::span(held).subspan(i, 1));
  Take(kFrames, [](const Packet&) {});  // what waited in a socket buffer
  SourceCounters counters = source_->Counters();
  EXPECT_EQ(counters.pool_available, counters.pool_frames);
  EXPECT_EQ(counters.pool_return_drops, 0u);

  Send(LineId::kA, Numbered(LineId::kA, 0xFFFF));
  EXPECT_EQ(Take(1, [](const Packet& packet) { EXPECT_EQ(LoadBig<uint32_t>(packet.payload), 0xFFFFu); }), 1u);
}

TEST_P(LiveSourceTest, ReceivesAndReleasesWithoutAllocating) {
  for (uint32_t i = 0; i < 100; ++i) Send(LineId::kA, Numbered(LineId::kA, i));
  std::array<Packet, kBatchMax> batch;
  size_t taken = 0;
  const AllocationGuard guard;
  const uint64_t give_up_ns = MonotonicNow() + kPatienceNs;
  while (taken < 100 && MonotonicNow() < give_up_ns) {
    const size_t got = source_->Receive(batch);
    source_->Release(std::span(batch).first(got));
    taken += got;
    if (got == 0) source_->Wait(1'000'000);
  }
  EXPECT_EQ(taken, 100u);
  EXPECT_EQ(guard.allocations(), 0u);
}

TEST_P(LiveSourceTest, GivesNothingForNoRoomAndNoTraffic) {
  EXPECT_EQ(source_->Receive({}), 0u);
  std::array<Packet, kBatchMax> batch;
  EXPECT_EQ(source_->Receive(batch), 0u);
  source_->Wait(1'000'000);
  EXPECT_FALSE(source_->exhausted());
  ExpectAllBuffersBack();
}

TEST_P(LiveSourceTest, CanBeMadeAgainRightAfterItEnded) {
  source_.reset();
  Make();
  Send(LineId::kB, Numbered(LineId::kB, 9));
  EXPECT_EQ(Take(1, [](const Packet& packet) { EXPECT_EQ(packet.line, LineId::kB); }), 1u);
}

INSTANTIATE_TEST_SUITE_P(Methods, LiveSourceTest, ::testing::ValuesIn(testing::ReceiveMethods()),
                         testing::NameOfMethod);

}  // namespace
}  // namespace feedfarm
