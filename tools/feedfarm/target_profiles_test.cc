#include "tools/feedfarm/target_profiles.h"

#include "absl/strings/match.h"
#include "coordinator/campaign/campaign_parser.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

absl::StatusOr<TargetPlan> Plan(const std::string& name, const std::vector<std::string>& arguments = {}) {
  return FindTargetProfile(name)->plan(arguments, /*seed=*/7);
}

TEST(TargetProfiles, TheLineRateIsComputedFromLinkAndFrame) {
  const auto ten = Plan("target-rx");
  ASSERT_TRUE(ten.ok()) << ten.status();
  EXPECT_EQ(ten->rate_pps, 9'469'696);  // 10 Gbit/s / ((112 + 20) * 8)
  EXPECT_DOUBLE_EQ(ten->seconds, 60);
  EXPECT_EQ(Plan("target-rx", {"25gbe"})->rate_pps, 23'674'242);
  EXPECT_DOUBLE_EQ(Plan("target-rx", {"25gbe"})->seconds, 30);
  EXPECT_EQ(Plan("target-rx", {"10gbe", "20kpps", "112", "2s"})->rate_pps, 20'000);
}

TEST(TargetProfiles, ATargetAboveTheLineRateIsImpossible) {
  const auto above = Plan("target-rx", {"10gbe", "9.5Mpps"});
  EXPECT_TRUE(absl::IsOutOfRange(above.status())) << above.status();
  EXPECT_TRUE(absl::StrContains(above.status().message(), "10000 Mbit/s / ((112 + 20) * 8 bits)")) << above.status();
  // 37.2 Mpps is the end of 64-byte frames on 25GbE; this traffic's frames are longer, whatever is said of them.
  EXPECT_TRUE(absl::IsOutOfRange(Plan("target-rx", {"25gbe", "38Mpps", "64"}).status()));
  const auto longer = Plan("target-rx", {"25gbe", "line", "64"});
  EXPECT_TRUE(absl::IsOutOfRange(longer.status()));
  EXPECT_TRUE(absl::StrContains(longer.status().message(), "112 bytes, not 64")) << longer.status();
}

TEST(TargetProfiles, RefusesBadArguments) {
  EXPECT_TRUE(absl::IsInvalidArgument(Plan("target-rx", {"40gbe"}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Plan("target-rx", {"10gbe", "fast"}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Plan("target-rx", {"10gbe", "line", "63"}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Plan("target-rx", {"10gbe", "line", "112", "2h"}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Plan("target-persistence", {"1"}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Plan("target-failover-recovery", {"0ms"}).status()));
  EXPECT_EQ(FindTargetProfile("local-core"), nullptr);
}

TEST(TargetProfiles, EachIsAGoodCampaignOfOneRun) {
  for (const TargetProfile& profile : TargetProfiles()) {
    const auto plan = profile.plan({}, 7);
    ASSERT_TRUE(plan.ok()) << profile.name << ": " << plan.status();
    for (const std::string& yaml : {plan->yaml, plan->trial_yaml}) {
      if (yaml.empty()) continue;
      const auto parsed = ParseCampaign(profile.name, yaml);
      EXPECT_TRUE(parsed.diagnostics.empty()) << profile.name << ": " << parsed.diagnostics[0].message() << "\n"
                                              << yaml;
    }
  }
}

}  // namespace
}  // namespace feedfarm
