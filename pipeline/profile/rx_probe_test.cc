#include "pipeline/profile/rx_probe.h"

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(RxProbe, LoopbackLosesNothingAndStampsInSoftware) {
  const auto report = RunRxProbe({.packets = 2'000, .bytes = 64, .batch = 32});
  if (!report.ok() && !absl::IsInvalidArgument(report.status())) GTEST_SKIP() << report.status();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->status(), ProfileStatus::kOk) << report->Line();
  EXPECT_NE(report->Line().find(" packets.none=0 packets.software=2000 "), std::string::npos) << report->Line();
}

TEST(RxProbe, AClassThatDoesNotComeFails) {
  const auto report =
      RunRxProbe({.packets = 64, .bytes = 1'472, .batch = 7, .timestamp_class = TimestampClass::kHardware});
  if (!report.ok() && !absl::IsInvalidArgument(report.status())) GTEST_SKIP() << report.status();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->status(), ProfileStatus::kBroken) << report->Line();
}

TEST(RxProbe, RefusesWhatCannotBe) {
  EXPECT_FALSE(RunRxProbe({.packets = 0}).ok());
  EXPECT_FALSE(RunRxProbe({.bytes = 15}).ok());
  EXPECT_FALSE(RunRxProbe({.batch = 65}).ok());
  EXPECT_FALSE(ParseTimestampClass("none").ok());
}

}  // namespace
}  // namespace feedfarm
