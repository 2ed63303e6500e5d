#include "pipeline/profile/profile_run.h"

#include <filesystem>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

// Small enough for a unit test.
ProfileArguments SmallArguments(const LocalProfile& profile) {
  if (profile.name == "local-core") return {"20000", "4", "100"};
  if (profile.name == "rx-proof") return {"20000", "3", "1000"};
  if (profile.name == "pool-soak") return {"512", "256", "1000", "64"};
  return {"2000", "64", "32", "software"};
}

TEST(ProfileRun, EachProfileTellsTheFieldsOfItsTableAndNoOthers) {
  for (const LocalProfile& profile : LocalProfiles()) {
    const auto report = RunLocalProfile(profile, SmallArguments(profile), {.seed = 7});
    if (!report.ok() && profile.nic == "lo" && !absl::IsInvalidArgument(report.status())) continue;
    ASSERT_TRUE(report.ok()) << profile.name << " " << report.status();
    EXPECT_NE(report->status(), ProfileStatus::kBroken) << report->Line();
    EXPECT_NE(report->status(), ProfileStatus::kInconclusive) << report->Line();
    for (const auto& [key, value] : report->fields()) {
      const ProfileField* field = FindField(profile, key);
      ASSERT_NE(field, nullptr) << profile.name << " tells " << key;
      const bool number = std::holds_alternative<uint64_t>(value) || std::holds_alternative<double>(value);
      const bool text = field->kind == ProfileField::Kind::kHash || field->kind == ProfileField::Kind::kText;
      EXPECT_TRUE(number != text || field->kind == ProfileField::Kind::kText) << profile.name << " " << key;
    }
    for (const ProfileRule& rule : profile.rules) EXPECT_NE(report->Find(rule.field), nullptr) << rule.field;
    EXPECT_NE(report->Find("host_class"), nullptr);
    EXPECT_NE(report->Line().find(" not_production=true "), std::string::npos);
  }
}

TEST(ProfileRun, LeavesNothingInItsScratchFolder) {
  const std::filesystem::path scratch = std::filesystem::path(testing::TempDir()) / "scratch";
  std::filesystem::create_directories(scratch);
  const LocalProfile& profile = *FindLocalProfile("rx-proof");
  ASSERT_TRUE(RunLocalProfile(profile, SmallArguments(profile), {.scratch = scratch.string()}).ok());
  EXPECT_TRUE(std::filesystem::is_empty(scratch));
  EXPECT_FALSE(RunLocalProfile(profile, SmallArguments(profile), {.scratch = scratch.string() + "/none"}).ok());
}

TEST(ProfileRun, RefusesBadArguments) {
  EXPECT_TRUE(
      absl::IsInvalidArgument(RunLocalProfile(*FindLocalProfile("pool-soak"), {"x", "1", "1", "1"}, {}).status()));
}

}  // namespace
}  // namespace feedfarm
