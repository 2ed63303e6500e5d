// Whatever is lost, cut off, stale or refused: the book at the end is that of the lossless stream, or the loss is
// counted. Arbiter, streams, recovery and loader as the handler has them, around a book of arbitrary bytes.
#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/feed/line_arbiter.h"
#include "pipeline/feed/sequenced_stream.h"
#include "pipeline/feed/snapshot_loader.h"
#include "pipeline/feed/testing/feed_simulation.h"
#include "pipeline/feed/testing/simulated_snapshots.h"
#include "pipeline/moldudp64/moldudp64.h"
#include "pipeline/moldudp64/rerequest.h"

namespace feedfarm {
namespace {

using testing::FeedSimulation;
using testing::MapBook;
using testing::SimulatedSnapshots;
using testing::SimulationOptions;
using testing::SnapshotServerOptions;

struct HandlerOptions {
  uint64_t first_sequence = 1;
  uint32_t window_messages = 1'024;
  RecoveryOptions recovery{.dwell_ns = 60'000, .timeout_ns = 300'000, .tries = 3};
  SnapshotOptions snapshots{.tries = 8, .backoff_ns = 200'000, .rerequest_messages_max = 0, .turn_messages = 16};
};

// The handler's stages, without its source, latencies and hashes.
class Handler {
 public:
  Handler(FeedSimulation* feed, SimulatedSnapshots* snapshots, const HandlerOptions& options)
      : feed_(feed),
        streams_{Stream(options), Stream(options)},
        arbiter_({.first_sequence = options.first_sequence, .dwell_ns = options.recovery.dwell_ns}, &streams_[0],
                 &streams_[1], &arbiter_counters_, &events_),
        loader_(options.snapshots, snapshots, this, &snapshot_counters_, &events_) {
    for (SequencedStream& stream : streams_) stream.HoldForSnapshots(options.snapshots.rerequest_messages_max);
  }

  void Poll() {
    const size_t count = feed_->source().Receive(batch_);
    for (size_t i = 0; i < count; ++i) Take(Origin::kLine, {batch_[i].payload, batch_[i].size});
    feed_->source().Release(std::span(batch_).first(count));
    if (busy()) Recover();
    while (const auto event = events_.Pop()) ++kinds_[static_cast<size_t>(event->kind)];
  }
  void Finish() {
    arbiter_.Switch(feed_->now_ns, *this);
    if (!arbiter_.current().whole()) arbiter_.Switch(feed_->now_ns, *this);
  }
  bool busy() const { return arbiter_.busy() || loader_.busy(); }

  void operator()(uint32_t generation, uint64_t sequence, std::span<const uint8_t> message, const MessageTimes&) {
    if (generation != generation_) {
      book_.Clear();
      last_ = 0;
    }
    in_order_ &= sequence > last_ && generation >= generation_;
    generation_ = generation;
    last_ = sequence;
    ++delivered_;
    book_.Apply(message);
  }

  void BeginState(uint32_t generation) {
    book_.Clear();
    if (generation != generation_) last_ = 0;
    generation_ = generation;
  }
  void ApplyState(std::span<const uint8_t> message) { book_.Apply(message); }

  const MapBook& book() const { return book_; }
  uint64_t delivered() const { return delivered_; }
  bool in_order() const { return in_order_; }
  const RecoveryCounters& recovery() const { return recovery_counters_; }
  const SnapshotCounters& snapshots() const { return snapshot_counters_; }
  const SnapshotRecovery& machine() const { return loader_.recovery(); }
  uint64_t events(FeedEventKind kind) const { return kinds_[static_cast<size_t>(kind)]; }

 private:
  SequencedStream Stream(const HandlerOptions& options) {
    RecoveryOptions recovery = options.recovery;
    if (feed_->channel() == nullptr) recovery.tries = 0;
    return {*ReorderBuffer::Create({.messages = options.window_messages}), recovery, &recovery_counters_, &events_};
  }

