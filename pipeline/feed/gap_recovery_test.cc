#include "pipeline/feed/gap_recovery.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/allocation_guard.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

constexpr uint64_t kDwell = 1'000;
constexpr uint64_t kTimeout = 10'000;
constexpr uint64_t kFar = UINT64_MAX;

struct Fixture {
  explicit Fixture(RecoveryOptions options = {}) : recovery(WithTimes(options), &counters, &events) {}
  static RecoveryOptions WithTimes(RecoveryOptions options) {
    options.dwell_ns = kDwell;
    options.timeout_ns = kTimeout;
    return options;
  }
  std::vector<RerequestRange> Tick(uint64_t now, uint64_t window_end = kFar) {
    recovery.Tick(window_end, now);
    return {recovery.requests().begin(), recovery.requests().end()};
  }
  void Answer(uint64_t first, uint64_t end, uint64_t now) {
    recovery.NoteAnswer(now);
    recovery.Fill(first, end, true, now);
  }
  std::vector<FeedEventKind> Kinds() {
    std::vector<FeedEventKind> kinds;
    while (auto event = events.Pop()) kinds.push_back(event->kind);
    return kinds;
  }

  RecoveryCounters counters;
  FeedEventQueue events;
  GapRecovery recovery;
};

using Requests = std::vector<RerequestRange>;
using Kinds = std::vector<FeedEventKind>;

TEST(GapRecovery, LetsTheOtherLineFillWithinDwell) {
  Fixture f;
  f.recovery.Notice(10, 20, 0);
  EXPECT_EQ(f.Tick(kDwell - 1), Requests());
  EXPECT_EQ(f.recovery.Fill(10, 20, false, kDwell - 1), 10u);
  EXPECT_TRUE(f.recovery.idle());
  EXPECT_EQ(f.Tick(10 * kDwell), Requests());
  EXPECT_EQ(f.counters.gaps, 0u);
  EXPECT_EQ(f.Kinds(), Kinds());
}

TEST(GapRecovery, AsksOncePerGapUntilTimeout) {
  Fixture f;
  f.recovery.Notice(10, 20, 0);
  EXPECT_EQ(f.Tick(kDwell), Requests({{10, 10}}));
  EXPECT_EQ(f.Tick(kDwell + kTimeout - 1), Requests());
  EXPECT_EQ(f.Tick(kDwell + kTimeout), Requests({{10, 10}}));
  EXPECT_EQ(f.counters.rerequest_timeouts, 1u);
  // Doubled.
  EXPECT_EQ(f.Tick(kDwell + 3 * kTimeout - 1), Requests());
  EXPECT_EQ(f.Tick(kDwell + 3 * kTimeout), Requests({{10, 10}}));
  EXPECT_EQ(f.counters.gaps, 1u);
  EXPECT_EQ(f.counters.gap_messages, 10u);
  EXPECT_EQ(f.Kinds(), Kinds({FeedEventKind::kGap}));
}

TEST(GapRecovery, AsksForTheRestOfAPartialAnswerAtOnce) {
  Fixture f({.request_messages = 64});
  f.recovery.Notice(10, 50, 0);
  EXPECT_EQ(f.Tick(kDwell), Requests({{10, 40}}));
  f.Answer(10, 25, kDwell + 5);
  EXPECT_EQ(f.Tick(kDwell + 5), Requests({{25, 25}}));
  EXPECT_EQ(f.counters.rerequest_timeouts, 0u);
  f.Answer(25, 50, kDwell + 9);
  EXPECT_TRUE(f.recovery.idle());
  EXPECT_EQ(f.Kinds(), Kinds({FeedEventKind::kGap, FeedEventKind::kRecovered}));
  EXPECT_EQ(f.counters.recovered_messages, 40u);
  EXPECT_EQ(f.counters.recovery_max_ns, kDwell + 9);
}

TEST(GapRecovery, RunsRequestsSideBySideUpToItsBound) {
  Fixture f({.outstanding_max = 3, .request_messages = 10});
  f.recovery.Notice(1, 101, 0);
  EXPECT_EQ(f.Tick(kDwell), Requests({{1, 10}, {11, 10}, {21, 10}}));
  // In any order, twice.
  f.Answer(11, 21, kDwell + 1);
  f.Answer(11, 21, kDwell + 1);
  EXPECT_EQ(f.Tick(kDwell + 1), Requests({{31, 10}}));
  EXPECT_EQ(f.recovery.outstanding(), 3u);
}

