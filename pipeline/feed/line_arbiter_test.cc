#include "pipeline/feed/line_arbiter.h"

#include <memory>
#include <optional>
#include <vector>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

constexpr uint64_t kDwell = 1'000;
constexpr SessionId kOne{1, 1}, kTwo{2, 2}, kThree{3, 3};

struct Delivered {
  std::vector<std::pair<uint32_t, uint64_t>> messages;
  void operator()(uint32_t generation, uint64_t sequence, std::span<const uint8_t>, const MessageTimes&) {
    messages.emplace_back(generation, sequence);
  }
};

// An arbiter with what it stands between; packets are headers only, their messages empty.
class Table {
 public:
  explicit Table(uint64_t first_sequence = 1)
      : first_(MakeStream()),
        second_(MakeStream()),
        arbiter_({.first_sequence = first_sequence, .dwell_ns = kDwell}, &first_, &second_, &counters_, &events_) {}

  Decision Data(const SessionId& session, uint64_t first, uint32_t count, uint64_t send_time = 0,
                Origin origin = Origin::kLine) {
    return Take(origin, {PacketKind::kData, count, first, send_time, session});
  }
  Decision Control(PacketKind kind, const SessionId& session, uint64_t next, uint64_t send_time = 0) {
    return Take(Origin::kLine, {kind, 0, next, send_time, session});
  }
  Decision Take(Origin origin, const PacketHeader& header) {
    Decision decision = arbiter_.Decide(origin, header, now);
    if (decision.verdict == Verdict::kSwitchFirst) {
      arbiter_.Switch(now, delivered);
      decision = arbiter_.Decide(origin, header, now);
    }
    if (decision.stream != nullptr) {
      decision.stream->Accept(header, nullptr, blocks_, {}, origin == Origin::kAnswer, now, delivered);
    }
    return decision;
  }
  void Tick(uint64_t after) {
    now += after;
    arbiter_.Tick(now, delivered);
  }
  std::optional<FeedEventKind> Event() {
    const auto event = events_.Pop();
    return event ? std::optional(event->kind) : std::nullopt;
  }

  uint64_t now = 1'000'000;
  Delivered delivered;
  LineArbiter& arbiter() { return arbiter_; }
  const ArbiterCounters& counters() const { return counters_; }

 private:
  SequencedStream MakeStream() {
    return SequencedStream(*ReorderBuffer::Create({.messages = 64}), {.dwell_ns = kDwell, .tries = 0},
                           &recovery_counters_, &events_);
  }
  RecoveryCounters recovery_counters_;
  FeedEventQueue events_;
  ArbiterCounters counters_;
  SequencedStream first_, second_;
  LineArbiter arbiter_;
  BlockIndex blocks_{};
};

TEST(LineArbiter, DecidesByPlaceInTheStream) {
  Table table;
  EXPECT_EQ(table.Data(kOne, 1, 10).verdict, Verdict::kDeliver);
  struct Row {
    uint64_t first;
    uint32_t count;
    Verdict verdict;
    uint32_t skip;
  };
  // Expected is 11 before each row.
  for (const Row& row :
       {Row{1, 10, Verdict::kSecondCopy, 0}, Row{3, 2, Verdict::kSecondCopy, 0}, Row{10, 1, Verdict::kSecondCopy, 0},
        Row{11, 1, Verdict::kDeliver, 0}, Row{8, 5, Verdict::kDeliver, 3}, Row{1, 100, Verdict::kDeliver, 10},
        Row{12, 1, Verdict::kHold, 0}, Row{500, 3, Verdict::kHold, 0}, Row{UINT64_MAX, 3, Verdict::kMalformed, 0}}) {
    SCOPED_TRACE(row.first);
    const Decision decision =
        table.arbiter().Decide(Origin::kLine, {PacketKind::kData, row.count, row.first, 0, kOne}, table.now);
    EXPECT_EQ(decision.verdict, row.verdict);
    EXPECT_EQ(decision.skip, row.skip);
  }
  EXPECT_EQ(table.Control(PacketKind::kMalformed, kOne, 1).verdict, Verdict::kMalformed);
}

