#include "pipeline/journal/journal_ring.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/allocation_guard.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

constexpr size_t kBytes = 512 * 1024;

std::vector<uint8_t> Message(uint64_t number, size_t bytes) {
  std::vector<uint8_t> message(bytes);
  Rng rng(number);
  for (uint8_t& byte : message) byte = static_cast<uint8_t>(rng.Next());
  return message;
}

std::unique_ptr<JournalRing> MakeRing() {
  auto ring = JournalRing::Create(kBytes);
  EXPECT_TRUE(ring.ok()) << ring.status();
  return *std::move(ring);
}

// Takes everything published; messages are counted on from `sequence`.
struct Taken {
  std::vector<RecordKind> kinds;
  std::vector<std::pair<uint64_t, std::vector<uint8_t>>> messages;
};

Taken TakeAll(JournalRing& ring) {
  Taken taken;
  RingRun run;
  while (ring.Peek(0, &run)) {
    taken.kinds.push_back(run.kind);
    MessageWalk walk(run.body);
    std::span<const uint8_t> message;
    uint64_t sequence = run.first_sequence;
    if (run.kind == RecordKind::kMessages) {
      while (walk.Next(&message)) taken.messages.push_back({sequence++, {message.begin(), message.end()}});
      EXPECT_EQ(sequence - run.first_sequence, run.count);
      EXPECT_TRUE(walk.done());
    }
    ring.Consume(run.bytes);
  }
  return taken;
}

TEST(JournalRing, RefusesSizesThatCannotBe) {
  for (const size_t bytes : {size_t{0}, size_t{4096}, kBytes - 1, kBytes + 4096}) {
    EXPECT_EQ(JournalRing::Create(bytes).status().code(), absl::StatusCode::kInvalidArgument) << bytes;
  }
}

TEST(JournalRing, NothingIsThereBeforePublish) {
  const auto ring = MakeRing();
  ring->Append(0, 1, Message(1, 20));
  EXPECT_TRUE(TakeAll(*ring).messages.empty());
  ring->Publish();
  EXPECT_EQ(TakeAll(*ring).messages.size(), 1u);
}