TEST(GapRecovery, AsksOnlyForWhatTheWindowCanKeep) {
  Fixture f({.request_messages = 64});
  f.recovery.NoticeDropped(1, 1'000'000, 0);
  EXPECT_EQ(f.Tick(kDwell, 101), Requests({{1, 64}, {65, 36}}));
  f.Answer(1, 65, kDwell + 1);
  EXPECT_EQ(f.Tick(kDwell + 1, 165), Requests({{101, 64}}));
  EXPECT_EQ(f.counters.gaps, 1u);
  // The live feed goes on beyond the window: the same gap.
  f.recovery.NoticeDropped(1'000'000, 1'000'100, kDwell + 2);
  f.Tick(3 * kDwell, 165);
  EXPECT_EQ(f.counters.gaps, 1u);
  EXPECT_EQ(f.counters.gap_messages, 1'000'099u);
}

TEST(GapRecovery, GivesUpWhatNobodyAnswersAndSkipsIt) {
  Fixture f({.tries = 2, .request_messages = 10});
  f.recovery.Notice(5, 105, 0);
  f.Tick(kDwell);
  f.Tick(kDwell + kTimeout);
  EXPECT_EQ(f.recovery.Skip(5, kDwell + kTimeout), 5u);
  f.Tick(kDwell + 3 * kTimeout);
  EXPECT_EQ(f.recovery.Skip(5, kDwell + 3 * kTimeout), 105u);
  EXPECT_TRUE(f.recovery.idle());
  EXPECT_EQ(f.recovery.outstanding(), 0u);
  EXPECT_EQ(f.counters.unrecovered_messages, 100u);
  EXPECT_EQ(f.Kinds(), Kinds({FeedEventKind::kGap, FeedEventKind::kUnrecoverable}));
}

// One piece is never answered, the others are: only that piece is given up.
TEST(GapRecovery, GivesUpOnlyThePieceThatFailed) {
  Fixture f({.tries = 2, .request_messages = 10});
  f.recovery.Notice(1, 31, 0);
  EXPECT_EQ(f.Tick(kDwell).size(), 3u);
  f.Answer(1, 11, kDwell + 1);
  f.Answer(21, 31, kDwell + 1);
  f.Tick(kDwell + kTimeout);
  f.Tick(kDwell + 3 * kTimeout);
  EXPECT_EQ(f.recovery.Skip(11, kDwell + 3 * kTimeout), 21u);
  EXPECT_EQ(f.counters.recovered_messages, 20u);
  EXPECT_EQ(f.counters.unrecovered_messages, 10u);
  const Kinds kinds = f.Kinds();
  EXPECT_EQ(kinds, Kinds({FeedEventKind::kGap, FeedEventKind::kUnrecoverable}));
}

TEST(GapRecovery, ALineFillsWhileItIsAskedFor) {
  Fixture f;
  f.recovery.Notice(10, 40, 0);
  f.Tick(kDwell);
  f.recovery.Fill(10, 20, false, kDwell + 1);
  f.recovery.Fill(30, 40, false, kDwell + 1);
  EXPECT_EQ(f.Tick(kDwell + 1), Requests());  // no answer yet: the request is still under way
  EXPECT_EQ(f.Tick(kDwell + kTimeout), Requests({{20, 10}}));
  f.recovery.Fill(20, 30, false, kDwell + kTimeout);
  EXPECT_TRUE(f.recovery.idle());
  EXPECT_EQ(f.recovery.outstanding(), 0u);
  EXPECT_EQ(f.counters.recovered_messages, 30u);
}

TEST(GapRecovery, HolesAreSeparateGapsAndWhatTouchesAnOpenOneIsNot) {
  Fixture f;
  f.recovery.Notice(10, 40, 0);
  f.recovery.Fill(20, 30, false, 1);
  f.recovery.Notice(40, 45, 2);  // a heartbeat, then more: touches
  f.Tick(2 * kDwell);
  EXPECT_EQ(f.counters.gaps, 2u);
  EXPECT_EQ(f.counters.gap_messages, 25u);
  f.Answer(10, 20, 3 * kDwell);
  f.Answer(30, 40, 3 * kDwell);
  EXPECT_EQ(f.Kinds(), Kinds({FeedEventKind::kGap, FeedEventKind::kGap, FeedEventKind::kRecovered}));
  f.Answer(40, 45, 3 * kDwell);
  EXPECT_EQ(f.Kinds(), Kinds({FeedEventKind::kRecovered}));
}

