#include "pipeline/feed/suspect_packets.h"

#include <numeric>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/allocation_guard.h"

namespace feedfarm {
namespace {

constexpr uint64_t kJump = 100;
constexpr SessionId kOne{1, 1}, kTwo{2, 2};
constexpr LineId kA = LineId::kA, kB = LineId::kB;

PacketHeader Data(const SessionId& session, uint64_t first, uint32_t count, uint64_t send_time = 0) {
  return {PacketKind::kData, count, first, send_time, session};
}
PacketHeader Heartbeat(const SessionId& session, uint64_t next, uint64_t send_time = 0) {
  return {PacketKind::kHeartbeat, 0, next, send_time, session};
}

class Fixture {
 public:
  SuspectPackets::Dropped dropped{};
  SuspectPackets suspects{kJump, &dropped};
  uint64_t now = 1'000'000;

  void Hold(const PacketHeader& header, LineId line = kA, Departure departure = Departure::kSession,
            std::span<const uint8_t> payload = {}) {
    suspects.Hold({.header = header, .departure = departure, .line = line, .payload = payload}, now);
  }
  // First sequences of what the packet bears out, in the order in which they are taken.
  std::vector<uint64_t> Taken(const PacketHeader& header, LineId line) {
    std::vector<uint64_t> taken;
    if (!suspects.BearsOut(header, line, now)) return taken;
    while (const auto packet = suspects.TakeBorneOut()) taken.push_back(packet->header.first_sequence);
    return taken;
  }
  uint64_t dropped_of(Departure departure) const { return dropped[static_cast<size_t>(departure)]; }
  uint64_t dropped_all() const { return std::accumulate(dropped.begin(), dropped.end(), uint64_t{0}); }
};

using Taken = std::vector<uint64_t>;

TEST(SuspectPackets, ASecondPacketBearsOutTheFirst) {
  struct Row {
    const char* what;
    PacketHeader second;
    LineId line;
    bool borne_out;
  };
  // Data [10, 15) of session two, sent at 100, on line A was held before each.
  for (const Row& row :
       {Row{"its copy on the other line", Data(kTwo, 10, 5, 100), kB, true},
        Row{"its copy on the same line", Data(kTwo, 10, 5, 100), kA, false},
        Row{"the next packet", Data(kTwo, 15, 5, 110), kA, true},
        Row{"the next packet on the other line", Data(kTwo, 15, 5, 110), kB, true},
        Row{"the one before, out of order", Data(kTwo, 5, 5, 90), kA, true},
        Row{"the one before, sent later", Data(kTwo, 5, 5, 110), kA, false},
        Row{"the same message, sent later", Data(kTwo, 10, 5, 110), kB, false},
        Row{"one behind, sent earlier", Data(kTwo, 15, 5, 90), kB, false},
        Row{"as far as a jump may be", Data(kTwo, 115, 1, 110), kA, true},
        Row{"further", Data(kTwo, 116, 1, 110), kA, false}, Row{"another session", Data(kOne, 15, 5, 110), kB, false},
        Row{"a heartbeat behind it", Heartbeat(kTwo, 15, 100), kA, true},
        Row{"the end of session behind it", {PacketKind::kEndOfSession, 0, 15, 110, kTwo}, kA, true}}) {
    SCOPED_TRACE(row.what);
    Fixture f;
    f.Hold(Data(kTwo, 10, 5, 100));
    EXPECT_EQ(f.Taken(row.second, row.line), row.borne_out ? Taken({10}) : Taken());
    EXPECT_EQ(f.suspects.empty(), row.borne_out);
  }
}

TEST(SuspectPackets, AHeartbeatSaidAgainLaterBearsItselfOut) {
  Fixture f;
  f.Hold(Heartbeat(kTwo, 10));
  f.now += SuspectPackets::kSaidAgainNsMin - 1;
  EXPECT_EQ(f.Taken(Heartbeat(kTwo, 10), kA), Taken());
  f.now += 1;
  EXPECT_EQ(f.Taken(Heartbeat(kTwo, 10), kA), Taken({10}));
}

// A feed that restarts and stays idle says the same thing again and again.
TEST(SuspectPackets, AHeartbeatSentLaterIsAnotherPacket) {
  Fixture f;
  f.Hold(Heartbeat(kOne, 1, 500), kA, Departure::kRestart);
  EXPECT_EQ(f.Taken(Heartbeat(kOne, 1, 500), kA), Taken());
  EXPECT_EQ(f.Taken(Heartbeat(kOne, 1, 501), kA), Taken({1}));
}

TEST(SuspectPackets, AllThatIsNearIsTakenInTheOrderOfArrival) {
  Fixture f;
  f.Hold(Data(kTwo, 20, 5));
  f.Hold(Data(kOne, 7, 5));
  f.Hold(Data(kTwo, 20, 5));  // doubled by the network
  EXPECT_EQ(f.Taken(Data(kTwo, 15, 5), kA), Taken({20, 20}));
  EXPECT_FALSE(f.suspects.empty());
  EXPECT_EQ(f.Taken(Data(kOne, 7, 5), kB), Taken({7}));
  EXPECT_TRUE(f.suspects.empty());
  EXPECT_EQ(f.dropped_all(), 0u);
}

TEST(SuspectPackets, KeepsACopyOfThePayload) {
  Fixture f;
  std::string payload = "first";
  const auto bytes = [&] { return std::span(reinterpret_cast<const uint8_t*>(payload.data()), payload.size()); };
  f.Hold(Data(kTwo, 1, 1), kA, Departure::kSession, bytes());
  payload = "other";
  f.Hold(Data(kOne, 1, 1), kA, Departure::kSession, bytes());
  payload = "-----";
  ASSERT_TRUE(f.suspects.BearsOut(Data(kTwo, 1, 1), kB, f.now));
  const auto taken = f.suspects.TakeBorneOut();
  ASSERT_TRUE(taken);
  EXPECT_EQ(std::string(taken->payload.begin(), taken->payload.end()), "first");
}

TEST(SuspectPackets, DropsWhatNothingBearsOutInTimeAndCountsItByReason) {
  Fixture f;
  f.Hold(Data(kTwo, 1, 1), kA, Departure::kSession);
  f.now += SuspectPackets::kHeldNsMax;
  f.Hold(Data(kOne, 1'000, 1), kA, Departure::kSequence);
  f.suspects.Expire(f.now);
  EXPECT_EQ(f.dropped_all(), 0u);
  f.suspects.Expire(f.now + 1);
  EXPECT_EQ(f.dropped_of(Departure::kSession), 1u);
  EXPECT_EQ(f.Taken(Data(kTwo, 1, 1), kB), Taken());
  f.suspects.DropAll();
  EXPECT_EQ(f.dropped_of(Departure::kSequence), 1u);
  EXPECT_TRUE(f.suspects.empty());
}

TEST(SuspectPackets, ANewerOneTakesTheOldestsPlace) {
  Fixture f;
  for (uint64_t i = 0; i < SuspectPackets::kSlots + 1; ++i) f.Hold(Data({9, i}, 1, 1));
  EXPECT_EQ(f.dropped_of(Departure::kSession), 1u);
  EXPECT_EQ(f.Taken(Data({9, 0}, 1, 1), kB), Taken());
  for (uint64_t i = 1; i < SuspectPackets::kSlots + 1; ++i) EXPECT_EQ(f.Taken(Data({9, i}, 1, 1), kB), Taken({1}));
}

TEST(SuspectPackets, DropsWhatIsTooLongToKeep) {
  Fixture f;
  const std::vector<uint8_t> payload(SuspectPackets::kPayloadBytesMax + 1);
  f.Hold(Data(kTwo, 1, 1), kA, Departure::kSequence, payload);
  EXPECT_TRUE(f.suspects.empty());
  EXPECT_EQ(f.dropped_of(Departure::kSequence), 1u);
}

TEST(SuspectPackets, OnlyWhatIsNewerAndNearFollowsARestart) {
  Fixture f;
  EXPECT_FALSE(f.suspects.FollowsRestart(Data(kOne, 5, 4, 310), 4));
  f.Hold(Data(kOne, 1, 4, 300), kA, Departure::kRestart);
  EXPECT_TRUE(f.suspects.FollowsRestart(Data(kOne, 5, 4, 310), 4));
  EXPECT_FALSE(f.suspects.FollowsRestart(Data(kOne, 5, 4, 290), 4));
  EXPECT_FALSE(f.suspects.FollowsRestart(Data(kOne, 500, 4, 310), 4));
  EXPECT_FALSE(f.suspects.FollowsRestart(Data(kTwo, 5, 4, 310), 4));
}

// A packet whose sequence was damaged downwards: the undisturbed stream goes on, and does not bear it out.
TEST(SuspectPackets, TheStreamsOwnPacketsDoNotFollowARestart) {
  Fixture f;
  f.Hold(Data(kOne, 936, 10, 300), kA, Departure::kRestart);
  EXPECT_FALSE(f.suspects.FollowsRestart(Data(kOne, 1000, 10, 300), 1000));
  EXPECT_FALSE(f.suspects.FollowsRestart(Data(kOne, 1010, 10, 310), 1010));
  EXPECT_FALSE(f.suspects.FollowsRestart(Data(kOne, 1000, 10, 300), 1010)) << "the other line's copy";
  EXPECT_FALSE(f.suspects.FollowsRestart(Data(kOne, 1020, 10, 310), 1010)) << "behind a gap";
  EXPECT_FALSE(f.suspects.FollowsRestart(Data(kOne, 940, 10, 310), 940)) << "it reaches into the stream's next";
  EXPECT_TRUE(f.suspects.FollowsRestart(Data(kOne, 946, 10, 310), 946)) << "it ends where this one begins";
}

// A stream of three messages restarted, and the second packet of the new one was lost on both lines.
TEST(SuspectPackets, WhatIsNearerToTheRestartThanToTheStreamFollowsIt) {
  Fixture f;
  f.Hold(Data(kOne, 1, 10, 300), kA, Departure::kRestart);
  EXPECT_TRUE(f.suspects.FollowsRestart(Data(kOne, 31, 10, 310), 4));
  EXPECT_FALSE(f.suspects.FollowsRestart(Data(kOne, 31, 10, 310), 31));
}

TEST(SuspectPackets, AllocatesNothing) {
  Fixture f;
  const std::vector<uint8_t> payload(1'000);
  AllocationGuard guard;
  for (uint64_t i = 0; i < 100; ++i) {
    f.Hold(Data({i % 7, 0}, i, 1), kA, Departure::kSession, payload);
    if (f.suspects.BearsOut(Data({i % 3, 0}, i, 1), kB, f.now)) {
      while (f.suspects.TakeBorneOut()) {
      }
    }
    f.suspects.Expire(f.now += 100'000'000);
  }
  EXPECT_EQ(guard.allocations(), 0u);
  EXPECT_GT(f.dropped_all(), 0u);
}

}  // namespace
}  // namespace feedfarm
