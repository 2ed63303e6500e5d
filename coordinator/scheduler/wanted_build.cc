#include "coordinator/scheduler/wanted_build.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace feedfarm {

std::string WrongBuild(std::string_view commit, const v1::BuildFacts& build) {
  const absl::string_view wanted(commit.data(), commit.size());
  if (wanted.empty()) return "";
  if (!absl::StartsWith(build.commit(), wanted)) {
    return absl::StrCat("its commit is ", build.commit().empty() ? "unknown" : build.commit(), ", not ", wanted);
  }
  return build.dirty() ? absl::StrCat("it was built from ", build.commit(), " with changes") : "";
}

}  // namespace feedfarm
