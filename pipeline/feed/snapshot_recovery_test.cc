#include "pipeline/feed/snapshot_recovery.h"

#include <string>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

using State = SnapshotRecovery::State;
using Event = SnapshotRecovery::Event;
using Do = SnapshotRecovery::Do;

constexpr SnapshotOptions kOptions{.tries = 3, .backoff_ns = 100};
constexpr uint64_t kFloor = 50;

struct Machine {
  SnapshotCounters counters;
  SnapshotRecovery recovery{kOptions, &counters};
  uint64_t now_ns = 1'000;

  SnapshotRecovery::Actions Step(SnapshotRecovery::Input input) {
    if (input.floor == 0) input.floor = kFloor;
    return recovery.Step(input, now_ns);
  }
  SnapshotRecovery::Actions Arrive(uint64_t next) { return Step({.event = Event::kArrived, .next_sequence = next}); }
  SnapshotRecovery::Actions Fail(SnapshotFailure failure) { return Step({.event = Event::kFailed, .failure = failure}); }

  // Brings a fresh machine there.
  void Go(State state) {
    if (state == State::kIdle) return;
    Step({.event = Event::kAwaited});
    if (state == State::kLoading) Arrive(kFloor);
    if (state == State::kWaiting) Fail(SnapshotFailure::kCut);
    if (state == State::kOrphaned) Step({.event = Event::kNoLongerAwaited});
    if (state == State::kRefused) Fail(SnapshotFailure::kNotAuthorised);
  }
};

std::string Short(const SnapshotRecovery::Actions& actions) {
  static const char* const kDo[] = {"-", "ask", "load", "finish", "give up"};
  return std::string(actions.release ? "release, " : "") + kDo[static_cast<int>(actions.what)];
}

TEST(SnapshotRecovery, EveryStateAndEvent) {
  struct Row {
    const char* name;
    SnapshotRecovery::Input input;
    struct {
      const char* actions;
      State next;
    } expected[6];  // by State: kIdle, kAsked, kLoading, kWaiting, kOrphaned, kRefused
  };
  const auto failed = [](SnapshotFailure failure) {
    return SnapshotRecovery::Input{.event = Event::kFailed, .failure = failure};
  };
  const Row table[] = {
      {"awaited",
       {.event = Event::kAwaited},
       {{"ask", State::kAsked},
        {"-", State::kAsked},
        {"-", State::kLoading},
        {"-", State::kWaiting},
        {"-", State::kAsked},
        {"give up", State::kRefused}}},
      {"no longer awaited",
       {.event = Event::kNoLongerAwaited},
       {{"-", State::kIdle},
        {"-", State::kOrphaned},
        {"release, -", State::kIdle},
        {"-", State::kIdle},
        {"-", State::kOrphaned},
        {"-", State::kRefused}}},
      {"arrived, exactly at the floor",
       {.event = Event::kArrived, .next_sequence = kFloor},
       {{"-", State::kIdle},
        {"load", State::kLoading},
        {"-", State::kLoading},
        {"-", State::kWaiting},
        {"release, -", State::kIdle},
        {"-", State::kRefused}}},
      {"arrived, newer than all that is known",
       {.event = Event::kArrived, .next_sequence = kFloor + 1'000'000},
       {{"-", State::kIdle},
        {"load", State::kLoading},
        {"-", State::kLoading},
        {"-", State::kWaiting},
        {"release, -", State::kIdle},
        {"-", State::kRefused}}},
      {"arrived, one too old",
       {.event = Event::kArrived, .next_sequence = kFloor - 1},
       {{"-", State::kIdle},
        {"release, -", State::kWaiting},
        {"-", State::kLoading},
        {"-", State::kWaiting},
        {"release, -", State::kIdle},
        {"-", State::kRefused}}},
      {"arrived, of another session",
       {.event = Event::kArrived, .next_sequence = kFloor, .same_session = false},
       {{"-", State::kIdle},
        {"release, -", State::kWaiting},
        {"-", State::kLoading},
        {"-", State::kWaiting},
        {"release, -", State::kIdle},
        {"-", State::kRefused}}},
      {"arrived, of the session that has superseded this one",
       {.event = Event::kArrived, .next_sequence = kFloor, .same_session = false, .superseded = true},
       {{"-", State::kIdle},
        {"release, give up", State::kIdle},
        {"-", State::kLoading},
        {"-", State::kWaiting},
        {"release, -", State::kIdle},
        {"-", State::kRefused}}},
      {"failed, cut",
       failed(SnapshotFailure::kCut),
       {{"-", State::kIdle},
        {"release, -", State::kWaiting},
        {"-", State::kLoading},
        {"-", State::kWaiting},
        {"release, -", State::kIdle},
        {"-", State::kRefused}}},
      {"failed, not authorised",
       failed(SnapshotFailure::kNotAuthorised),
       {{"-", State::kIdle},
        {"release, give up", State::kRefused},
        {"-", State::kLoading},
        {"-", State::kWaiting},
        {"release, -", State::kIdle},
        {"-", State::kRefused}}},
      {"loaded",
       {.event = Event::kLoaded},
       {{"-", State::kIdle},
        {"-", State::kAsked},
        {"release, finish", State::kIdle},
        {"-", State::kWaiting},
        {"-", State::kOrphaned},
        {"-", State::kRefused}}},
      {"loaded, and the floor has risen",
       {.event = Event::kLoaded, .floor = kFloor + 1},
       {{"-", State::kIdle},
        {"-", State::kAsked},
        {"release, -", State::kWaiting},
        {"-", State::kWaiting},
        {"-", State::kOrphaned},
        {"-", State::kRefused}}},
      {"tick, too early",
       {.event = Event::kTick},
       {{"-", State::kIdle},
        {"-", State::kAsked},
        {"-", State::kLoading},
        {"-", State::kWaiting},
        {"-", State::kOrphaned},
        {"-", State::kRefused}}},
  };
  for (const Row& row : table) {
    for (int state = 0; state < 6; ++state) {
      Machine machine;
      machine.Go(static_cast<State>(state));
      ASSERT_EQ(static_cast<int>(machine.recovery.state()), state);
      EXPECT_EQ(Short(machine.Step(row.input)), row.expected[state].actions) << row.name << " in state " << state;
      EXPECT_EQ(machine.recovery.state(), row.expected[state].next) << row.name << " in state " << state;
    }
  }
}

