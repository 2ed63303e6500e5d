#include "coordinator/gate/profile_gates.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace feedfarm {
namespace {

std::string SideOf(absl::string_view word) {
  return absl::ascii_isdigit(static_cast<unsigned char>(word[0])) ? std::string(word)
                                                                  : absl::StrCat("profile[", word, "]");
}

}  // namespace

std::vector<std::string> GatesOf(const LocalProfile& profile) {
  std::vector<std::string> gates;
  for (const ProfileRule& rule : profile.rules) {
    const char* sign = rule.comparison == ProfileRule::Comparison::kAbove ? ">" : "==";
    gates.push_back(absl::StrCat(SideOf(rule.field), " ", sign, " ", SideOf(rule.right)));
  }
  return gates;
}

}  // namespace feedfarm