  void Take(Origin origin, std::span<const uint8_t> payload) {
    const PacketHeader header = moldudp64::MoldUdp64::ParseHeader(payload);
    if (header.kind == PacketKind::kData) {
      ASSERT_TRUE(moldudp64::MoldUdp64::IndexBlocks(payload, header, *blocks_));
    }
    Decision decision = arbiter_.Decide(origin, header, feed_->now_ns);
    if (decision.verdict == Verdict::kSwitchFirst) {
      arbiter_.Switch(feed_->now_ns, *this);
      decision = arbiter_.Decide(origin, header, feed_->now_ns);
    }
    if (decision.stream != nullptr) {
      decision.stream->Accept(header, payload.data(), *blocks_, {}, origin == Origin::kAnswer, feed_->now_ns, *this);
    }
    if (origin == Origin::kAnswer && decision.verdict != Verdict::kStale) {
      arbiter_.current().recovery().NoteAnswer(feed_->now_ns);
    }
  }

  void Recover() {
    if (feed_->channel() != nullptr) {
      for (auto answer = feed_->channel()->Receive(); !answer.empty(); answer = feed_->channel()->Receive()) {
        Take(Origin::kAnswer, answer);
      }
    }
    loader_.Turn(arbiter_.current(), arbiter_.session(), arbiter_.pending(), feed_->now_ns);
    arbiter_.Tick(feed_->now_ns, *this);
    if (feed_->channel() == nullptr) return;
    for (const RerequestRange& range : arbiter_.current().recovery().requests()) {
      std::array<uint8_t, moldudp64::Rerequest::kBytesMax> request;
      const size_t bytes = moldudp64::Rerequest(arbiter_.session(), range.first, range.count).Encode(request);
      feed_->channel()->Send(std::span(request).first(bytes));
    }
  }

