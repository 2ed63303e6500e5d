#include "coordinator/rate_search/line_rate.h"

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(LineRate, OfKnownLinksAndFrames) {
  EXPECT_NEAR(LineRatePps(10'000, 64), 14'880'952.4, 0.1);
  EXPECT_NEAR(LineRatePps(25'000, 64), 37'202'381.0, 0.1);
  EXPECT_NEAR(LineRatePps(10'000, 1518), 812'743.8, 0.1);
  EXPECT_EQ(LineRatePps(0, 64), 0);
}

TEST(LineRate, TextShowsTheArithmetic) {
  EXPECT_EQ(LineRateText(10'000, 64), "10000 Mbit/s / ((64 + 20) * 8 bits) = 14.88 Mpps");
  EXPECT_EQ(LineRateText(25'000, 64), "25000 Mbit/s / ((64 + 20) * 8 bits) = 37.2 Mpps");
}

TEST(LineRate, RefusesWhatNoLinkCarries) {
  EXPECT_TRUE(CheckLoadPossible(14'880'952, 10'000, 64).ok());
  const absl::Status refused = CheckLoadPossible(15e6, 10'000, 64);
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(refused.message(), "15 Mpps is impossible")) << refused;
  EXPECT_TRUE(absl::StrContains(refused.message(), "14.88 Mpps")) << refused;
  EXPECT_FALSE(CheckLoadPossible(37.3e6, 25'000, 64).ok());
}

TEST(LineRate, LoadText) {
  EXPECT_EQ(LoadText(0), "0 pps");
  EXPECT_EQ(LoadText(999), "999 pps");
  EXPECT_EQ(LoadText(10'000), "10 kpps");
  EXPECT_EQ(LoadText(1'234'567), "1.235 Mpps");
}

}  // namespace
}  // namespace feedfarm