TEST(LineArbiter, AHeartbeatRevealsTheGapAtTheTail) {
  Table table;
  table.Data(kOne, 1, 10);
  EXPECT_EQ(table.Control(PacketKind::kHeartbeat, kOne, 11).verdict, Verdict::kHeartbeat);
  EXPECT_FALSE(table.arbiter().busy());
  table.Control(PacketKind::kHeartbeat, kOne, 15);
  EXPECT_TRUE(table.arbiter().busy());
  EXPECT_EQ(table.arbiter().current().recovery().ranges()[0].first, 11u);
  EXPECT_EQ(table.arbiter().current().recovery().ranges()[0].end, 15u);
}

TEST(LineArbiter, ReportsTheEndOfSessionOnceAndInOrder) {
  Table table;
  table.Data(kOne, 1, 3);
  EXPECT_EQ(table.Control(PacketKind::kEndOfSession, kOne, 6).verdict, Verdict::kEndOfSession);
  table.Tick(1);
  EXPECT_FALSE(table.Event());
  table.Data(kOne, 4, 2);
  table.Control(PacketKind::kEndOfSession, kOne, 6);
  table.Tick(1);
  EXPECT_EQ(table.Event(), FeedEventKind::kEndOfSession);
  table.Control(PacketKind::kEndOfSession, kOne, 6);
  table.Tick(1);
  EXPECT_FALSE(table.Event());
  EXPECT_TRUE(table.arbiter().ended());
}

TEST(LineArbiter, JoinsWhereItIsTold) {
  Table at_first_seen(0), at_five(5);
  EXPECT_EQ(at_first_seen.Data(kOne, 100, 2).verdict, Verdict::kDeliver);
  EXPECT_EQ(at_first_seen.Data(kOne, 98, 2).verdict, Verdict::kSecondCopy);
  EXPECT_EQ(at_five.Data(kOne, 1, 4).verdict, Verdict::kSecondCopy);
  EXPECT_EQ(at_five.Data(kOne, 4, 4).skip, 1u);
}

TEST(LineArbiter, AnAnswerBeginsNothing) {
  Table table;
  EXPECT_EQ(table.Data(kOne, 1, 1, 0, Origin::kAnswer).verdict, Verdict::kStale);
  table.Data(kOne, 1, 5);
  EXPECT_EQ(table.Data(kTwo, 1, 5, 0, Origin::kAnswer).verdict, Verdict::kStale);
  EXPECT_FALSE(table.arbiter().pending());
}

TEST(LineArbiter, ANewSessionWaitsForDwellAndTheOldOneIsStaleAfterwards) {
  Table table;
  table.Data(kOne, 1, 5);
  EXPECT_EQ(table.Data(kTwo, 1, 3).verdict, Verdict::kHold);
  // The other line still brings the end of the old session.
  EXPECT_EQ(table.Data(kOne, 6, 2).verdict, Verdict::kDeliver);
  EXPECT_EQ(table.delivered.messages.size(), 7u);
  table.Tick(kDwell);
  EXPECT_EQ(table.Event(), FeedEventKind::kSessionChange);
  EXPECT_EQ(table.delivered.messages.size(), 10u);
  EXPECT_EQ(table.delivered.messages.back(), std::pair(1u, uint64_t{3}));
  EXPECT_EQ(table.Data(kOne, 8, 2).verdict, Verdict::kStale);
  EXPECT_EQ(table.Data(kTwo, 4, 1).verdict, Verdict::kDeliver);
  EXPECT_EQ(table.counters().session_changes, 1u);
}

TEST(LineArbiter, AfterTheEndOfSessionTheNextOneNeedsNoWait) {
  Table table;
  table.Data(kOne, 1, 5);
  table.Control(PacketKind::kEndOfSession, kOne, 6);
  table.Data(kTwo, 1, 3);
  table.Tick(0);
  EXPECT_EQ(table.arbiter().session(), kTwo);
  EXPECT_EQ(table.delivered.messages.size(), 8u);
}

TEST(LineArbiter, AThirdSessionEndsTheWait) {
  Table table;
  table.Data(kOne, 1, 5);
  table.Data(kTwo, 1, 3);
  table.Data(kThree, 1, 2);
  EXPECT_EQ(table.arbiter().session(), kTwo);
  EXPECT_EQ(table.delivered.messages.size(), 8u);
  table.Tick(kDwell);
  EXPECT_EQ(table.arbiter().session(), kThree);
  EXPECT_EQ(table.delivered.messages.size(), 10u);
}

