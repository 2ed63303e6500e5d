#include "pipeline/profile/profile_report.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "pipeline/control/record_line.h"

namespace feedfarm {
namespace {

const LocalProfile& PoolSoak() { return *FindLocalProfile("pool-soak"); }

// Everything that pool-soak enforces, with one value changed.
ProfileReport Soak(const std::string& key = "", uint64_t value = 0) {
  ProfileReport report("pool-soak");
  const std::pair<const char*, uint64_t> fields[] = {{"operations", 7},   {"operations.must_be", 7}, {"misses", 0},
                                                     {"return_drops", 0}, {"pool_available", 4},     {"pool_size", 4},
                                                     {"minor_faults", 0}, {"major_faults", 0}};
  for (const auto& [name, good] : fields) report.Add(name, key == name ? value : good);
  return report;
}

TEST(ProfileReport, TheLineParsesBackWhateverItsValuesHold) {
  ProfileReport report("local-core");
  report.Add("cpu", std::string("Some CPU @ 2.4GHz = 100%\n\xff"));
  report.Add("rate", 2.5);
  report.Add("not_production", true);
  report.Note(ProfileStatus::kBroken, "gaps is 3, must be 0");
  EXPECT_EQ(report.Line().rfind("schema=feedfarm.profile.v1 profile=local-core status=broken cpu=", 0), 0u);
  const auto parsed = RecordLine::Parse(absl::StrCat("profile ", report.Line()));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->Find("cpu"), "Some CPU @ 2.4GHz = 100%\n\xff");
  EXPECT_EQ(parsed->Find("rate"), "2.5");
  EXPECT_EQ(parsed->Find("not_production"), "true");
  EXPECT_EQ(parsed->Find("reasons"), "gaps is 3, must be 0");
}

TEST(ProfileReport, WithoutReasonsItIsOk) {
  ProfileReport report("local-core");
  report.Add("hash", HashText(7));
  report.AddMust("hash", HashText(7));
  EXPECT_EQ(report.status(), ProfileStatus::kOk);
  EXPECT_EQ(report.Line(),
            "schema=feedfarm.profile.v1 profile=local-core status=ok hash=0000000000000007 "
            "hash.must_be=0000000000000007 reasons=");
  EXPECT_NE(report.ProofJson().find("\"hash.must_be\": \"0000000000000007\""), std::string::npos);
}

TEST(ProfileReport, EachRuleThatDoesNotHoldIsTold) {
  struct Case {
    std::string key;
    uint64_t value;
    ProfileStatus status;
    std::string reason;
  };
  for (const Case& c : std::vector<Case>{
           {"", 0, ProfileStatus::kOk, ""},
           {"misses", 3, ProfileStatus::kBroken, "misses is 3, must be 0"},
           {"operations", 6, ProfileStatus::kBroken, "operations is 6, must be 7"},
           {"pool_available", 3, ProfileStatus::kBroken, "pool_available is 3, must be 4"},
           {"minor_faults", 1, ProfileStatus::kBreached, "minor_faults is 1, must be 0"},
       }) {
    ProfileReport report = Soak(c.key, c.value);
    report.Judge(PoolSoak());
    EXPECT_EQ(report.status(), c.status) << c.key;
    EXPECT_EQ(report.reasons(), c.reason.empty() ? std::vector<std::string>{} : std::vector{c.reason});
  }
}

TEST(ProfileReport, NoDataIsNeverOk) {
  ProfileReport report("pool-soak");
  report.Judge(PoolSoak());
  EXPECT_EQ(report.status(), ProfileStatus::kInconclusive);
  EXPECT_EQ(report.reasons().size(), PoolSoak().rules.size());
}

TEST(ProfileReport, TheWorstDecides) {
  ProfileReport report = Soak("minor_faults", 1);
  report.Note(ProfileStatus::kInconclusive, "no data");
  EXPECT_EQ(report.status(), ProfileStatus::kInconclusive);
  report.Judge(PoolSoak());
  EXPECT_EQ(report.status(), ProfileStatus::kBreached);
  report.Note(ProfileStatus::kBroken, "a rule");
  report.Note(ProfileStatus::kBreached, "a level");
  EXPECT_EQ(report.status(), ProfileStatus::kBroken);
  EXPECT_EQ(report.reasons().size(), 4u);
}

}  // namespace
}  // namespace feedfarm