  FeedSimulation* const feed_;
  RecoveryCounters recovery_counters_;
  ArbiterCounters arbiter_counters_;
  SnapshotCounters snapshot_counters_;
  FeedEventQueue events_;
  std::array<SequencedStream, 2> streams_;
  LineArbiter arbiter_;
  MapBook book_;
  SnapshotLoader<Handler> loader_;
  std::array<Packet, kBatchMax> batch_;
  std::unique_ptr<BlockIndex> blocks_ = std::make_unique<BlockIndex>();
  uint32_t generation_ = 0;
  uint64_t last_ = 0;
  uint64_t delivered_ = 0;
  bool in_order_ = true;
  std::array<uint64_t, kFeedEventKinds> kinds_{};
};

struct Outcome {
  uint64_t messages = 0;
  uint64_t delivered = 0;
  bool same_book = false;
  bool in_order = false;
  bool settled = false;  // nothing was under way at the end
  RecoveryCounters recovery;
  SnapshotCounters snapshots;
  SnapshotRecovery::State state = SnapshotRecovery::State::kIdle;
  SnapshotFailure last_failure = SnapshotFailure::kNone;
  uint64_t snapshot_events = 0;
};

Outcome Simulate(const SimulationOptions& simulation, const SnapshotServerOptions& server,
                 const HandlerOptions& options = {}) {
  FeedSimulation feed(simulation);
  SimulatedSnapshots snapshots(&feed, server, Rng(simulation.seed).Fork(77));
  Handler handler(&feed, &snapshots, options);
  int turns = 0;
  while (feed.Advance(handler.busy()) && ++turns < 3'000'000) handler.Poll();
  Outcome outcome;
  outcome.settled = !handler.busy();
  handler.Finish();
  MapBook reference;
  for (uint64_t i = 0; i < feed.messages(); ++i) {
    if (i != 0 && feed.message(i).generation != feed.message(i - 1).generation) reference.Clear();
    reference.Apply(feed.message(i).bytes);
  }
  outcome.messages = feed.messages();
  outcome.delivered = handler.delivered();
  outcome.same_book = handler.book() == reference;
  outcome.in_order = handler.in_order();
  outcome.recovery = handler.recovery();
  outcome.snapshots = handler.snapshots();
  outcome.state = handler.machine().state();
  outcome.last_failure = handler.machine().last_failure();
  outcome.snapshot_events = handler.events(FeedEventKind::kSnapshot);
  return outcome;
}

void ExpectWhole(const Outcome& outcome) {
  EXPECT_TRUE(outcome.same_book);
  EXPECT_TRUE(outcome.in_order);
  EXPECT_TRUE(outcome.settled);
  EXPECT_EQ(outcome.recovery.unrecovered_messages, 0u);
  EXPECT_EQ(outcome.delivered + outcome.snapshots.skipped_messages, outcome.messages);
  EXPECT_EQ(outcome.recovery.gap_messages, outcome.recovery.recovered_messages + outcome.recovery.snapshot_messages);
  EXPECT_EQ(outcome.snapshot_events, outcome.snapshots.loaded);
}

SimulationOptions GapBeyondTheServer(uint64_t seed) {
  return {.seed = seed, .both_gap_at = 800, .both_gap_messages = 150, .server_keeps_messages = 30};
}

TEST(SnapshotSimulation, GapBeyondWhatTheServerKeeps) {
  const Outcome outcome = Simulate(GapBeyondTheServer(1), {});
  ExpectWhole(outcome);
  EXPECT_EQ(outcome.snapshots.loaded, 1u);
  EXPECT_GE(outcome.snapshots.skipped_messages, 120u);
}

TEST(SnapshotSimulation, NoReRequestServerAtAll) {
  SimulationOptions simulation = GapBeyondTheServer(2);
  simulation.server = false;
  const Outcome outcome = Simulate(simulation, {});
  ExpectWhole(outcome);
  EXPECT_GE(outcome.snapshots.loaded, 1u);
}

TEST(SnapshotSimulation, LateStartAtTheFirstSequenceSeen) {
  const Outcome outcome = Simulate({.seed = 3, .join_at = 1'000}, {}, {.first_sequence = 0});
  ExpectWhole(outcome);
  EXPECT_EQ(outcome.snapshots.loaded, 1u);
  EXPECT_GE(outcome.snapshots.skipped_messages, 1'000u);
}

TEST(SnapshotSimulation, LateStartFarBeyondTheWindow) {
  const Outcome outcome = Simulate({.seed = 4, .join_at = 1'000}, {}, {.window_messages = 128});
  ExpectWhole(outcome);
  EXPECT_GE(outcome.snapshots.loaded, 1u);
}

TEST(SnapshotSimulation, WrongLoginIsNeverTriedAgain) {
  SimulationOptions simulation = GapBeyondTheServer(5);
  const Outcome outcome = Simulate(simulation, {.reject = true});
  EXPECT_EQ(outcome.snapshots.asked, 1u);
  EXPECT_EQ(outcome.snapshots.failed[static_cast<size_t>(SnapshotFailure::kNotAuthorised)], 1u);
  EXPECT_EQ(outcome.state, SnapshotRecovery::State::kRefused);
  EXPECT_GT(outcome.recovery.unrecovered_messages, 0u);
  EXPECT_EQ(outcome.delivered + outcome.recovery.unrecovered_messages, outcome.messages);
}

TEST(SnapshotSimulation, ImageThatDoesNotFitIsRefused) {
  const Outcome outcome = Simulate(GapBeyondTheServer(6), {.image_bytes = 100});
  EXPECT_EQ(outcome.snapshots.asked, 1u);
  EXPECT_EQ(outcome.last_failure, SnapshotFailure::kTooLarge);
  EXPECT_EQ(outcome.delivered + outcome.recovery.unrecovered_messages, outcome.messages);
}

TEST(SnapshotSimulation, CutConnectionsAreTriedAgain) {
  const Outcome outcome = Simulate(GapBeyondTheServer(7), {.cut_first = 3});
  ExpectWhole(outcome);
  EXPECT_EQ(outcome.snapshots.asked, 4u);
  EXPECT_EQ(outcome.snapshots.failed[static_cast<size_t>(SnapshotFailure::kCut)], 3u);
}

TEST(SnapshotSimulation, StaleSnapshotsAreTriedAgain) {
  const Outcome outcome = Simulate(GapBeyondTheServer(8), {.old = 0.8, .old_messages_max = 400});
  ExpectWhole(outcome);
}

TEST(SnapshotSimulation, OnlyGarbageEndsUnrecoverable) {
  const Outcome outcome = Simulate(GapBeyondTheServer(9), {.garbage = true});
  EXPECT_EQ(outcome.snapshots.asked, HandlerOptions().snapshots.tries);
  EXPECT_EQ(outcome.snapshots.loaded, 0u);
  EXPECT_GE(outcome.snapshots.given_up, 1u);
  EXPECT_EQ(outcome.delivered + outcome.recovery.unrecovered_messages, outcome.messages);
  EXPECT_TRUE(outcome.in_order);
}

TEST(SnapshotSimulation, WindowThatOverflowsWhileItWaitsNeedsANewerSnapshot) {
  const Outcome outcome =
      Simulate(GapBeyondTheServer(10), {.cut = 0.5, .delay_ns_max = 5'000'000}, {.window_messages = 128});
  ExpectWhole(outcome);
}

// Everything at once, from a seed. With servers that answer sooner or later the book is always the reference's.
TEST(SnapshotSimulation, EndsOnTheLosslessBookWhateverHappens) {
  uint64_t loaded = 0, failures = 0;
  for (uint64_t seed = 1; seed <= 600; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed * 7919);
    SimulationOptions simulation{
        .seed = seed,
        .generations = 1 + static_cast<uint32_t>(rng.Below(2)),
        .messages = 1'500,
        .repack_b = rng.Below(2) == 0,
        .duplicate = 0.05,
        .delay = 0.1,
        .delay_ns_max = rng.Below(200'000),
        .both_gap_at = 100 + rng.Below(900),
        .both_gap_messages = rng.Below(300),
        .answer_loss = rng.Uniform() * 0.6,
        .server = rng.Below(4) != 0,
        .server_keeps_messages = 1 + rng.Below(200),
    };
    simulation.loss[0] = rng.Uniform() * 0.3;
    simulation.loss[1] = rng.Uniform() * 0.3;
    HandlerOptions handler;
    handler.window_messages = 64u << rng.Below(5);
    handler.snapshots.tries = 60;
    handler.snapshots.rerequest_messages_max = rng.Below(2) * (1 + rng.Below(300));
    handler.snapshots.turn_messages = 1 + rng.Below(100);
    if (rng.Below(3) == 0) {
      simulation.join_at = rng.Below(1'000);
      handler.first_sequence = rng.Below(2);
    }
    const SnapshotServerOptions server{.cut = rng.Uniform() * 0.5,
                                       .unreachable = rng.Uniform() * 0.3,
                                       .old = rng.Uniform() * 0.6,
                                       .old_messages_max = rng.Below(400),
                                       .delay_ns_max = rng.Below(1'000'000)};
    const Outcome outcome = Simulate(simulation, server, handler);
    EXPECT_TRUE(outcome.same_book);
    EXPECT_TRUE(outcome.in_order);
    EXPECT_TRUE(outcome.settled);
    // A generation that ends while its snapshot is under way is given up; the book is the next one's anyway.
    EXPECT_EQ(outcome.delivered + outcome.snapshots.skipped_messages + outcome.recovery.unrecovered_messages,
              outcome.messages);
    if (simulation.generations == 1) {
      EXPECT_EQ(outcome.recovery.unrecovered_messages, 0u);
    }
    loaded += outcome.snapshots.loaded;
    failures += outcome.snapshots.failures();
    if (HasFailure()) {
      std::cout << "asked " << outcome.snapshots.asked << " loaded " << outcome.snapshots.loaded << " state "
                << static_cast<int>(outcome.state) << " last " << Name(outcome.last_failure) << " gap messages "
                << outcome.recovery.gap_messages << " unrecovered " << outcome.recovery.unrecovered_messages
                << " requests " << outcome.recovery.rerequests << " generations " << simulation.generations << " server "
                << simulation.server << " join " << simulation.join_at << " first " << handler.first_sequence
                << " window " << handler.window_messages << "\n";
      break;
    }
  }
  std::cout << loaded << " snapshots loaded, " << failures << " failed\n";
  EXPECT_GT(loaded, 500u);
  EXPECT_GT(failures, 500u);
}

}  // namespace
}  // namespace feedfarm
