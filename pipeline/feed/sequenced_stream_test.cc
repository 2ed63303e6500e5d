// The stream where snapshots can be had: what it holds, what it lets go, where it goes on.
#include "pipeline/feed/sequenced_stream.h"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/allocation_guard.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

constexpr uint32_t kWindow = 64;
constexpr RecoveryOptions kNoServer{.dwell_ns = 10, .timeout_ns = 100, .tries = 0, .ranges_max = 8};
constexpr RecoveryOptions kServer{.dwell_ns = 10, .timeout_ns = 100, .tries = 1, .ranges_max = 8};

struct Subject {
  explicit Subject(const RecoveryOptions& options = kNoServer, uint64_t rerequest_max = 0, size_t bytes = 0)
      : stream(*ReorderBuffer::Create({.messages = kWindow, .bytes = bytes}), options, &counters, &events) {
    stream.HoldForSnapshots(rerequest_max);
    stream.Begin(0, 1, false);
  }

  // Messages [first, end), each of `bytes` bytes.
  SequencedStream::Accepted Give(uint64_t first, uint64_t end, uint16_t bytes = 2) {
    const PacketHeader header{.kind = PacketKind::kData,
                              .count = static_cast<uint32_t>(end - first),
                              .first_sequence = first,
                              .session = {}};
    payload.assign(60'000, 7);
    for (uint32_t i = 0; i < header.count; ++i) {
      (*blocks)[i] = {static_cast<uint16_t>(i * bytes), bytes};
      if (bytes >= 2) payload[i * bytes] = static_cast<uint8_t>(first + i);
    }
    return stream.Accept(header, payload.data(), *blocks, {}, false, now_ns, *this);
  }
  void Tick(uint64_t passed_ns) {
    now_ns += passed_ns;
    stream.Tick(now_ns);
    stream.Drain(now_ns, *this);
  }
  uint64_t SkipTo(uint64_t sequence) {
    const uint64_t skipped = stream.SkipTo(sequence, now_ns);
    stream.Drain(now_ns, *this);
    return skipped;
  }
  void operator()(uint32_t, uint64_t sequence, std::span<const uint8_t> message, const MessageTimes&) {
    if (message.size() >= 2) {
      EXPECT_EQ(message[0], static_cast<uint8_t>(sequence));
    }
    delivered.push_back(sequence);
  }

  RecoveryCounters counters;
  FeedEventQueue events;
  SequencedStream stream;
  std::unique_ptr<BlockIndex> blocks = std::make_unique<BlockIndex>();
  std::vector<uint8_t> payload;
  std::vector<uint64_t> delivered;
  uint64_t now_ns = 1'000;
};

std::vector<uint64_t> Range(uint64_t first, uint64_t end) {
  std::vector<uint64_t> range;
  for (; first < end; ++first) range.push_back(first);
  return range;
}

TEST(SequencedStream, HoldsWhereItWouldSkipAndGoesOnBehindTheSnapshot) {
  Subject subject;
  subject.Give(1, 5);
  subject.Give(8, 10);
  EXPECT_FALSE(subject.stream.awaiting());
  subject.Tick(10);
  EXPECT_TRUE(subject.stream.awaiting());
  EXPECT_EQ(subject.stream.next(), 8u);
  EXPECT_FALSE(subject.stream.whole());
  subject.Give(10, 12);
  EXPECT_EQ(subject.delivered, Range(1, 5));
  EXPECT_EQ(subject.SkipTo(9), 4u);
  EXPECT_EQ(subject.delivered.back(), 11u);
  EXPECT_EQ(subject.delivered.size(), 4u + 3u);
  EXPECT_TRUE(subject.stream.whole());
  EXPECT_EQ(subject.counters.gap_messages, 3u);
  EXPECT_EQ(subject.counters.snapshot_messages, 3u);
  EXPECT_EQ(subject.counters.unrecovered_messages, 0u);
}

TEST(SequencedStream, SnapshotNewerThanAllThatIsKnown) {
  Subject subject;
  subject.Give(3, 5);
  subject.Tick(10);
  EXPECT_EQ(subject.SkipTo(20), 19u);
  EXPECT_TRUE(subject.delivered.empty());
  EXPECT_EQ(subject.Give(10, 21).fresh, 1u);
  EXPECT_EQ(subject.delivered, Range(20, 21));
}

TEST(SequencedStream, FloorRisesByWhatIsGivenUpBehindIt) {
  Subject subject;
  subject.Give(3, 5);
  subject.Tick(10);
  EXPECT_EQ(subject.stream.next(), 3u);
  subject.Give(8, 9);
  subject.Tick(10);
  EXPECT_EQ(subject.stream.next(), 8u);
  EXPECT_EQ(subject.SkipTo(8), 7u);
  EXPECT_EQ(subject.delivered, Range(8, 9));
  EXPECT_EQ(subject.counters.snapshot_messages, 2u + 3u);
}

TEST(SequencedStream, OldestIsLetGoWhenTheWindowIsFull) {
  Subject subject;
  subject.Give(2, 3);
  subject.Tick(10);
  for (uint64_t first = 3; first < 500; first += 7) EXPECT_EQ(subject.Give(first, first + 7).let_go, 0u);
  EXPECT_EQ(subject.stream.known_end(), 500u);
  EXPECT_EQ(subject.stream.next(), 500u - kWindow);
  EXPECT_EQ(subject.SkipTo(500 - kWindow), 499u - kWindow);
  EXPECT_EQ(subject.delivered, Range(500 - kWindow, 500));
}

TEST(SequencedStream, OldestIsLetGoWhenTheTextIsFull) {
  Subject subject(kNoServer, 0, /*bytes=*/4 * 65'536);
  subject.Give(2, 3);
  subject.Tick(10);
  for (uint64_t sequence = 3; sequence < 50; ++sequence) {
    const SequencedStream::Accepted accepted = subject.Give(sequence, sequence + 1, 30'000);
    EXPECT_EQ(accepted.fresh, 1u);
    EXPECT_EQ(accepted.let_go, 0u);
  }
  EXPECT_GT(subject.stream.next(), 3u);
  EXPECT_LT(subject.stream.next(), 50u);
  const uint64_t floor = subject.stream.next();
  subject.SkipTo(floor);
  EXPECT_EQ(subject.delivered, Range(floor, 50));
}

TEST(SequencedStream, OldestIsLetGoWhenThereAreTooManyHoles) {
  Subject subject(kServer);
  subject.Give(2, 3);
  subject.Tick(10);
  subject.Tick(200);
  ASSERT_TRUE(subject.stream.awaiting());
  for (uint64_t sequence = 4; sequence < 60; sequence += 2) EXPECT_EQ(subject.Give(sequence, sequence + 1).fresh, 1u);
  EXPECT_EQ(subject.stream.known_end(), 59u);
  EXPECT_GT(subject.stream.next(), 3u);
}

TEST(SequencedStream, AbandonedItGoesOnWithWhatIsLeftAndCountsTheLoss) {
  Subject subject;
  subject.Give(1, 5);
  subject.Give(8, 10);
  subject.Tick(10);
  for (uint64_t first = 10; first < 100; first += 10) subject.Give(first, first + 10);
  const uint64_t floor = subject.stream.next();
  EXPECT_EQ(floor, 100u - kWindow);
  subject.stream.Abandon(subject.now_ns);
  subject.stream.Drain(subject.now_ns, subject);
  EXPECT_EQ(subject.delivered.size(), 4u + kWindow);
  EXPECT_EQ(subject.counters.unrecovered_messages, floor - 5);
  EXPECT_EQ(subject.counters.gap_messages, floor - 5);
  EXPECT_EQ(subject.counters.snapshot_messages, 0u);
}

TEST(SequencedStream, EndOfTheGenerationGivesUpWithoutASnapshot) {
  Subject subject;
  subject.Give(1, 5);
  subject.Give(8, 10);
  subject.Tick(10);
  subject.Give(12, 14);
  subject.stream.GiveUpAll(subject.now_ns);
  subject.stream.Drain(subject.now_ns, subject);
  EXPECT_TRUE(subject.stream.whole());
  EXPECT_EQ(subject.delivered.size(), 4u + 2u + 2u);
  EXPECT_EQ(subject.counters.unrecovered_messages, 3u + 2u);
  EXPECT_EQ(subject.counters.gap_messages, 3u + 2u);
  // The next one holds again.
  subject.stream.Begin(1, 1, false);
  EXPECT_TRUE(subject.stream.holds());
}

TEST(SequencedStream, LongGapIsNotAskedFor) {
  Subject subject(kServer, /*rerequest_max=*/5);
  subject.Give(1, 2);
  subject.Give(7, 8);
  subject.Tick(10);
  EXPECT_FALSE(subject.stream.awaiting());  // 5 messages are asked for
  Subject longer(kServer, /*rerequest_max=*/5);
  longer.Give(1, 2);
  longer.Give(8, 9);
  longer.Tick(10);
  EXPECT_TRUE(longer.stream.awaiting());
  EXPECT_EQ(longer.stream.next(), 8u);
  EXPECT_EQ(longer.stream.recovery().outstanding(), 0u);
}

// Any order, any losses, any floor: what is delivered is a whole run from the snapshot to the first hole, and the account
// of the gaps is even.
TEST(SequencedStream, AnythingAtAllKeepsTheAccountEven) {
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Subject subject(rng.Below(2) == 0 ? kServer : kNoServer, rng.Below(20));
    uint64_t head = 1, skipped = 0, delivered_before = 0;
    for (int i = 0; i < 300; ++i) {
      const uint64_t first = head + rng.Below(12) - std::min<uint64_t>(head - 1, rng.Below(8));
      const uint64_t end = first + 1 + rng.Below(6);
      subject.Give(first, end);
      head = std::max(head, end);
      if (rng.Below(3) == 0) subject.Tick(rng.Below(150));
      ASSERT_LE(subject.stream.next(), subject.stream.known_end());
      if (!subject.stream.awaiting()) continue;
      ASSERT_EQ(subject.delivered.size(), std::max(delivered_before, subject.delivered.size()));
      if (rng.Below(4) == 0) {
        skipped += subject.SkipTo(subject.stream.next() + rng.Below(10));
      } else if (rng.Below(10) == 0) {
        subject.stream.Abandon(subject.now_ns);
        subject.stream.Drain(subject.now_ns, subject);
      }
      delivered_before = subject.delivered.size();
    }
    subject.stream.GiveUpAll(subject.now_ns);
    subject.stream.Drain(subject.now_ns, subject);
    ASSERT_TRUE(subject.stream.whole());
    for (size_t i = 1; i < subject.delivered.size(); ++i) ASSERT_LT(subject.delivered[i - 1], subject.delivered[i]);
    const RecoveryCounters& counters = subject.counters;
    EXPECT_EQ(counters.gap_messages,
              counters.recovered_messages + counters.unrecovered_messages + counters.snapshot_messages);
    EXPECT_EQ(subject.delivered.size() + skipped + counters.unrecovered_messages, subject.stream.next() - 1);
    EXPECT_EQ(subject.stream.buffer().messages(), 0u);
  }
}

TEST(SequencedStream, AwaitingAllocatesNothing) {
  Subject subject(kServer);
  subject.Give(3, 5);
  subject.payload.reserve(60'000);
  subject.delivered.reserve(10'000);
  const AllocationGuard guard;
  subject.Tick(10);
  subject.Tick(200);
  ASSERT_TRUE(subject.stream.awaiting());
  for (uint64_t first = 7; first < 1'000; first += 9) {
    subject.Give(first, first + 5);
    subject.Tick(3);
  }
  subject.SkipTo(subject.stream.next());
  EXPECT_EQ(guard.allocations(), 0u);
}

}  // namespace
}  // namespace feedfarm