TEST(JournalRing, EveryLengthComesBackAsItWas) {
  const auto ring = MakeRing();
  uint64_t sequence = 1;
  for (const size_t bytes : {0, 1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 50, 63, 64, 65, 100, 1000, 9000, 65'535}) {
    ring->Append(3, sequence, Message(sequence, bytes));
    ring->Publish();
    const Taken taken = TakeAll(*ring);
    ASSERT_EQ(taken.messages.size(), 1u) << bytes;
    EXPECT_EQ(taken.messages[0].first, sequence);
    EXPECT_EQ(taken.messages[0].second, Message(sequence, bytes)) << bytes;
    ++sequence;
  }
}

TEST(JournalRing, ConsecutiveMessagesShareARunAndAJumpBeginsOne) {
  const auto ring = MakeRing();
  for (const uint64_t sequence : {1, 2, 3, 7, 8}) ring->Append(0, sequence, Message(sequence, 20));
  ring->Append(1, 9, Message(9, 20));
  ring->Publish();
  RingRun run;
  ASSERT_TRUE(ring->Peek(0, &run));
  EXPECT_EQ(run.count, 3u);
  size_t offset = run.bytes;
  ASSERT_TRUE(ring->Peek(offset, &run));
  EXPECT_EQ(run.first_sequence, 7u);
  EXPECT_EQ(run.count, 2u);
  offset += run.bytes;
  ASSERT_TRUE(ring->Peek(offset, &run));
  EXPECT_EQ(run.generation, 1u);
  EXPECT_FALSE(ring->Peek(offset + run.bytes, &run));
}

TEST(JournalRing, CarriesGenerationsFrontsAndStates) {
  const auto ring = MakeRing();
  ring->Begin(0, {1, 2}, 1, {.front_sequence = 1, .front_time_ns = 5});
  ring->Append(0, 1, Message(1, 20));
  ring->Front(0, {.front_sequence = 1, .front_time_ns = 6});
  ring->BeginState(0);
  for (uint64_t i = 0; i < 10'000; ++i) ring->AppendState(Message(i, 30));
  ring->EndState(0, 500);
  ring->Append(0, 500, Message(500, 20));
  ring->Publish();
  const Taken taken = TakeAll(*ring);
  ASSERT_GE(taken.kinds.size(), 7u);
  EXPECT_EQ(taken.kinds[0], RecordKind::kBegin);
  EXPECT_EQ(taken.kinds[1], RecordKind::kMessages);
  EXPECT_EQ(taken.kinds[2], RecordKind::kFront);
  EXPECT_EQ(taken.kinds[3], RecordKind::kState);
  EXPECT_EQ(taken.kinds.back(), RecordKind::kMessages);
  EXPECT_EQ(taken.messages.back().first, 500u);
}

TEST(JournalRing, FullEndsTheJournalAndWhatWasWrittenIsAPrefix) {
  const auto ring = MakeRing();
  uint64_t sequence = 0;
  while (!ring->overrun().happened) {
    ++sequence;
    ring->Append(2, sequence, Message(sequence, 40));
    if (sequence % 64 == 0) ring->Publish();
  }
  const uint64_t lost = sequence;  // the first that found no room
  // Room again changes nothing.
  const Taken before = TakeAll(*ring);
  for (int i = 0; i < 9; ++i) ring->Append(2, lost + 1, Message(lost, 40));
  ring->Begin(3, {}, 1, {});
  ring->Publish();
  const Taken after = TakeAll(*ring);
  EXPECT_EQ(after.kinds.size(), after.messages.empty() ? 0u : 1u);
  ASSERT_EQ(before.messages.size() + after.messages.size(), lost - 1);
  for (size_t i = 0; i < before.messages.size(); ++i) ASSERT_EQ(before.messages[i].first, i + 1);
  EXPECT_EQ(ring->overrun().generation, 2u);
  EXPECT_EQ(ring->overrun().sequence, lost);
  EXPECT_EQ(ring->overrun().messages, 10u);
}

TEST(JournalRing, OverlongMessageEndsTheJournal) {
  const auto ring = MakeRing();
  ring->Append(0, 1, Message(1, 65'536));
  EXPECT_TRUE(ring->overrun().happened);
  EXPECT_EQ(ring->overrun().sequence, 1u);
}

TEST(JournalRing, AllocatesNothing) {
  const auto ring = MakeRing();
  const std::vector<uint8_t> message = Message(1, 36);
  const AllocationGuard guard;
  ring->Begin(0, {}, 1, {});
  for (uint64_t sequence = 1; sequence < 30'000; ++sequence) {
    ring->Append(0, sequence, message);
    if (sequence % 64 == 0) ring->Publish();
  }
  EXPECT_EQ(guard.allocations(), 0u);
  EXPECT_TRUE(ring->overrun().happened);
}

// Two threads, many times around: every message comes out once, in order, as it was put in.
TEST(JournalRing, TwoThreadsManyTimesAround) {
  const char* text = std::getenv("FEEDFARM_FUZZ_SEED");
  const uint64_t seed = text == nullptr ? 7 : std::strtoull(text, nullptr, 0);
  std::cout << "seed " << seed << "\n";
  const auto ring = MakeRing();
  constexpr uint64_t kMessages = 300'000;
  std::atomic<uint64_t> taken{0};
  std::thread consumer([&ring, &taken] {
    uint64_t expected = 1;
    RingRun run;
    while (expected <= kMessages && !ring->overrun().happened) {
      if (!ring->Peek(0, &run)) {
        std::this_thread::yield();
        continue;
      }
      MessageWalk walk(run.body);
      std::span<const uint8_t> message;
      ASSERT_EQ(run.first_sequence, expected);
      while (walk.Next(&message)) {
        ASSERT_EQ(LoadLittle<uint64_t>(message.data()), expected * 0x9E3779B97F4A7C15u);
        ++expected;
      }
      ring->Consume(run.bytes);
      taken.store(expected - 1);
    }
    EXPECT_EQ(expected, kMessages + 1);
  });
  Rng rng(seed);
  std::vector<uint8_t> message(200);
  for (uint64_t sequence = 1; sequence <= kMessages; ++sequence) {
    StoreLittle<uint64_t>(message.data(), sequence * 0x9E3779B97F4A7C15u);
    ring->Append(0, sequence, std::span(message).first(8 + rng.Below(100)));
    if (rng.Below(20) != 0) continue;
    ring->Publish();
    while (sequence - taken.load() > kBytes / 200) std::this_thread::yield();
  }
  ring->Publish();
  consumer.join();
}

}  // namespace
}  // namespace feedfarm
