// What single packets do that nothing bears out, and what those do that are real.
#include <memory>
#include <numeric>
#include <vector>

#include "glog/logging.h"
#include "gtest/gtest.h"
#include "pipeline/feed/feed_handler.h"
#include "pipeline/feed/testing/feed_simulation.h"
#include "pipeline/moldudp64/packet_writer.h"

namespace feedfarm {
namespace {

struct FakeClock {
  const uint64_t* now_ns;
  uint64_t operator()() const { return *now_ns; }
};

uint64_t Implausible(const FeedCounters& counters) {
  return std::accumulate(counters.implausible.begin(), counters.implausible.end(), uint64_t{0});
}

// One packet at a time into a handler of MoldUDP64.
class ByHand {
 public:
  ByHand() {
    handler_ = *FeedHandler<MoldItchProtocol, FakeClock>::Create({}, &source_, nullptr, &events_, &histograms_, nullptr,
                                                                 FakeClock{&now_ns_});
  }
  void Data(LineId line, const char* session, uint64_t first, int count = 1) {
    moldudp64::PacketWriter writer;
    writer.Start(moldudp64::MakeSession(session), first);
    for (int i = 0; i < count; ++i) CHECK(writer.Append(std::vector<uint8_t>{'S', 1, 2}));
    const auto view = writer.Finish();
    Give(line, {view.begin(), view.end()});
  }
  void End(LineId line, const char* session, uint64_t next) {
    moldudp64::PacketWriter writer;
    const auto view = writer.EndOfSession(moldudp64::MakeSession(session), next);
    Give(line, {view.begin(), view.end()});
  }
  // A turn without packets, `ns` later.
  void Pass(uint64_t ns) {
    now_ns_ += ns;
    handler_->Poll();
  }
  FeedCounters Finish() {
    handler_->Finish();
    return handler_->Snapshot();
  }
  uint64_t messages() const { return handler_->Snapshot().messages; }

 private:
  void Give(LineId line, std::vector<uint8_t> payload) {
    source_.Add(now_ns_ += 1'000, line, std::move(payload));
    while (!source_.empty()) handler_->Poll();
  }
  uint64_t now_ns_ = 1'000'000'000;
  testing::SimulatedSource source_{&now_ns_, Rng(1)};
  FeedEventQueue events_;
  LatencyHistograms histograms_;
  std::unique_ptr<FeedHandler<MoldItchProtocol, FakeClock>> handler_;
};

TEST(FeedHandlerStray, ASessionOfOnePacketIsBelievedWithItsCopyOrItsEnd) {
  for (const bool copy : {false, true}) {
    ByHand hand;
    hand.Data(LineId::kA, "ONE", 1);
    EXPECT_EQ(hand.messages(), 0u);
    copy ? hand.Data(LineId::kB, "ONE", 1) : hand.End(LineId::kA, "ONE", 2);
    EXPECT_EQ(hand.messages(), 1u);
    hand.Data(LineId::kA, "TWO", 1);
    copy ? hand.Data(LineId::kB, "TWO", 1) : hand.End(LineId::kA, "TWO", 2);
    hand.Pass(1'000'000);
    EXPECT_EQ(hand.messages(), 2u);
    const FeedCounters counters = hand.Finish();
    EXPECT_EQ(counters.arbiter.session_changes, 1u);
    EXPECT_EQ(Implausible(counters), 0u);
  }
}

// At the end nothing speaks against it.
TEST(FeedHandlerStray, AStreamOfOnePacketIsDelivered) {
  ByHand hand;
  hand.Data(LineId::kA, "ONE", 1, 3);
  const FeedCounters counters = hand.Finish();
  EXPECT_EQ(counters.messages, 3u);
  EXPECT_EQ(Implausible(counters), 0u);
}

// Two strays of one session minutes apart are two strays.
TEST(FeedHandlerStray, AStrayIsForgottenBeforeTheNextOneComes) {
  ByHand hand;
  hand.Data(LineId::kA, "ONE", 1);
  hand.Data(LineId::kA, "ONE", 2);
  for (uint64_t i = 0; i < 5; ++i) {
    hand.Data(LineId::kB, "STRAY", 1 + i);
    hand.Pass(2 * SuspectPackets::kHeldNsMax);
  }
  hand.Data(LineId::kA, "ONE", 3);
  const FeedCounters counters = hand.Finish();
  EXPECT_EQ(counters.messages, 3u);
  EXPECT_EQ(counters.arbiter.session_changes, 0u);
  EXPECT_EQ(counters.implausible[static_cast<size_t>(Departure::kSession)], 5u);
}

}  // namespace
}  // namespace feedfarm