TEST(SnapshotRecovery, WaitsLongerAfterEachFailureAndGivesUpAfterTheLastTry) {
  Machine machine;
  EXPECT_EQ(Short(machine.Step({.event = Event::kAwaited})), "ask");
  uint64_t wait_ns = kOptions.backoff_ns;
  for (uint32_t tries = 1; tries < kOptions.tries; ++tries, wait_ns *= 2) {
    EXPECT_EQ(Short(machine.Fail(SnapshotFailure::kCut)), "release, -");
    machine.now_ns += wait_ns - 1;
    EXPECT_EQ(Short(machine.Step({})), "-");
    machine.now_ns += 1;
    EXPECT_EQ(Short(machine.Step({})), "ask");
  }
  EXPECT_EQ(Short(machine.Arrive(kFloor - 1)), "release, give up");
  EXPECT_EQ(machine.recovery.state(), State::kIdle);
  EXPECT_EQ(machine.recovery.last_failure(), SnapshotFailure::kTooOld);
  EXPECT_EQ(machine.counters.asked, kOptions.tries);
  EXPECT_EQ(machine.counters.failures(), kOptions.tries);
  EXPECT_EQ(machine.counters.failed[static_cast<size_t>(SnapshotFailure::kCut)], kOptions.tries - 1);
  EXPECT_EQ(machine.counters.given_up, 1u);
  // Another hole has all its tries again.
  EXPECT_EQ(Short(machine.Step({.event = Event::kAwaited})), "ask");
  EXPECT_EQ(Short(machine.Fail(SnapshotFailure::kCut)), "release, -");
}

TEST(SnapshotRecovery, FinalFailuresAreNeverTriedAgain) {
  for (int i = 1; i < kSnapshotFailures; ++i) {
    const auto failure = static_cast<SnapshotFailure>(i);
    Machine machine;
    machine.Step({.event = Event::kAwaited});
    EXPECT_EQ(Short(machine.Fail(failure)), IsFinal(failure) ? "release, give up" : "release, -") << Name(failure);
    EXPECT_EQ(machine.counters.failed[i], 1u);
    machine.now_ns += SnapshotRecovery::kBackoffMaxNs;
    EXPECT_EQ(Short(machine.Step({})), IsFinal(failure) ? "-" : "ask") << Name(failure);
  }
  EXPECT_TRUE(IsFinal(SnapshotFailure::kNotAuthorised));
  EXPECT_TRUE(IsFinal(SnapshotFailure::kTooLarge));
}

TEST(SnapshotRecovery, BackoffIsBounded) {
  SnapshotCounters counters;
  SnapshotRecovery recovery({.tries = 100, .backoff_ns = 1'000'000}, &counters);
  uint64_t now_ns = 0;
  recovery.Step({.event = Event::kAwaited}, now_ns);
  for (int i = 0; i < 99; ++i) {
    recovery.Step({.event = Event::kFailed, .failure = SnapshotFailure::kCut}, now_ns);
    now_ns += SnapshotRecovery::kBackoffMaxNs;
    ASSERT_EQ(recovery.Step({}, now_ns).what, Do::kAsk);
  }
}

TEST(SnapshotRecovery, WithoutTriesItGivesUpAtOnce) {
  SnapshotCounters counters;
  SnapshotRecovery recovery({.tries = 0}, &counters);
  EXPECT_EQ(recovery.Step({.event = Event::kAwaited}, 0).what, Do::kGiveUp);
  EXPECT_EQ(counters.asked, 0u);
}

TEST(SnapshotImage, KeepsMessagesInOrderAndRefusesWhatDoesNotFit) {
  SnapshotImage image(10);
  const std::vector<uint8_t> three = {1, 2, 3}, none;
  EXPECT_TRUE(image.Append(three));
  EXPECT_FALSE(image.Append(std::vector<uint8_t>(4)));
  EXPECT_TRUE(image.Append(none));
  EXPECT_FALSE(image.Append(three));
  EXPECT_TRUE(image.Append(std::vector<uint8_t>(1)));
  EXPECT_FALSE(image.Append(none));
  EXPECT_EQ(image.messages(), 3u);
  std::vector<size_t> sizes;
  const auto apply = [&](std::span<const uint8_t> message) { sizes.push_back(message.size()); };
  size_t at = image.Read(0, 2, apply);
  EXPECT_EQ(sizes, (std::vector<size_t>{3, 0}));
  EXPECT_NE(at, image.bytes());
  at = image.Read(at, 100, apply);
  EXPECT_EQ(sizes, (std::vector<size_t>{3, 0, 1}));
  EXPECT_EQ(at, image.bytes());
  image.Clear();
  EXPECT_EQ(image.Read(0, 5, apply), image.bytes());
  EXPECT_EQ(sizes.size(), 3u);
}

TEST(SnapshotFailure, EveryOneHasAName) {
  for (int i = 0; i < kSnapshotFailures; ++i) EXPECT_STRNE(Name(static_cast<SnapshotFailure>(i)), "");
}

}  // namespace
}  // namespace feedfarm