TEST(LineArbiter, RecognisesARestartByItsSendTime) {
  Table table;
  table.Data(kOne, 1, 50, 100);
  table.Data(kOne, 51, 5, 200);
  EXPECT_EQ(table.Data(kOne, 1, 50, 100).verdict, Verdict::kSecondCopy);
  EXPECT_EQ(table.Data(kOne, 40, 11, 100).verdict, Verdict::kSecondCopy);  // packed differently
  EXPECT_EQ(table.Data(kOne, 51, 5, 200).verdict, Verdict::kSecondCopy);
  EXPECT_FALSE(table.arbiter().pending());
  EXPECT_EQ(table.Control(PacketKind::kHeartbeat, kOne, 1, 300).verdict, Verdict::kHeartbeat);
  EXPECT_TRUE(table.arbiter().pending());
  EXPECT_EQ(table.Data(kOne, 51, 5, 200).verdict, Verdict::kSecondCopy);  // the old one, late
  EXPECT_EQ(table.Data(kOne, 1, 4, 310).verdict, Verdict::kHold);
  table.Tick(kDwell);
  EXPECT_EQ(table.Event(), FeedEventKind::kSessionRestart);
  EXPECT_EQ(table.delivered.messages.back(), std::pair(1u, uint64_t{4}));
  EXPECT_EQ(table.Data(kOne, 51, 5, 200).verdict, Verdict::kStale);
  EXPECT_EQ(table.Data(kOne, 1, 50, 100).verdict, Verdict::kStale);
  EXPECT_EQ(table.Data(kOne, 1, 4, 310).verdict, Verdict::kSecondCopy);
  EXPECT_EQ(table.counters().session_restarts, 1u);
}

// One line packs further ahead than the other: a newer send time below what is known is no restart then.
TEST(LineArbiter, APacketBehindAnotherOnesEndIsNoRestart) {
  Table table;
  table.Data(kOne, 1, 4, 100);
  EXPECT_EQ(table.Data(kOne, 5, 10, 110).verdict, Verdict::kDeliver);    // ends behind the next packet of the other
  EXPECT_EQ(table.Data(kOne, 8, 4, 120).verdict, Verdict::kSecondCopy);  // sent later
  EXPECT_EQ(table.Data(kOne, 12, 4, 130).verdict, Verdict::kDeliver);
  EXPECT_FALSE(table.arbiter().pending());
  EXPECT_EQ(table.counters().session_restarts, 0u);
}

TEST(LineArbiter, TheFirstPacketsOfARestartMayChangePlaces) {
  Table table;
  table.Data(kOne, 1, 50, 100);
  table.Data(kOne, 51, 5, 200);
  EXPECT_EQ(table.Data(kOne, 5, 4, 310).verdict, Verdict::kHold);
  EXPECT_EQ(table.Data(kOne, 1, 4, 300).verdict, Verdict::kHold);
  table.Tick(kDwell);
  EXPECT_EQ(table.delivered.messages.back(), std::pair(1u, uint64_t{8}));
  EXPECT_EQ(table.counters().session_restarts, 1u);
}

TEST(LineArbiter, AnAnswerOfTheNewCountIsNotTakenForTheOld) {
  Table table;
  table.Data(kOne, 1, 5, 100);
  table.Data(kOne, 10, 5, 200);  // 6..9 are missing
  table.Data(kOne, 1, 5, 300);
  table.Data(kOne, 6, 4, 400);
  // Asked for 6..9 of the old count, the server answers with what it has now.
  EXPECT_EQ(table.Data(kOne, 6, 4, 400, Origin::kAnswer).verdict, Verdict::kHold);
  EXPECT_EQ(table.delivered.messages.size(), 5u);
  EXPECT_EQ(table.Data(kOne, 6, 4, 150, Origin::kAnswer).verdict, Verdict::kDeliver);
  EXPECT_EQ(table.delivered.messages.size(), 14u);
}

}  // namespace
}  // namespace feedfarm