TEST(GapRecovery, ARefusedAnswerDoesNotCountAgainstTheServer) {
  Fixture f({.tries = 2});
  f.recovery.Notice(10, 20, 0);
  f.Tick(kDwell);
  for (uint64_t i = 1; i < 20; ++i) {
    f.recovery.NoteAnswer(kDwell + i * kTimeout - 1);
    f.recovery.NoteRefused(10, 20, kDwell + i * kTimeout - 1);
    f.Tick(kDwell + i * kTimeout);
  }
  EXPECT_EQ(f.recovery.Skip(10, 100 * kTimeout), 10u);
}

TEST(GapRecovery, ResetForgetsWithoutAnAccount) {
  Fixture f;
  f.recovery.Notice(10, 20, 0);
  f.Tick(kDwell);
  f.recovery.Reset(1);
  EXPECT_TRUE(f.recovery.idle());
  EXPECT_EQ(f.Tick(100 * kTimeout), Requests());
  f.recovery.Notice(3, 5, 100 * kTimeout);
  EXPECT_EQ(f.Tick(101 * kTimeout), Requests({{3, 2}}));
}

// Every state of one range against every event: what is missing, what is asked, what was told.
TEST(GapRecovery, EveryStateMeetsEveryEvent) {
  enum class State { kNoticed, kAsked, kAskedAgain, kPartlyFilled, kGivenUp };
  enum class Event {
    kFillAll,
    kFillFront,
    kFillMiddle,
    kAnswerAll,
    kAnswerFront,
    kTimeout,
    kSkip,
    kGiveUpAll,
    kNothing
  };
  struct Expectation {
    uint64_t missing;
    Kinds told;  // beyond the gap event
  };
  for (State state : {State::kNoticed, State::kAsked, State::kAskedAgain, State::kPartlyFilled, State::kGivenUp}) {
    for (int e = 0; e <= static_cast<int>(Event::kNothing); ++e) {
      SCOPED_TRACE(::testing::Message() << "state " << static_cast<int>(state) << " event " << e);
      const auto event = static_cast<Event>(e);
      Fixture f({.tries = 2});
      uint64_t first = 10;
      const uint64_t end = 40;
      f.recovery.Notice(first, end, 0);
      uint64_t now = 0;
      if (state != State::kNoticed) f.Tick(now = kDwell);
      if (state == State::kAskedAgain || state == State::kGivenUp) f.Tick(now = kDwell + kTimeout);
      if (state == State::kGivenUp) f.Tick(now = kDwell + 3 * kTimeout);
      if (state == State::kPartlyFilled) f.Answer(first, 20, now), first = 20;
      const bool declared = state != State::kNoticed;
      const bool given_up = state == State::kGivenUp;
      Expectation expected{end - first, {}};
      const Kinds recovered = declared ? Kinds({FeedEventKind::kRecovered}) : Kinds();
      switch (event) {
        case Event::kFillAll:
          f.recovery.Fill(first, end, false, now);
          expected = {0, recovered};
          break;
        case Event::kFillFront:
          f.recovery.Fill(first, 25, false, now);
          expected.missing = end - 25;
          break;
        case Event::kFillMiddle:
          f.recovery.Fill(25, 30, false, now);
          expected.missing -= 5;
          break;
        case Event::kAnswerAll:
          f.Answer(first, end, now);
          expected = {0, recovered};
          break;
        case Event::kAnswerFront:
          f.Answer(first, 25, now);
          expected.missing = end - 25;
          break;
        case Event::kTimeout:
          f.Tick(now + 100 * kTimeout);
          break;
        case Event::kSkip:
          EXPECT_EQ(f.recovery.Skip(first, now), given_up ? end : first);
          if (given_up) expected = {0, {FeedEventKind::kUnrecoverable}};
          break;
        case Event::kGiveUpAll:
          f.recovery.GiveUpAll(now);
          EXPECT_EQ(f.recovery.Skip(first, now), end);
          expected = {0, {FeedEventKind::kUnrecoverable}};
          break;
        case Event::kNothing:
          EXPECT_EQ(f.Tick(now).size(), state == State::kPartlyFilled ? 1u : 0u);
          break;
      }
      uint64_t missing = 0;
      for (size_t i = 0; i < f.recovery.ranges().size(); ++i) missing += f.recovery.ranges()[i].messages();
      EXPECT_EQ(missing, expected.missing);
      Kinds told = f.Kinds();
      if (declared || event == Event::kTimeout || event == Event::kGiveUpAll) {
        ASSERT_FALSE(told.empty());
        EXPECT_EQ(told.front(), FeedEventKind::kGap);
        told.erase(told.begin());
      }
      EXPECT_EQ(told, expected.told);
      EXPECT_EQ(f.counters.gap_messages,
                f.counters.recovered_messages + f.counters.unrecovered_messages + (f.counters.gaps != 0 ? missing : 0));
    }
  }
}

