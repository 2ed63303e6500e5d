#include "pipeline/profile/profile_catalog.h"

#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(ProfileCatalog, RulesAreOverFieldsOfTheirProfileAndOfOneKind) {
  for (const LocalProfile& profile : LocalProfiles()) {
    for (const ProfileRule& rule : profile.rules) {
      const ProfileField* field = FindField(profile, rule.field);
      ASSERT_NE(field, nullptr) << profile.name << " " << rule.field;
      EXPECT_NE(field->kind, ProfileField::Kind::kText) << rule.field;
      uint64_t constant;
      if (absl::SimpleAtoi(rule.right, &constant)) continue;
      const ProfileField* right = FindField(profile, rule.right);
      ASSERT_NE(right, nullptr) << profile.name << " " << rule.right;
      EXPECT_EQ(right->kind, field->kind) << profile.name << " " << rule.field;
    }
  }
}

TEST(ProfileCatalog, AFieldHasOneKindInAllProfiles) {
  std::map<absl::string_view, ProfileField::Kind> kinds;
  for (const LocalProfile& profile : LocalProfiles()) {
    std::set<absl::string_view> names;
    for (const ProfileField& field : profile.fields) {
      EXPECT_TRUE(names.insert(field.name).second) << profile.name << " has " << field.name << " twice";
      EXPECT_EQ(kinds.emplace(field.name, field.kind).first->second, field.kind) << field.name;
    }
  }
}

TEST(ProfileCatalog, DefaultsAreGoodArguments) {
  for (const LocalProfile& profile : LocalProfiles()) {
    const auto arguments = Effective(profile, {});
    ASSERT_TRUE(arguments.ok());
    EXPECT_TRUE(CheckArguments(profile, *arguments).ok()) << profile.name;
    EXPECT_FALSE(Effective(profile, ProfileArguments(profile.arguments.size() + 1, "1")).ok());
  }
}

TEST(ProfileCatalog, ArgumentsHaveBounds) {
  for (const LocalProfile& profile : LocalProfiles()) {
    for (size_t i = 0; i < profile.arguments.size(); ++i) {
      const ProfileArgument& argument = profile.arguments[i];
      for (const std::string& bad :
           {std::string("-1"), std::string("x"), std::string(""), std::to_string(argument.max + 1)}) {
        ProfileArguments arguments = *Effective(profile, {});
        arguments[i] = bad;
        const absl::Status status = CheckArguments(profile, arguments);
        EXPECT_TRUE(absl::IsInvalidArgument(status)) << profile.name << " " << argument.name << " " << bad;
        EXPECT_NE(status.message().find(absl::AsciiStrToUpper(argument.name)), std::string::npos) << status;
      }
    }
  }
}

TEST(ProfileCatalog, ArgumentsMustGoTogether) {
  const LocalProfile& soak = *FindLocalProfile("pool-soak");
  EXPECT_TRUE(CheckArguments(soak, {"72", "64", "100", "8"}).ok());
  EXPECT_FALSE(CheckArguments(soak, {"64", "64", "1", "1"}).ok());
  EXPECT_FALSE(CheckArguments(soak, {"1024", "16", "1", "17"}).ok());
  const LocalProfile& proof = *FindLocalProfile("rx-proof");
  EXPECT_TRUE(CheckArguments(proof, {"30000", "10", "1000"}).ok());
  EXPECT_FALSE(CheckArguments(proof, {"30000", "11", "1000"}).ok());
  EXPECT_FALSE(CheckArguments(*FindLocalProfile("rx-probe"), {"1", "64", "32", "none"}).ok());
}

}  // namespace
}  // namespace feedfarm
