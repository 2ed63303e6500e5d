#include "coordinator/gate/profile_gates.h"

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "coordinator/gate/gate_expression.h"
#include "coordinator/gate/verdict.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/base/rng.h"
#include "pipeline/profile/profile_report.h"

namespace feedfarm {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

v1::Scenario ScenarioOf(const LocalProfile& profile) {
  v1::Scenario scenario;
  scenario.mutable_profile()->set_name(std::string(profile.name));
  for (const std::string& gate : GatesOf(profile)) scenario.add_gates()->set_expression(gate);
  return scenario;
}

// As the agent takes it off the line.
v1::ProfileResult ResultOf(const ProfileReport& report) {
  v1::ProfileResult result;
  result.set_profile(report.profile());
  result.set_status(Name(report.status()));
  for (const auto& [key, value] : report.fields()) {
    v1::ProfileValue* to = result.add_values();
    to->set_name(key);
    to->set_value(TextOf(value));
  }
  return result;
}

v1::RunResult JudgeProfile(const v1::Scenario& scenario, const v1::ProfileResult* result) {
  RunEvidence evidence;
  evidence.profile = result;
  return JudgeRun(scenario, evidence);
}

v1::Verdict VerdictOf(ProfileStatus status) {
  switch (status) {
    case ProfileStatus::kOk:
      return v1::VERDICT_PASSED;
    case ProfileStatus::kBroken:
      return v1::VERDICT_FAILED;
    case ProfileStatus::kBreached:
      return v1::VERDICT_BREACHED;
    default:
      return v1::VERDICT_INCONCLUSIVE;
  }
}

TEST(ProfileGates, AreGatesOfTheProfile) {
  for (const LocalProfile& profile : LocalProfiles()) {
    ASSERT_FALSE(GatesOf(profile).empty());
    for (const std::string& gate : GatesOf(profile)) {
      EXPECT_TRUE(std::holds_alternative<GateExpression>(ParseGate(gate))) << gate;
    }
  }
  EXPECT_THAT(GatesOf(*FindLocalProfile("local-core")),
              ::testing::IsSupersetOf({"profile[events] > 0", "profile[sequence_gaps] == 0",
                                       "profile[pool_available] == profile[pool_size]",
                                       "profile[state_hash] == profile[state_hash.must_be]"}));
}

// The command line and a campaign without gates of its own judge alike, whatever a profile tells.
TEST(ProfileGates, JudgeAsTheCommandLineDoes) {
  constexpr uint64_t kSeed = 20261121;
  SCOPED_TRACE(kSeed);
  Rng rng(kSeed);
  std::map<v1::Verdict, int> verdicts;
  for (int i = 0; i < 20'000; ++i) {
    const LocalProfile& profile = LocalProfiles()[rng.Below(LocalProfiles().size())];
    // Mostly good: the odds of a bad value and of a missing one are drawn a report.
    const double bad = rng.Uniform() * 0.2, missing = rng.Below(2) == 0 ? 0 : rng.Uniform() * 0.1;
    ProfileReport report(std::string(profile.name));
    for (const ProfileField& field : profile.fields) {
      if (rng.Uniform() < missing) continue;
      const bool good = rng.Uniform() >= bad;
      const bool above = std::any_of(profile.rules.begin(), profile.rules.end(), [&](const ProfileRule& rule) {
        return rule.field == field.name && rule.comparison == ProfileRule::Comparison::kAbove;
      });
      if (field.kind == ProfileField::Kind::kHash) {
        report.Add(std::string(field.name), HashText(good ? 5 : 6));
      } else {
        report.Add(std::string(field.name), uint64_t{(good == above) ? 7u : 0u});
      }
    }
    report.Judge(profile);
    const v1::ProfileResult result = ResultOf(report);
    const v1::RunResult judged = JudgeProfile(ScenarioOf(profile), &result);
    ASSERT_EQ(judged.verdict(), VerdictOf(report.status())) << report.Line() << "\n" << judged.DebugString();
    ++verdicts[judged.verdict()];
  }
  for (const v1::Verdict verdict :
       {v1::VERDICT_PASSED, v1::VERDICT_FAILED, v1::VERDICT_BREACHED, v1::VERDICT_INCONCLUSIVE}) {
    EXPECT_GT(verdicts[verdict], 0) << v1::Verdict_Name(verdict);
  }
}

v1::ProfileResult Told(const std::string& status, const std::string& events) {
  v1::ProfileResult result;
  result.set_profile("local-core");
  result.set_status(status);
  result.set_reasons("the disk was too slow");
  v1::ProfileValue* value = result.add_values();
  value->set_name("events");
  value->set_value(events);
  return result;
}

TEST(ProfileVerdict, OnlyGatesJudgeWhatWasMeasured) {
  v1::Scenario scenario;
  scenario.mutable_profile()->set_name("local-core");
  scenario.add_gates()->set_expression("profile[events] > 5");
  struct Case {
    const char* status;
    const char* events;
    v1::Verdict verdict;
  };
  for (const Case& c : std::vector<Case>{
           {"ok", "6", v1::VERDICT_PASSED},
           {"ok", "5", v1::VERDICT_FAILED},
           // What it thinks of itself by other rules is not asked for.
           {"broken", "6", v1::VERDICT_PASSED},
           {"breached", "6", v1::VERDICT_PASSED},
           // It could not measure.
           {"inconclusive", "6", v1::VERDICT_INCONCLUSIVE},
           {"no_verdict", "6", v1::VERDICT_INCONCLUSIVE},
           {"", "6", v1::VERDICT_INCONCLUSIVE},
           {"inconclusive", "5", v1::VERDICT_FAILED},
           // No number.
           {"ok", "many", v1::VERDICT_INCONCLUSIVE},
           {"ok", "nan", v1::VERDICT_INCONCLUSIVE},
           {"ok", "", v1::VERDICT_INCONCLUSIVE},
       }) {
    SCOPED_TRACE(absl::StrCat(c.status, " ", c.events));
    const v1::ProfileResult told = Told(c.status, c.events);
    const v1::RunResult result = JudgeProfile(scenario, &told);
    EXPECT_EQ(result.verdict(), c.verdict) << result.DebugString();
    EXPECT_EQ(result.reasons().empty(), c.verdict == v1::VERDICT_PASSED);
  }
  const v1::ProfileResult told = Told("inconclusive", "6");
  EXPECT_THAT(JudgeProfile(scenario, &told).reasons(), Contains("the profile is inconclusive: the disk was too slow"));
}

TEST(ProfileVerdict, NoResultIsNeverAPass) {
  v1::Scenario scenario;
  scenario.mutable_profile()->set_name("local-core");
  scenario.add_gates()->set_expression("profile[events] > 5");
  EXPECT_EQ(JudgeProfile(scenario, nullptr).verdict(), v1::VERDICT_INCONCLUSIVE);
  v1::ProfileResult other = Told("ok", "6");
  other.set_profile("pool-soak");
  EXPECT_EQ(JudgeProfile(scenario, &other).verdict(), v1::VERDICT_INCONCLUSIVE);
  RunEvidence crash;
  crash.failures.push_back({v1::ROLE_PROFILE, v1::FAILURE_CAUSE_SUBJECT, "profile on dut: signal 11"});
  EXPECT_EQ(JudgeRun(scenario, crash).verdict(), v1::VERDICT_FAILED);
  EXPECT_THAT(JudgeRun(scenario, crash).reasons(),
              Contains(HasSubstr("profile (under test): profile on dut: signal 11")));
  crash.failures[0].cause = v1::FAILURE_CAUSE_HOST;
  EXPECT_EQ(JudgeRun(scenario, crash).verdict(), v1::VERDICT_INFRASTRUCTURE_ERROR);
}

TEST(ProfileVerdict, ServiceLevelsOfAProfileAreBreached) {
  v1::Scenario scenario;
  scenario.mutable_profile()->set_name("local-core");
  scenario.add_gates()->set_expression("profile[messages_per_second] >= 1000000");
  v1::ProfileResult told = Told("ok", "6");
  told.add_values()->set_name("messages_per_second");
  told.mutable_values(1)->set_value("5e+05");
  EXPECT_EQ(JudgeProfile(scenario, &told).verdict(), v1::VERDICT_BREACHED);
}

}  // namespace
}  // namespace feedfarm
