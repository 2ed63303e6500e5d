// A feed handler that keeps a journal, killed and made again: what the journal must know of sessions for that.
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/feed/feed_handler.h"
#include "pipeline/iextp/segment_writer.h"
#include "pipeline/journal/journal_core.h"
#include "pipeline/journal/testing/model_folder.h"
#include "pipeline/journal/testing/tally_book.h"
#include "pipeline/moldudp64/packet_writer.h"

namespace feedfarm {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint64_t kDwellNs = 1'000'000;

struct FakeClock {
  const uint64_t* now_ns;
  uint64_t operator()() const { return *now_ns; }
};

// Gives the packets that were put into it, one a turn, on both lines.
class ListSource final : public PacketSource {
 public:
  std::deque<Bytes> packets;

  size_t Receive(std::span<Packet> out) override {
    if (packets.empty()) return 0;
    held_ = std::move(packets.front());
    packets.pop_front();
    const auto size = static_cast<uint32_t>(held_.size());
    out[0] = {.payload = held_.data(), .size = size, .line = LineId::kA};
    out[1] = {.payload = held_.data(), .size = size, .line = LineId::kB};
    return 2;
  }
  void Release(std::span<const Packet>) override {}
  void Wait(uint64_t) override {}
  SourceCounters Counters() const override { return {}; }

 private:
  Bytes held_;
};

Bytes Mold(const std::string& session, uint64_t first, uint32_t count) {
  moldudp64::PacketWriter writer;
  if (count == 0) {
    const auto view = writer.Heartbeat(moldudp64::MakeSession(session), first);
    return {view.begin(), view.end()};
  }
  writer.Start(moldudp64::MakeSession(session), first);
  for (uint32_t i = 0; i < count; ++i) writer.Append(Bytes{'A', static_cast<uint8_t>(first + i)});
  const auto view = writer.Finish();
  return {view.begin(), view.end()};
}

Bytes Iex(uint64_t time_ns, uint64_t first, uint32_t count) {
  iextp::SegmentWriter writer;
  writer.Start({.session = iextp::MakeSession(1, 7), .first_sequence = first, .stream_offset = 0, .send_time_ns = time_ns});
  for (uint32_t i = 0; i < count; ++i) writer.Append(Bytes{'A', static_cast<uint8_t>(first + i)});
  const auto view = writer.Finish();
  return {view.begin(), view.end()};
}

// One handler after the other over one folder; each life ends with a kill.
template <class Protocol>
class Lives {
 public:
  explicit Lives(uint64_t first_sequence) : first_sequence_(first_sequence) { Begin(); }

  // Through the handler, and then time until every change of session is through.
  void Take(const std::vector<Bytes>& packets) {
    for (const Bytes& packet : packets) {
      source_.packets.push_back(packet);
      Turn();
      for (int i = 0; i < 4; ++i) Turn();
    }
  }

  void KillAndBegin() {
    handler_.reset();
    core_.reset();
    folder_.Kill();
    Begin();
  }

  FeedCounters counters() const { return handler_->Snapshot(); }
  const JournalCursor& recovered() const { return core_->state().cursor(); }

 private:
  void Begin() {
    JournalOptions options;
    options.ring_bytes = 512 * 1024;
    options.snapshot_messages = 7;
    core_ = *JournalCore<TallyBook>::Open(options, &folder_, &system_clock_, ++lives_, &book_,
                                          std::make_unique<TallyBook>());
    FeedHandlerOptions feed;
    feed.arbiter = {.first_sequence = first_sequence_, .dwell_ns = kDwellNs};
    feed.recovery.dwell_ns = kDwellNs;
    handler_ = *FeedHandler<Protocol, FakeClock>::Create(feed, &source_, nullptr, &events_, &histograms_, nullptr,
                                                         FakeClock{&now_ns_});
    handler_->KeepJournal(&core_->ring(), core_->state().cursor(), core_->state().tally());
  }

  void Turn() {
    now_ns_ += kDwellNs;
    handler_->Poll();
    core_->Step(now_ns_);
  }

  const uint64_t first_sequence_;
  ModelFolder folder_;
  SystemClock system_clock_;
  ListSource source_;
  FeedEventQueue events_;
  LatencyHistograms histograms_;
  TallyBook book_;
  uint64_t now_ns_ = 1'000'000'000;
  uint64_t lives_ = 0;
  std::unique_ptr<JournalCore<TallyBook>> core_;
  std::unique_ptr<FeedHandler<Protocol, FakeClock>> handler_;
};

TEST(JournalRejoin, ASessionThatDeliveredNothingIsAnEarlierOneToo) {
  Lives<MoldItchProtocol> lives(1);
  lives.Take({Mold("S1", 1, 3), Mold("S2", 1, 0), Mold("S3", 1, 2)});
  EXPECT_EQ(lives.counters().arbiter.session_changes, 2u);
  EXPECT_EQ(lives.counters().messages, 5u);
  lives.KillAndBegin();
  ASSERT_EQ(lives.recovered().earlier_count, 2u);
  EXPECT_EQ(lives.recovered().earlier[0], moldudp64::MakeSession("S1"));
  EXPECT_EQ(lives.recovered().earlier[1], moldudp64::MakeSession("S2"));
  // A late packet of it is stale: it does not begin a session.
  lives.Take({Mold("S2", 1, 4), Mold("S3", 3, 2)});
  EXPECT_EQ(lives.counters().lines[0].stale_packets, 1u);
  EXPECT_EQ(lives.counters().arbiter.session_changes, 2u);
  EXPECT_EQ(lives.counters().messages, 7u);
}

TEST(JournalRejoin, SessionChangesAreCountedOverAllLives) {
  Lives<MoldItchProtocol> lives(1);
  const std::vector<std::string> sessions = {"S1", "S2", "S3", "S4", "S5"};
  for (size_t i = 0; i < sessions.size(); ++i) {
    lives.Take({Mold(sessions[i], 1, 4), Mold(sessions[i], 5, 4)});
    EXPECT_EQ(lives.counters().arbiter.session_changes, i);
    lives.KillAndBegin();
    EXPECT_EQ(lives.counters().arbiter.session_changes, i);
    EXPECT_EQ(lives.counters().arbiter.session_restarts, 0u);
    EXPECT_EQ(lives.counters().messages, 8 * (i + 1));
  }
}

TEST(JournalRejoin, SessionRestartsAreCountedOverAllLives) {
  Lives<IexDeepProtocol> lives(0);
  for (uint64_t i = 0; i < 5; ++i) {
    const uint64_t time_ns = 1'000 * (i + 1);
    lives.Take({Iex(time_ns, 1, 4), Iex(time_ns + 1, 5, 4)});
    EXPECT_EQ(lives.counters().arbiter.session_restarts, i);
    lives.KillAndBegin();
    EXPECT_EQ(lives.counters().arbiter.session_restarts, i);
    EXPECT_EQ(lives.counters().arbiter.session_changes, 0u);
    EXPECT_EQ(lives.counters().messages, 8 * (i + 1));
  }
}

}  // namespace
}  // namespace feedfarm
