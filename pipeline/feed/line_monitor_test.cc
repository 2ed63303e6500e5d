#include "pipeline/feed/line_monitor.h"

#include "gtest/gtest.h"

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

}  // namespace
}  // namespace feedfarm
