#include "tools/feedfarm/farm_profile.h"

#include <string>
#include <utility>
#include <vector>

#include "coordinator/campaign/campaign_parser.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(FarmProfile, ItsCampaignIsGoodAndJudgesAsOneWithoutGates) {
  for (const LocalProfile& profile : LocalProfiles()) {
    const std::string yaml = CampaignOf(profile, *Effective(profile, {}), 5, "dut");
    const auto parsed = ParseCampaign("/p.yaml", yaml);
    ASSERT_TRUE(parsed.ok()) << yaml << parsed.diagnostics[0].message();
    EXPECT_EQ(parsed.campaign.seed(), 5u);
    const v1::Scenario& scenario = parsed.campaign.scenarios(0);
    EXPECT_EQ(scenario.profile().name(), profile.name);
    EXPECT_EQ(scenario.placement().profile().host(), "dut");
    EXPECT_EQ(static_cast<size_t>(scenario.gates_size()), profile.rules.size());
  }
}

v1::CampaignStatus Finished(v1::Verdict verdict) {
  v1::CampaignStatus status;
  status.set_campaign_id("c7");
  status.set_verdict(verdict);
  v1::RunStatus* run = status.add_runs();
  run->set_profile_host("dut");
  run->mutable_result()->set_verdict(verdict);
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"events", "7"},
                                                                                    {"ns_per_frame", "2.5"},
                                                                                    {"state_hash", "0000000000000007"},
                                                                                    {"not_production", "true"},
                                                                                    {"events", "8"},
                                                                                    {"no field", "x"}}) {
    v1::ProfileValue* to = run->mutable_result()->mutable_profile()->add_values();
    to->set_name(name);
    to->set_value(value);
  }
  return status;
}

TEST(FarmProfile, ItsLineIsThatOfTheProfileWithHostAndVerdict) {
  const ProfileReport report = ReportOfFarmProfile(*FindLocalProfile("local-core"), Finished(v1::VERDICT_PASSED));
  EXPECT_EQ(report.Line(),
            "schema=feedfarm.profile.v1 profile=local-core status=ok campaign=c7 host=dut verdict=passed events=7 "
            "ns_per_frame=2.5 state_hash=0000000000000007 not_production=true gates_held=0 gates=0 reasons=");
}

TEST(FarmProfile, TheVerdictIsItsStatus) {
  struct Case {
    v1::Verdict verdict;
    ProfileStatus status;
  };
  for (const Case& c : std::vector<Case>{{v1::VERDICT_FAILED, ProfileStatus::kBroken},
                                         {v1::VERDICT_BREACHED, ProfileStatus::kBreached},
                                         {v1::VERDICT_INCONCLUSIVE, ProfileStatus::kInconclusive},
                                         {v1::VERDICT_INFRASTRUCTURE_ERROR, ProfileStatus::kNoVerdict}}) {
    const ProfileReport report = ReportOfFarmProfile(*FindLocalProfile("local-core"), Finished(c.verdict));
    EXPECT_EQ(report.status(), c.status);
    EXPECT_FALSE(report.reasons().empty());
  }
}

}  // namespace
}  // namespace feedfarm
