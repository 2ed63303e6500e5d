#include "pipeline/feed/line_monitor.h"

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

constexpr uint64_t kDwell = 1'000'000;
constexpr LineId kA = LineId::kA, kB = LineId::kB;

// A line's packet that is the first or the second copy.
void First(LineMonitor& monitor, LineId line, uint64_t at) {
  monitor.OnPacket(line, at);
  monitor.OnFirstCopy(line, at);
  monitor.Check();
}
void Second(LineMonitor& monitor, LineId line, uint64_t at) {
  monitor.OnPacket(line, at);
  monitor.Check();
}

TEST(LineMonitor, AHealthyOrIdlePairNeverFailsOver) {
  FeedEventQueue events;
  LineMonitor monitor(kDwell, &events);
  uint64_t at = 1'000'000'000;
  for (uint64_t i = 0; i < 1000; ++i) {
    at += i % 100 == 0 ? 1'000'000'000 : 50'000;  // pauses of a second
    First(monitor, kA, at);
    Second(monitor, kB, at + 30'000);
  }
  EXPECT_EQ(monitor.failovers(), 0u);
  EXPECT_FALSE(events.Pop());
}

TEST(LineMonitor, MeasuresFailoverAndTheCut) {
  FeedEventQueue events;
  LineMonitor monitor(kDwell, &events);
  monitor.NoteCut(kA, 10'000'000, 200'000'000);
  First(monitor, kA, 9'950'000);
  Second(monitor, kB, 9'980'000);
  uint64_t at = 10'030'000;
  for (; at < 210'000'000; at += 50'000) First(monitor, kB, at);
  EXPECT_TRUE(monitor.silent(kA));
  EXPECT_EQ(monitor.cut_measured_ns(kA), 0u);
  First(monitor, kA, 210'000'000);
  EXPECT_FALSE(monitor.silent(kA));
  EXPECT_EQ(monitor.failovers(), 1u);
  EXPECT_EQ(monitor.failover_max_ns(), 80'000u);
  EXPECT_EQ(monitor.cut_measured_ns(kA), 200'050'000u);
  EXPECT_EQ(monitor.cut_measured_ns(kB), 0u);
  const auto event = events.Pop();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, FeedEventKind::kFailover);
  EXPECT_EQ(event->line, 'A');
  EXPECT_EQ(event->duration_ns, 80'000u);
  EXPECT_FALSE(events.Pop());
}

TEST(LineMonitor, ACutOfBothLinesIsMeasuredOnBoth) {
  FeedEventQueue events;
  LineMonitor monitor(kDwell, &events);
  for (LineId line : {kA, kB}) monitor.NoteCut(line, 1'000'000, 500'000);
  First(monitor, kA, 900'000);
  Second(monitor, kB, 950'000);
  First(monitor, kA, 1'500'000);
  Second(monitor, kB, 1'550'000);
  EXPECT_EQ(monitor.cut_measured_ns(kA), 600'000u);
  EXPECT_EQ(monitor.cut_measured_ns(kB), 600'000u);
  EXPECT_EQ(monitor.failovers(), 0u);
}

// After a stall of the reader one line's whole backlog comes before the other's.
TEST(LineMonitor, ABacklogIsNoFailover) {
  FeedEventQueue events;
  LineMonitor monitor(kDwell, &events);
  First(monitor, kA, 1'000'000);
  Second(monitor, kB, 1'010'000);
  for (uint64_t at = 1'100'000; at < 9'000'000; at += 100'000) {
    monitor.OnPacket(kA, at);
    monitor.OnFirstCopy(kA, at);
  }
  for (uint64_t at = 1'110'000; at < 9'000'000; at += 100'000) monitor.OnPacket(kB, at);
  monitor.Check();
  EXPECT_EQ(monitor.failovers(), 0u);
}

// The line came back before anybody looked.
TEST(LineMonitor, AFailoverInsideABacklogIsSeenAfterwards) {
  FeedEventQueue events;
  LineMonitor monitor(kDwell, &events);
  First(monitor, kA, 1'000'000);
  Second(monitor, kB, 1'010'000);
  for (uint64_t at = 1'100'000; at < 9'000'000; at += 100'000) {
    monitor.OnPacket(kA, at);
    monitor.OnFirstCopy(kA, at);
  }
  monitor.OnPacket(kB, 8'000'000);
  EXPECT_EQ(monitor.failovers(), 1u);
  EXPECT_EQ(monitor.failover_max_ns(), 90'000u);
  EXPECT_EQ(monitor.cut_measured_ns(kB), 6'990'000u);
}

TEST(LineMonitor, ALateCopyAfterWhichNothingWentOnIsNoFailover) {
  FeedEventQueue events;
  LineMonitor monitor(kDwell, &events);
  First(monitor, kA, 1'000'000);
  Second(monitor, kB, 1'010'000);
  First(monitor, kA, 1'100'000);
  Second(monitor, kB, 5'000'000);
  EXPECT_EQ(monitor.failovers(), 0u);
}

// The same in a backlog: what the other line brought after it is shown first.
TEST(LineMonitor, ALateCopyInABacklogIsNoFailover) {
  FeedEventQueue events;
  LineMonitor monitor(kDwell, &events);
  First(monitor, kA, 1'000'000);
  Second(monitor, kB, 1'010'000);
  for (uint64_t at : {1'100'000, 5'010'000, 5'020'000}) {
    monitor.OnPacket(kA, at);
    monitor.OnFirstCopy(kA, at);
  }
  Second(monitor, kB, 5'000'000);
  EXPECT_EQ(monitor.failovers(), 0u);
}

TEST(LineMonitor, ALineThatWasNeverThereHasNotFailedOver) {
  FeedEventQueue events;
  LineMonitor monitor(kDwell, &events);
  for (uint64_t at = 1; at < 10'000'000; at += 100'000) First(monitor, kA, at);
  EXPECT_EQ(monitor.failovers(), 0u);
}

// Random lines with pauses, bursts on one of them, cuts and times that fall back: a run at once, or packet by packet.
TEST(LineMonitor, ARunIsItsPacketsOneByOne) {
  for (uint64_t seed = 0; seed < 2'000; ++seed) {
    Rng rng(seed);
    FeedEventQueue events[2];
    LineMonitor monitors[2] = {LineMonitor(kDwell, &events[0]), LineMonitor(kDwell, &events[1])};
    uint64_t now_ns = 1'000'000'000;
    uint64_t one_line = 0;
    for (int turn = 0; turn < 60; ++turn) {
      if (rng.Below(15) == 0) {
        const LineId line = static_cast<LineId>(rng.Below(kLines));
        const uint64_t start_ns = now_ns + rng.Below(kDwell);
        for (LineMonitor& monitor : monitors) monitor.NoteCut(line, start_ns, 3 * kDwell);
      }
      if (one_line == 0 && rng.Below(10) == 0) one_line = 1 + rng.Below(2);
      if (rng.Below(5) == 0) one_line = 0;
      std::vector<Packet> packets(rng.Below(12));
      std::vector<uint32_t> fresh(packets.size());
      LineMonitor::Span span;
      for (size_t i = 0; i < packets.size(); ++i) {
        now_ns += rng.Below(rng.Below(8) == 0 ? 3 * kDwell : kDwell / 20);
        packets[i].line = static_cast<LineId>(one_line != 0 ? one_line - 1 : rng.Below(kLines));
        packets[i].receive_tai_ns = now_ns - rng.Below(2) * rng.Below(kDwell / 4);
        fresh[i] = static_cast<uint32_t>(rng.Below(3));
        span.earliest_ns = std::min(span.earliest_ns, packets[i].receive_tai_ns);
        span.latest_ns = std::max(span.latest_ns, packets[i].receive_tai_ns);
      }
      monitors[0].OnRun(packets, fresh, span);
      for (size_t i = 0; i < packets.size(); ++i) {
        monitors[1].OnPacket(packets[i].line, packets[i].receive_tai_ns);
        if (fresh[i] != 0) monitors[1].OnFirstCopy(packets[i].line, packets[i].receive_tai_ns);
      }
      for (LineMonitor& monitor : monitors) monitor.Check();
      ASSERT_EQ(monitors[0].failovers(), monitors[1].failovers()) << "seed " << seed << ", turn " << turn;
      ASSERT_EQ(monitors[0].failover_max_ns(), monitors[1].failover_max_ns()) << "seed " << seed;
      for (const LineId line : {kA, kB}) {
        ASSERT_EQ(monitors[0].silent(line), monitors[1].silent(line)) << "seed " << seed << ", turn " << turn;
        ASSERT_EQ(monitors[0].cut_measured_ns(line), monitors[1].cut_measured_ns(line)) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace feedfarm
