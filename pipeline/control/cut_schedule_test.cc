#include "pipeline/control/cut_schedule.h"

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

constexpr CutCommand Cut(LineId line, uint64_t start_ns, uint64_t duration_ns) { return {line, start_ns, duration_ns}; }

TEST(CutSchedule, ArmsTheNextWhenTheOneBeforeIsOver) {
  CutSchedule schedule;
  schedule.Add(Cut(LineId::kA, 500, 10));
  schedule.Add(Cut(LineId::kA, 100, 50));
  schedule.Add(Cut(LineId::kA, 900, 10));
  EXPECT_EQ(schedule.Due(1), Cut(LineId::kA, 100, 50));
  EXPECT_EQ(schedule.NextNs(), 150u);
  EXPECT_EQ(schedule.Due(149), std::nullopt);
  EXPECT_EQ(schedule.Due(150), Cut(LineId::kA, 500, 10));
  EXPECT_EQ(schedule.Due(150), std::nullopt);
  EXPECT_EQ(schedule.Due(700), Cut(LineId::kA, 900, 10));
  EXPECT_EQ(schedule.NextNs(), UINT64_MAX);
  EXPECT_EQ(schedule.Due(UINT64_MAX), std::nullopt);
}

TEST(CutSchedule, LinesDoNotWaitForEachOther) {
  CutSchedule schedule;
  schedule.Add(Cut(LineId::kA, 100, 1'000));
  schedule.Add(Cut(LineId::kB, 200, 10));
  schedule.Add(Cut(LineId::kB, 400, 10));
  EXPECT_EQ(schedule.Due(0), Cut(LineId::kA, 100, 1'000));
  EXPECT_EQ(schedule.Due(0), Cut(LineId::kB, 200, 10));
  EXPECT_EQ(schedule.NextNs(), 210u);
  EXPECT_EQ(schedule.Due(210), Cut(LineId::kB, 400, 10));
}

}  // namespace
}  // namespace feedfarm
