#include "agent/traffic/pacer.h"

#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

constexpr uint64_t kStart = 1'000'000'000'000;
constexpr size_t kBatch = 32;

LinePlan Even(size_t packets, uint64_t spacing_ns, uint64_t skew_ns = 0) {
  LinePlan plan;
  for (size_t i = 0; i < packets; ++i) {
    plan.lines[0].push_back({.due_ns = i * spacing_ns, .first_index = i, .count = 1});
    plan.lines[1].push_back({.due_ns = i * spacing_ns + skew_ns, .first_index = i, .count = 1});
  }
  plan.trailing_interval_ns = 50'000'000;
  return plan;
}

TEST(Pacer, SleepsThenSpinsThenSends) {
  const LinePlan plan = Even(2, 1'000'000, 500'000);
  Pacer pacer(plan, kStart, kBatch);
  Pacer::Step step = pacer.Next(kStart - 1'000'000'000);
  EXPECT_EQ(step.action, Pacer::Action::kSleep);
  EXPECT_EQ(step.until_ns, kStart - 1'000'000'000 + Pacer::kSleepNsMax);
  step = pacer.Next(kStart - 1'000'000);
  EXPECT_EQ(step.action, Pacer::Action::kSleep);
  EXPECT_EQ(step.until_ns, kStart - Pacer::kSpinNs);
  step = pacer.Next(kStart - 10'000);
  EXPECT_EQ(step.action, Pacer::Action::kSpin);
  EXPECT_EQ(step.until_ns, kStart);
  step = pacer.Next(kStart);
  EXPECT_EQ(step.action, Pacer::Action::kSend);
  EXPECT_EQ(step.line, LineId::kA);
  EXPECT_EQ(step.count, 1u);
  step = pacer.Next(kStart);
  EXPECT_EQ(step.until_ns, kStart + 500'000 - Pacer::kSpinNs);
  step = pacer.Next(kStart + 500'000);
  EXPECT_EQ(step.line, LineId::kB);
}

TEST(Pacer, StallDoesNotMoveWhatComesAfter) {
  const LinePlan plan = Even(100, 10'000);
  Pacer pacer(plan, kStart, kBatch);
  // 205 us late: 21 packets of each line are due, and the 22nd is due when it was planned.
  const uint64_t now = kStart + 205'000;
  Pacer::Step a = pacer.Next(now), b = pacer.Next(now);
  EXPECT_EQ(a.count, 21u);
  EXPECT_EQ(b.count, 21u);
  EXPECT_NE(a.line, b.line);
  const Pacer::Step wait = pacer.Next(now);
  EXPECT_EQ(wait.action, Pacer::Action::kSpin);
  EXPECT_EQ(wait.until_ns, kStart + 210'000);
}

TEST(Pacer, BatchIsBoundedAndTheLinesTakeTurns) {
  const LinePlan plan = Even(100, 10);
  Pacer pacer(plan, kStart, kBatch);
  const uint64_t now = kStart + 1'000'000;
  EXPECT_EQ(pacer.Next(now).line, LineId::kA);
  const Pacer::Step second = pacer.Next(now);
  EXPECT_EQ(second.line, LineId::kB);
  EXPECT_EQ(second.count, kBatch);
  EXPECT_EQ(pacer.Next(now).line, LineId::kA);
}

TEST(Pacer, TrailingPacketsGoOnForEver) {
  const LinePlan plan = Even(1, 1);
  Pacer pacer(plan, kStart, kBatch);
  EXPECT_FALSE(pacer.planned_done());
  EXPECT_FALSE(pacer.Next(kStart).trailing);
  EXPECT_FALSE(pacer.Next(kStart).trailing);
  EXPECT_TRUE(pacer.planned_done());
  for (uint64_t i = 1; i < 100; ++i) {
    EXPECT_EQ(pacer.Next(kStart + i * 50'000'000 - 1).action, Pacer::Action::kSpin);
    EXPECT_TRUE(pacer.Next(kStart + i * 50'000'000).trailing);
    EXPECT_TRUE(pacer.Next(kStart + i * 50'000'000).trailing);
  }
}

// Whatever the clock does, each packet is handed out once, in order, never before its time, and with no idle wait
// while one is due.
TEST(Pacer, HandsOutEachPacketOnceInOrderNeverEarly) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Rng rng(seed);
    LinePlan plan;
    for (auto& line : plan.lines) {
      uint64_t due = rng.Below(100'000);
      const uint64_t packets = rng.Below(300);
      for (uint64_t i = 0; i < packets; ++i) line.push_back({.due_ns = due += rng.Below(200'000)});
    }
    plan.trailing_interval_ns = 1'000'000'000;
    Pacer pacer(plan, kStart, kBatch);
    std::array<const StreamPacket*, kLines> next = {plan.lines[0].data(), plan.lines[1].data()};
    uint64_t now = kStart;
    while (!pacer.planned_done()) {
      const Pacer::Step step = pacer.Next(now);
      if (step.action != Pacer::Action::kSend) {
        ASSERT_GT(step.until_ns, now);
        for (size_t line = 0; line < kLines; ++line) {
          const auto& packets = plan.lines[line];
          ASSERT_TRUE(next[line] == packets.data() + packets.size() || kStart + next[line]->due_ns >= step.until_ns);
        }
        now = step.until_ns + (rng.Below(10) == 0 ? rng.Below(1'000'000) : 0);
        continue;
      }
      ASSERT_EQ(step.first, next[Index(step.line)]);
      for (size_t i = 0; i < step.count; ++i) ASSERT_LE(kStart + step.first[i].due_ns, now);
      next[Index(step.line)] += step.count;
      now += rng.Below(5'000);
    }
  }
}

}  // namespace
}  // namespace feedfarm
