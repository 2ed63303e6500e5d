#include "pipeline/xdp/hardware_stamping.h"

#include "gtest/gtest.h"
#include "pipeline/xdp/testing/fake_stamping_device.h"

namespace feedfarm {
namespace {

TEST(HardwareStamping, SwitchesOnAndPutsBackAsItWas) {
  for (int filter : {HWTSTAMP_FILTER_NONE, HWTSTAMP_FILTER_PTP_V2_EVENT}) {
    FakeStampingDevice device;
    device.config = {.flags = 0, .tx_type = HWTSTAMP_TX_ON, .rx_filter = filter};
    {
      const auto stamping = HardwareStamping::SwitchOn("line_a", device);
      ASSERT_TRUE(stamping.ok()) << stamping.status();
      EXPECT_EQ(device.config.rx_filter, HWTSTAMP_FILTER_ALL);
      EXPECT_EQ(device.config.tx_type, HWTSTAMP_TX_ON);  // a PTP daemon's
      ASSERT_TRUE((*stamping)->previous().has_value());
      EXPECT_EQ((*stamping)->previous()->rx_filter, filter);
    }
    EXPECT_EQ(device.config.rx_filter, filter);
    EXPECT_EQ(device.set.size(), 2u);
  }
}

TEST(HardwareStamping, LeavesAloneWhatStampsEverythingAlready) {
  FakeStampingDevice device;
  device.config = {.flags = 0, .tx_type = HWTSTAMP_TX_ON, .rx_filter = HWTSTAMP_FILTER_ALL};
  EXPECT_TRUE(StampsEverything("line_a", device));
  EXPECT_TRUE(HardwareStamping::SwitchOn("line_a", device).ok());
  EXPECT_TRUE(device.set.empty());
}

TEST(HardwareStamping, SaysWhyADriverCannotAndChangesNothing) {
  FakeStampingDevice device;
  device.can = false;
  const auto refused = HardwareStamping::SwitchOn("line_a", device);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(device.config.rx_filter, HWTSTAMP_FILTER_NONE);
  EXPECT_FALSE(StampsEverything("line_a", device));
}

TEST(HardwareStamping, PutsBackWhereOnlySomePacketsWouldBeStamped) {
  FakeStampingDevice device;
  device.only_ptp = true;
  const auto refused = HardwareStamping::SwitchOn("line_a", device);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(device.config.rx_filter, HWTSTAMP_FILTER_NONE);
}

TEST(HardwareStamping, StaysOnWhereNoPreviousStateIsKnown) {
  FakeStampingDevice device;
  device.tells = false;
  { EXPECT_TRUE(HardwareStamping::SwitchOn("line_a", device).ok()); }
  EXPECT_EQ(device.config.rx_filter, HWTSTAMP_FILTER_ALL);
  EXPECT_EQ(device.set.size(), 1u);
}

TEST(HardwareStamping, RealInterfaceWithoutAClockSaysSo) {
  StampingDevice kernel;
  EXPECT_FALSE(StampsEverything("lo", kernel));
  const auto refused = HardwareStamping::SwitchOn("lo", kernel);
  EXPECT_FALSE(refused.ok());
  EXPECT_NE(refused.status().message().find("lo"), std::string::npos) << refused.status();
}

}  // namespace
}  // namespace feedfarm
