#include "pipeline/profile/profile_report.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "pipeline/control/record_line.h"

namespace feedfarm {
namespace {

TEST(ProfileReport, TheLineParsesBackWhateverItsValuesHold) {
  ProfileReport report("local-core");
  report.Add("cpu", std::string("Some CPU @ 2.4GHz = 100%\n\xff"));
  report.Add("rate", 2.5);
  report.Add("not_production", true);
  report.Require("gaps", 3, 0);
  EXPECT_EQ(report.Line().rfind("schema=feedfarm.profile.v1 profile=local-core status=broken cpu=", 0), 0u);
  const auto parsed = RecordLine::Parse(absl::StrCat("profile ", report.Line()));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->Find("cpu"), "Some CPU @ 2.4GHz = 100%\n\xff");
  EXPECT_EQ(parsed->Find("rate"), "2.5");
  EXPECT_EQ(parsed->Find("not_production"), "true");
  EXPECT_EQ(parsed->Find("reasons"), "gaps is 3, must be 0");
}

TEST(ProfileReport, WithoutReasonsItIsOk) {
  ProfileReport report("pool-soak");
  report.Require("misses", 0, 0);
  report.RequireSome("events", 1);
  report.RequireHash("hash", 7, 7);
  report.Expect("minor_faults", 0, 0);
  EXPECT_EQ(report.status(), ProfileStatus::kOk);
  EXPECT_EQ(report.Line(),
            "schema=feedfarm.profile.v1 profile=pool-soak status=ok misses=0 events=1 hash=0000000000000007 "
            "minor_faults=0 reasons=");
  EXPECT_NE(report.ProofJson().find("\"hash.must_be\": \"0000000000000007\""), std::string::npos);
}

TEST(ProfileReport, TheWorstDecides) {
  ProfileReport report("p");
  report.Expect("faults", 1, 0);
  EXPECT_EQ(report.status(), ProfileStatus::kBreached);
  report.Note(ProfileStatus::kInconclusive, "no data");
  EXPECT_EQ(report.status(), ProfileStatus::kInconclusive);
  report.RequireSome("events", 0);
  EXPECT_EQ(report.status(), ProfileStatus::kBroken);
  report.Expect("faults2", 1, 0);
  EXPECT_EQ(report.status(), ProfileStatus::kBroken);
  EXPECT_EQ(report.reasons().size(), 4u);
}

}  // namespace
}  // namespace feedfarm
