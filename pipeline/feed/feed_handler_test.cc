#include "pipeline/feed/feed_handler.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/allocation_guard.h"
#include "pipeline/feed/testing/feed_simulation.h"

namespace feedfarm {
namespace {

using testing::FeedSimulation;
using testing::SimulationOptions;

struct FakeClock {
  const uint64_t* now_ns;
  uint64_t operator()() const { return *now_ns; }
};

struct Outcome {
  FeedCounters counters;
  std::vector<FeedEvent> events;
  uint64_t reference_hash = 0;
  uint64_t messages = 0;
  uint64_t requests = 0;
  size_t buffers_kept = 0;
  uint64_t decode_samples = 0;
  uint64_t deliver_samples = 0;
  uint64_t deliver_max_ns = 0;
  uint64_t end_to_end_samples = 0;

  uint64_t Events(FeedEventKind kind) const {
    return std::count_if(events.begin(), events.end(), [&](const FeedEvent& event) { return event.kind == kind; });
  }
};

FeedHandlerOptions DefaultOptions() {
  FeedHandlerOptions options;
  options.arbiter.dwell_ns = options.recovery.dwell_ns = 1'000'000;
  options.recovery.timeout_ns = 1'000'000;
  options.recovery.tries = 12;
  options.window.messages = 1024;
  return options;
}

template <class Protocol>
Outcome SimulateAs(const SimulationOptions& simulated, const FeedHandlerOptions& options) {
  FeedSimulation simulation(simulated);
  FeedEventQueue events(1 << 16);
  LatencyHistograms histograms;
  auto handler = FeedHandler<Protocol, FakeClock>::Create(options, &simulation.source(), simulation.channel(), &events,
                                                          &histograms, nullptr, FakeClock{&simulation.now_ns});
  if (!handler.ok()) std::abort();
  while (simulation.Advance((*handler)->busy())) (*handler)->Poll();
  (*handler)->Finish();
  Outcome outcome;
  outcome.counters = (*handler)->Snapshot();
  while (auto event = events.Pop()) outcome.events.push_back(*event);
  outcome.reference_hash = simulation.reference_hash();
  outcome.messages = simulation.messages();
  outcome.requests = simulation.requests();
  outcome.buffers_kept = simulation.source().outstanding();
  outcome.decode_samples = histograms.Of(LatencyMetric::kDecode, TimestampClass::kSoftware).Count();
  outcome.deliver_samples = histograms.Of(LatencyMetric::kDeliver, TimestampClass::kSoftware).Count();
  outcome.deliver_max_ns = histograms.Of(LatencyMetric::kDeliver, TimestampClass::kSoftware).Max();
  outcome.end_to_end_samples = histograms.Of(LatencyMetric::kEndToEnd, TimestampClass::kSoftware).Count();
  return outcome;
}

Outcome Simulate(const SimulationOptions& simulated, const FeedHandlerOptions& options = DefaultOptions()) {
  return simulated.iex ? SimulateAs<IexDeepProtocol>(simulated, options)
                       : SimulateAs<MoldItchProtocol>(simulated, options);
}

// What holds whatever was lost.
void ExpectSound(const Outcome& outcome) {
  const FeedCounters& counters = outcome.counters;
  EXPECT_EQ(counters.duplicates, 0u);
  EXPECT_EQ(counters.out_of_order, 0u);
  EXPECT_EQ(outcome.buffers_kept, 0u);
  EXPECT_EQ(counters.recovery.gap_messages,
            counters.recovery.recovered_messages + counters.recovery.unrecovered_messages);
  EXPECT_EQ(outcome.Events(FeedEventKind::kGap), counters.recovery.gaps);
  EXPECT_EQ(outcome.Events(FeedEventKind::kRecovered) + outcome.Events(FeedEventKind::kUnrecoverable),
            counters.recovery.gaps);
  for (const LineCounters& line : counters.lines) {
    EXPECT_EQ(line.malformed_packets, 0u);
    EXPECT_GE(line.packets, line.first_copies + line.second_copies + line.stale_packets + line.heartbeats);
  }
}

void ExpectLossless(const Outcome& outcome) {
  ExpectSound(outcome);
  EXPECT_EQ(outcome.counters.messages, outcome.messages);
  EXPECT_EQ(outcome.counters.stream_hash, outcome.reference_hash);
  EXPECT_EQ(outcome.counters.recovery.unrecovered_messages, 0u);
}

// Behind the clock that stamps packets.
struct SlowClock {
  const uint64_t* now_ns;
  uint64_t behind_ns;
  uint64_t operator()() const { return *now_ns - behind_ns; }
};

struct SampleCase {
  uint64_t behind_ns;
  bool in_future;
};

TEST(FeedHandler, StampsFromTheFutureAreCountedAndNotRecorded) {
  for (const auto& [behind_ns, in_future] : {SampleCase{0, false}, {1'000, false}, {50'000'000, true}}) {
    SCOPED_TRACE(behind_ns);
    FeedSimulation simulation({.seed = 5, .loss = {0.01, 0}});
    FeedEventQueue events(1 << 16);
    LatencyHistograms histograms;
    auto handler = *FeedHandler<MoldItchProtocol, SlowClock>::Create(DefaultOptions(), &simulation.source(),
                                                                     simulation.channel(), &events, &histograms,
                                                                     nullptr, SlowClock{&simulation.now_ns, behind_ns});
    while (simulation.Advance(handler->busy())) handler->Poll();
    handler->Finish();
    const FeedCounters counters = handler->Snapshot();
    EXPECT_EQ(counters.messages, simulation.messages());
    const uint64_t packets = counters.lines[0].packets + counters.lines[1].packets;
    for (const LatencyMetric metric : {LatencyMetric::kDecode, LatencyMetric::kDeliver, LatencyMetric::kEndToEnd}) {
      const uint64_t all = metric == LatencyMetric::kDecode ? packets : counters.messages;
      const uint64_t future = counters.future_stamps[Index(metric)][static_cast<size_t>(TimestampClass::kSoftware)];
      EXPECT_EQ(future, in_future ? all : 0) << Index(metric);
      EXPECT_EQ(histograms.Of(metric, TimestampClass::kSoftware).Count(), in_future ? 0 : all) << Index(metric);
    }
  }
}

TEST(FeedHandler, AHealthyPairIsNeitherDuplicatesNorGaps) {
  for (const bool iex : {false, true}) {
    for (const bool repack : {false, true}) {
      const Outcome outcome = Simulate({.seed = 3, .iex = iex, .repack_b = repack});
      ExpectLossless(outcome);
      EXPECT_EQ(outcome.counters.recovery.gaps, 0u);
      EXPECT_EQ(outcome.counters.failovers, 0u);
      EXPECT_EQ(outcome.requests, 0u);
      EXPECT_EQ(outcome.counters.window_full, 0u);
      EXPECT_EQ(outcome.decode_samples, outcome.counters.lines[0].packets + outcome.counters.lines[1].packets);
      EXPECT_EQ(outcome.deliver_samples, outcome.messages);
      EXPECT_EQ(outcome.end_to_end_samples, outcome.messages);
      EXPECT_EQ(outcome.counters.end_of_session, !iex);
      if (!repack) {
        EXPECT_EQ(outcome.counters.lines[1].first_copies, 0u);
      }
    }
  }
}

TEST(FeedHandler, TheOtherLineFillsWithoutAsking) {
  SimulationOptions options{.seed = 5, .repack_b = true};
  options.loss[0] = 0.2;
  const Outcome outcome = Simulate(options);
  ExpectLossless(outcome);
  EXPECT_EQ(outcome.counters.recovery.gaps, 0u);
  EXPECT_EQ(outcome.requests, 0u);
  EXPECT_GT(outcome.counters.lines[1].first_copies, 0u);
  EXPECT_GT(outcome.counters.partial_overlaps, 0u);
  // A held message's latency counts its wait for line B.
  EXPECT_GE(outcome.deliver_max_ns, 10'000u);
}

TEST(FeedHandler, AGapOnBothLinesIsOneGapAndIsRecovered) {
  FeedHandlerOptions options = DefaultOptions();
  options.window.messages = 8192;
  for (const bool iex : {false, true}) {
    const Outcome outcome = Simulate(
        {.seed = 7, .iex = iex, .messages = 5'000, .repack_b = true, .both_gap_at = 2'000, .both_gap_messages = 1'000},
        options);
    ExpectLossless(outcome);
    EXPECT_EQ(outcome.counters.recovery.gaps, 1u);
    EXPECT_EQ(outcome.counters.recovery.gap_messages, 1'000u);
    EXPECT_EQ(outcome.counters.window_full, 0u);
    EXPECT_EQ(outcome.counters.recovery.recovered_messages, 1'000u);
    EXPECT_EQ(outcome.Events(FeedEventKind::kGap), 1u);
    EXPECT_EQ(outcome.Events(FeedEventKind::kRecovered), 1u);
    EXPECT_EQ(outcome.events[0].first_sequence, 2'001u);
    EXPECT_EQ(outcome.events[0].messages, 1'000u);
    EXPECT_LT(outcome.counters.recovery.recovery_max_ns, 100'000'000u);
  }
}

TEST(FeedHandler, AGapNobodyCanFillIsSkippedAndCounted) {
  SimulationOptions options{.seed = 7, .messages = 5'000, .both_gap_at = 2'000, .both_gap_messages = 1'000};
  FeedHandlerOptions handler = DefaultOptions();
  handler.window.messages = 8192;
  handler.recovery.tries = 4;
  for (const bool server : {false, true}) {
    options.server = server;
    options.answer_loss = 1;
    const Outcome outcome = Simulate(options, handler);
    ExpectSound(outcome);
    EXPECT_EQ(outcome.counters.messages, 4'000u);
    EXPECT_EQ(outcome.counters.recovery.unrecovered_messages, 1'000u);
    EXPECT_EQ(outcome.Events(FeedEventKind::kUnrecoverable), 1u);
    EXPECT_TRUE(outcome.counters.end_of_session);
    EXPECT_EQ(outcome.counters.recovery.rerequest_timeouts > 0, server);
  }
}

// What the simulation's own parts allocate is not the handler's.
template <class Call>
auto Uncounted(uint64_t* allocations, Call call) {
  const uint64_t before = ThreadAllocations();
  auto result = call();
  *allocations += ThreadAllocations() - before;
  return result;
}

class UncountedSource final : public PacketSource {
 public:
  UncountedSource(PacketSource* source, uint64_t* allocations) : source_(source), allocations_(allocations) {}
  size_t Receive(std::span<Packet> out) override {
    return Uncounted(allocations_, [&] { return source_->Receive(out); });
  }
  void Release(std::span<const Packet> packets) override { source_->Release(packets); }
  void Wait(uint64_t) override {}
  SourceCounters Counters() const override { return {}; }

 private:
  PacketSource* source_;
  uint64_t* allocations_;
};

class UncountedChannel final : public RerequestChannel {
 public:
  UncountedChannel(RerequestChannel* channel, uint64_t* allocations) : channel_(channel), allocations_(allocations) {}
  void Send(std::span<const uint8_t> request) override {
    Uncounted(allocations_, [&] { return channel_->Send(request), 0; });
  }
  std::span<const uint8_t> Receive() override {
    return Uncounted(allocations_, [&] { return channel_->Receive(); });
  }

 private:
  RerequestChannel* channel_;
  uint64_t* allocations_;
};

TEST(FeedHandler, AllocatesNothingWhateverHappens) {
  SimulationOptions simulated{.seed = 23,
                              .generations = 2,
                              .messages = 4'000,
                              .repack_b = true,
                              .both_gap_at = 1'000,
                              .both_gap_messages = 1'000};
  simulated.loss[0] = simulated.loss[1] = 0.1;
  simulated.duplicate = simulated.delay = 0.1;
  simulated.delay_ns_max = 200'000;
  simulated.answer_loss = 0.2;
  FeedSimulation simulation(simulated);
  FeedEventQueue events;
  LatencyHistograms histograms;
  uint64_t own = 0;
  UncountedSource source(&simulation.source(), &own);
  UncountedChannel channel(simulation.channel(), &own);
  auto handler = *FeedHandler<MoldItchProtocol, FakeClock>::Create(DefaultOptions(), &source, &channel, &events,
                                                                   &histograms, nullptr, FakeClock{&simulation.now_ns});
  uint64_t allocations = 0;
  while (simulation.Advance(handler->busy())) {
    AllocationGuard guard;
    own = 0;
    handler->Poll();
    allocations += guard.allocations() - own;
  }
  AllocationGuard guard;
  handler->Finish();
  EXPECT_EQ(allocations + guard.allocations(), 0u);
  EXPECT_EQ(handler->Snapshot().stream_hash, simulation.reference_hash());
  EXPECT_GT(handler->Snapshot().recovery.gaps, 1u);
}

// A handler that starts late asks for everything from the first message and catches up with the live feed.
TEST(FeedHandler, JoinsLateFromTheFirstMessageInBoundedMemory) {
  SimulationOptions simulated{.seed = 11, .messages = 30'000, .packet_messages_max = 4};
  simulated.packet_interval_ns = 50'000;
  FeedSimulation simulation(simulated);
  // What came before the handler was there is gone.
  std::vector<Packet> gone(kBatchMax);
  simulation.now_ns = simulation.source().next_arrival_ns() + 10'000 * simulated.packet_interval_ns;
  while (const size_t count = simulation.source().Receive(gone)) {
    simulation.source().Release(std::span(gone).first(count));
  }
  FeedEventQueue events;
  LatencyHistograms histograms;
  auto handler =
      FeedHandler<MoldItchProtocol, FakeClock>::Create(DefaultOptions(), &simulation.source(), simulation.channel(),
                                                       &events, &histograms, nullptr, FakeClock{&simulation.now_ns});
  ASSERT_TRUE(handler.ok());
  bool caught_up = false;
  while (simulation.Advance((*handler)->busy())) {
    (*handler)->Poll();
    caught_up = caught_up || (*handler)->arbiter().current().whole();
  }
  const FeedCounters counters = (*handler)->Snapshot();
  EXPECT_TRUE(caught_up);
  EXPECT_EQ(counters.messages, 30'000u);
  EXPECT_EQ(counters.stream_hash, simulation.reference_hash());
  EXPECT_EQ(counters.recovery.gaps, 1u);
  EXPECT_GT(counters.window_full, 0u);
  EXPECT_EQ(counters.duplicates, 0u);
}

TEST(FeedHandler, JoinsAtTheFirstMessageSeenWhenTold) {
  FeedHandlerOptions options = DefaultOptions();
  options.arbiter.first_sequence = 0;
  SimulationOptions simulated{.seed = 2, .both_gap_at = 0, .both_gap_messages = 700};
  const Outcome outcome = Simulate(simulated, options);
  ExpectSound(outcome);
  EXPECT_EQ(outcome.counters.messages, 1'300u);
  EXPECT_EQ(outcome.counters.recovery.gaps, 0u);
}

TEST(FeedHandler, CountsChangesAndRestarts) {
  SimulationOptions options{.seed = 13, .generations = 4, .messages = 500};
  Outcome outcome = Simulate(options);
  ExpectLossless(outcome);
  EXPECT_EQ(outcome.counters.arbiter.session_changes, 3u);
  EXPECT_EQ(outcome.Events(FeedEventKind::kSessionChange), 3u);
  EXPECT_EQ(outcome.Events(FeedEventKind::kEndOfSession), 4u);
  options.iex = true;
  outcome = Simulate(options);
  ExpectLossless(outcome);
  EXPECT_EQ(outcome.counters.arbiter.session_restarts, 3u);
  EXPECT_EQ(outcome.Events(FeedEventKind::kSessionRestart), 3u);
}

// Line B brings the old session's packets long after the new one was taken over.
TEST(FeedHandler, StalePacketsOfALateLineAreNoRestart) {
  for (const bool iex : {false, true}) {
    const Outcome outcome =
        Simulate({.seed = 17, .iex = iex, .generations = 3, .messages = 500, .skew_b_ns = 5'000'000, .repack_b = true});
    ExpectLossless(outcome);
    EXPECT_GT(outcome.counters.lines[1].stale_packets, 0u);
    EXPECT_EQ(outcome.counters.arbiter.session_restarts + outcome.counters.arbiter.session_changes, 2u);
  }
}

uint64_t Implausible(const FeedCounters& counters) {
  return std::accumulate(counters.implausible.begin(), counters.implausible.end(), uint64_t{0});
}

// Less than the simulated streams are long.
constexpr uint64_t kJumpMessages = 64;

// Well-formed packets of other sessions, of the far future, of restarts and times that are none.
TEST(FeedHandler, StrayPacketsChangeNothing) {
  FeedHandlerOptions options = DefaultOptions();
  options.arbiter.jump_messages = kJumpMessages;
  for (const bool iex : {false, true}) {
    const Outcome outcome =
        Simulate({.seed = 31, .iex = iex, .generations = 2, .repack_b = true, .strays = 60}, options);
    ExpectLossless(outcome);
    EXPECT_EQ(Implausible(outcome.counters), 60u);
    EXPECT_GT(outcome.counters.implausible[static_cast<size_t>(Departure::kSession)], 0u);
    EXPECT_GT(outcome.counters.implausible[static_cast<size_t>(Departure::kSequence)], 0u);
    EXPECT_EQ(outcome.counters.implausible[static_cast<size_t>(Departure::kFirst)], 1u);
    EXPECT_EQ(outcome.counters.implausible[static_cast<size_t>(Departure::kRestart)] > 0, iex);
    EXPECT_EQ(outcome.counters.arbiter.session_changes + outcome.counters.arbiter.session_restarts, 1u);
    EXPECT_EQ(outcome.counters.recovery.gaps, 0u);
    EXPECT_EQ(outcome.requests, 0u);
  }
}

// What the check is for: the same strays, each believed at once.
TEST(FeedHandler, StrayPacketsEndTheStreamWhereEverythingIsBelieved) {
  FeedHandlerOptions options = DefaultOptions();
  options.arbiter.jump_messages = 0;
  const Outcome outcome = Simulate({.seed = 31, .generations = 2, .repack_b = true, .strays = 60}, options);
  EXPECT_EQ(Implausible(outcome.counters), 0u);
  EXPECT_NE(outcome.counters.stream_hash, outcome.reference_hash);
}

// A jump that is real waits for one more packet and loses nothing, on one line alone too.
TEST(FeedHandler, ARealGapBeyondTheJumpIsRecoveredWhole) {
  FeedHandlerOptions options = DefaultOptions();
  options.arbiter.jump_messages = kJumpMessages;
  options.window.messages = 8192;
  for (const bool iex : {false, true}) {
    for (const double loss_b : {0.0, 1.0}) {
      SimulationOptions simulated{
          .seed = 7, .iex = iex, .messages = 5'000, .both_gap_at = 2'000, .both_gap_messages = 1'000};
      simulated.loss[1] = loss_b;
      const Outcome outcome = Simulate(simulated, options);
      ExpectLossless(outcome);
      EXPECT_EQ(outcome.counters.recovery.gaps, 1u);
      EXPECT_EQ(outcome.counters.recovery.recovered_messages, 1'000u);
      EXPECT_EQ(Implausible(outcome.counters), 0u);
    }
  }
}

SimulationOptions RandomOptions(uint64_t seed) {
  Rng rng(seed * 977 + 5);
  SimulationOptions options{.seed = seed};
  options.iex = rng.Below(2) == 0;
  options.generations = 1 + static_cast<uint32_t>(rng.Below(3));
  options.messages = 600 + static_cast<uint32_t>(rng.Below(1'500));
  options.packet_messages_max = 1 + static_cast<uint32_t>(rng.Below(12));
  options.packet_interval_ns = 3'000 + rng.Below(40'000);
  options.skew_b_ns = static_cast<int64_t>(rng.Below(1'200'000)) - 600'000;
  options.repack_b = rng.Below(2) == 0;
  options.loss[0] = rng.Below(2) * rng.Uniform() * 0.3;
  options.loss[1] = rng.Below(2) * rng.Uniform() * 0.3;
  options.duplicate = rng.Below(2) * rng.Uniform() * 0.3;
  options.delay = rng.Below(2) * rng.Uniform() * 0.3;
  options.delay_ns_max = rng.Below(400'000);
  if (rng.Below(2) == 0) {
    options.both_gap_at = 100 + rng.Below(100);
    options.both_gap_messages = 1 + rng.Below(200);
  }
  options.answer_loss = rng.Below(2) * rng.Uniform() * 0.3;
  options.answer_messages_max = 1 + static_cast<uint32_t>(rng.Below(40));
  options.answer_delay_ns = rng.Below(600'000);
  // A third generation ends the wait for the first one, and a server knows one restarted sequence only: what two lines
  // lost may then be gone. What one line lost never is, as long as the other is less than dwell behind.
  if (!options.iex) options.generations = std::min(options.generations, 2u);
  if (options.iex && options.generations > 1) {
    options.packet_interval_ns += 60'000;
    options.both_gap_messages = 0;
    options.loss[rng.Below(2)] = 0;
    options.delay_ns_max /= 2;
    options.safe_tail_messages = 0;
  }
  return options;
}

class FeedHandlerProperty : public ::testing::TestWithParam<int> {};

// Whatever happens to the lines and the answers: every message exactly once and in order.
TEST_P(FeedHandlerProperty, DeliversTheLosslessStream) {
  for (uint64_t seed = 400 * GetParam(); seed < 400 * (GetParam() + 1); ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    SimulationOptions simulated = RandomOptions(seed);
    FeedHandlerOptions options = DefaultOptions();
    options.window.messages = 64u << Rng(seed).Below(6);
    options.recovery.ranges_max = seed % 7 == 0 ? 8 : 1024;
    options.recovery.outstanding_max = 1 + seed % 32;
    options.recovery.request_messages = 1 + seed % 90;
    options.recovery.tries = 16;
    if (simulated.iex && simulated.generations > 1) {
      options.window.messages = 4096;
      options.recovery = DefaultOptions().recovery;
    }
    // Real jumps and restarts among strays.
    if (seed % 2 == 0) {
      options.arbiter.jump_messages = kJumpMessages;
      simulated.strays = seed % 9;
    }
    const Outcome outcome = Simulate(simulated, options);
    ExpectLossless(outcome);
    EXPECT_EQ(outcome.counters.arbiter.session_restarts + outcome.counters.arbiter.session_changes,
              simulated.generations - 1);
    // One that comes when its session is over is stale.
    const auto& lines = outcome.counters.lines;
    EXPECT_GE(Implausible(outcome.counters) + lines[0].stale_packets + lines[1].stale_packets, simulated.strays);
    if (HasFailure()) break;
  }
}

// The same with a server that often fails: what comes is still in order, once, and every gap has its account.
TEST_P(FeedHandlerProperty, StaysSoundWhenMessagesAreLostForGood) {
  for (uint64_t seed = 400 * GetParam(); seed < 400 * GetParam() + 150; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    SimulationOptions simulated = RandomOptions(seed);
    simulated.loss[0] = simulated.loss[1] = 0.25;
    simulated.answer_loss = 0.7;
    simulated.safe_tail_messages = 0;
    FeedHandlerOptions options = DefaultOptions();
    options.window.messages = 64u << Rng(seed).Below(6);
    options.recovery.ranges_max = seed % 3 == 0 ? 8 : 1024;
    options.recovery.tries = 1 + seed % 3;
    const Outcome outcome = Simulate(simulated, options);
    ExpectSound(outcome);
    EXPECT_LE(outcome.counters.messages, outcome.messages);
    if (HasFailure()) break;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, FeedHandlerProperty, ::testing::Range(0, 8));

}  // namespace
}  // namespace feedfarm
