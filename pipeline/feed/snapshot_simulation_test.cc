// Whatever is lost, cut off, stale or refused: the book at the end is that of the lossless stream, or the loss is
// counted. The whole feed handler, around a book of arbitrary bytes.
#include <iostream>
#include <span>

#include "gtest/gtest.h"
#include "pipeline/book/book_stage.h"
#include "pipeline/feed/feed_handler.h"
#include "pipeline/feed/testing/feed_simulation.h"
#include "pipeline/feed/testing/simulated_snapshots.h"

namespace feedfarm {
namespace {

using testing::FeedSimulation;
using testing::MapBook;
using testing::SimulatedSnapshots;
using testing::SimulationOptions;
using testing::SnapshotServerOptions;

struct FakeClock {
  const uint64_t* now_ns;
  uint64_t operator()() const { return *now_ns; }
};

// The handler's last stage, around the book of arbitrary bytes.
class MapBooks final : public BookStage {
 public:
  void Clear() override { book_.Clear(); }
  void Apply(uint64_t, std::span<const std::span<const uint8_t>> messages) override {
    for (const std::span<const uint8_t> message : messages) book_.Apply(message);
  }
  BookTotals Totals() const override { return {}; }
  uint64_t StateHash() override { return 0; }
  const MapBook& book() const { return book_; }

 private:
  MapBook book_;
};

struct HandlerOptions {
  uint64_t first_sequence = 1;
  uint32_t window_messages = 1'024;
  RecoveryOptions recovery{.dwell_ns = 60'000, .timeout_ns = 300'000, .tries = 3};
  SnapshotOptions snapshots{.tries = 8, .backoff_ns = 200'000, .rerequest_messages_max = 0, .turn_messages = 16};
};

struct Outcome {
  uint64_t messages = 0;
  uint64_t delivered = 0;
  bool same_book = false;
  bool in_order = false;
  bool settled = false;  // nothing was under way at the end
  RecoveryCounters recovery;
  SnapshotCounters snapshots;
  uint64_t snapshot_events = 0;

  uint64_t failed(SnapshotFailure failure) const { return snapshots.failed[static_cast<size_t>(failure)]; }
};

Outcome Simulate(const SimulationOptions& simulation, const SnapshotServerOptions& server,
                 const HandlerOptions& options = {}) {
  FeedSimulation feed(simulation);
  SimulatedSnapshots snapshots(&feed, server, Rng(simulation.seed).Fork(77));
  FeedEventQueue events(1 << 16);
  LatencyHistograms histograms;
  MapBooks books;
  FeedHandlerOptions handler_options;
  handler_options.arbiter = {.first_sequence = options.first_sequence, .dwell_ns = options.recovery.dwell_ns};
  handler_options.recovery = options.recovery;
  handler_options.window.messages = options.window_messages;
  auto handler = *FeedHandler<MoldItchProtocol, FakeClock>::Create(
      handler_options, &feed.source(), feed.channel(), &events, &histograms, &books, FakeClock{&feed.now_ns});
  handler->TakeSnapshots(options.snapshots, &snapshots);
  int turns = 0;
  while (feed.Advance(handler->busy()) && ++turns < 3'000'000) handler->Poll();
  Outcome outcome;
  outcome.settled = !handler->busy();
  handler->Finish();
  MapBook reference;
  for (uint64_t i = 0; i < feed.messages(); ++i) {
    if (i != 0 && feed.message(i).generation != feed.message(i - 1).generation) reference.Clear();
    reference.Apply(feed.message(i).bytes);
  }
  const FeedCounters counters = handler->Snapshot();
  outcome.messages = feed.messages();
  outcome.delivered = counters.messages;
  outcome.same_book = books.book() == reference;
  outcome.in_order = counters.duplicates == 0 && counters.out_of_order == 0;
  outcome.recovery = counters.recovery;
  outcome.snapshots = counters.snapshots;
  while (const auto event = events.Pop()) outcome.snapshot_events += event->kind == FeedEventKind::kSnapshot ? 1 : 0;
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

// A packet of the far future would raise the floor above every snapshot there is.
TEST(SnapshotSimulation, StrayPacketsWhileItWaitsChangeNothing) {
  SimulationOptions simulation = GapBeyondTheServer(1);
  simulation.strays = 200;
  const Outcome outcome = Simulate(simulation, {.delay_ns_max = 3'000'000});
  ExpectWhole(outcome);
  EXPECT_EQ(outcome.snapshots.loaded, 1u);
  EXPECT_EQ(outcome.snapshots.given_up, 0u);
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
  EXPECT_EQ(outcome.failed(SnapshotFailure::kNotAuthorised), 1u);
  EXPECT_GT(outcome.recovery.unrecovered_messages, 0u);
  EXPECT_EQ(outcome.delivered + outcome.recovery.unrecovered_messages, outcome.messages);
}

TEST(SnapshotSimulation, ImageThatDoesNotFitIsRefused) {
  const Outcome outcome = Simulate(GapBeyondTheServer(6), {.image_bytes = 100});
  EXPECT_EQ(outcome.snapshots.asked, 1u);
  EXPECT_EQ(outcome.failed(SnapshotFailure::kTooLarge), 1u);
  EXPECT_EQ(outcome.delivered + outcome.recovery.unrecovered_messages, outcome.messages);
}

TEST(SnapshotSimulation, CutConnectionsAreTriedAgain) {
  const Outcome outcome = Simulate(GapBeyondTheServer(7), {.cut_first = 3});
  ExpectWhole(outcome);
  EXPECT_EQ(outcome.snapshots.asked, 4u);
  EXPECT_EQ(outcome.failed(SnapshotFailure::kCut), 3u);
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
    if (HasFailure()) break;
  }
  std::cout << loaded << " snapshots loaded, " << failures << " failed\n";
  EXPECT_GT(loaded, 500u);
  EXPECT_GT(failures, 500u);
}

}  // namespace
}  // namespace feedfarm