// Against a set of sequences: whatever happens, the ranges are what is missing, and the account adds up.
TEST(GapRecovery, RangesAreWhatASetSays) {
  for (uint64_t seed = 1; seed <= 3'000; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    Rng rng(seed);
    Fixture f({.tries = static_cast<uint32_t>(rng.Below(4)),
               .ranges_max = 8 + rng.Below(60),
               .outstanding_max = 1 + rng.Below(6),
               .request_messages = 1 + rng.Below(30)});
    std::set<uint64_t> missing;
    uint64_t known_end = 1, next = 1, now = 0, asked_max = 0;
    AllocationGuard guard;
    uint64_t allocations = 0;
    for (int step = 0; step < 400; ++step) {
      now += rng.Below(kDwell);
      if (rng.Below(20) == 0) now += rng.Below(4 * kTimeout);
      const uint64_t first = known_end + rng.Below(5), end = first + 1 + rng.Below(20);
      const uint64_t before = guard.allocations();
      switch (rng.Below(4)) {
        case 0:
          if (first > known_end) {
            f.recovery.HasRoom() ? f.recovery.Notice(known_end, first, now)
                                 : f.recovery.NoticeDropped(known_end, first, now);
          }
          allocations += guard.allocations() - before;
          for (uint64_t s = known_end; s < first; ++s) missing.insert(s);
          if (f.recovery.HasRoom()) {
            known_end = end;
          } else {
            known_end = first;
          }
          break;
        case 1:
        case 2: {
          if (missing.empty()) break;
          const uint64_t from = *std::next(missing.begin(), static_cast<ptrdiff_t>(rng.Below(missing.size())));
          const uint64_t to = std::min(known_end, from + 1 + rng.Below(15));
          if (!f.recovery.CanFill(from, to)) break;
          const bool answer = rng.Below(2) == 0;
          if (answer) f.recovery.NoteAnswer(now);
          const uint64_t filled = f.recovery.Fill(from, to, answer, now);
          allocations += guard.allocations() - before;
          uint64_t expected = 0;
          for (uint64_t s = from; s < to; ++s) expected += missing.erase(s);
          ASSERT_EQ(filled, expected);
          break;
        }
        case 3:
          f.recovery.Tick(next + 200, now);
          allocations += guard.allocations() - before;
          for (const RerequestRange& range : f.recovery.requests()) {
            ASSERT_TRUE(missing.contains(range.first));
            ASSERT_LE(range.first + range.count, next + 200);
            asked_max = std::max(asked_max, range.count);
          }
          break;
      }
      while (!missing.empty()) {
        next = *missing.begin();
        const uint64_t behind = f.recovery.Skip(next, now);
        if (behind == next) break;
        for (uint64_t s = next; s < behind; ++s) ASSERT_EQ(missing.erase(s), 1u);
      }
      if (missing.empty()) next = known_end;
      std::set<uint64_t> ranges;
      for (size_t i = 0; i < f.recovery.ranges().size(); ++i) {
        for (uint64_t s = f.recovery.ranges()[i].first; s < f.recovery.ranges()[i].end; ++s) ranges.insert(s);
      }
      ASSERT_EQ(ranges, missing);
    }
    EXPECT_EQ(allocations, 0u);
    f.recovery.GiveUpAll(now);
    while (!missing.empty()) {
      const uint64_t at = *missing.begin();
      const uint64_t behind = f.recovery.Skip(at, now);
      ASSERT_GT(behind, at);
      missing.erase(missing.begin(), missing.lower_bound(behind));
    }
    EXPECT_TRUE(f.recovery.idle());
    EXPECT_EQ(f.counters.gap_messages, f.counters.recovered_messages + f.counters.unrecovered_messages);
    uint64_t gaps = 0, ends = 0;
    for (FeedEventKind kind : f.Kinds()) ++(kind == FeedEventKind::kGap ? gaps : ends);
    EXPECT_EQ(gaps, f.counters.gaps);
    EXPECT_EQ(ends, f.counters.gaps);
  }
}

}  // namespace
}  // namespace feedfarm
