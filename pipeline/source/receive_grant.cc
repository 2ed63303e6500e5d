#include "pipeline/source/receive_grant.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace feedfarm {
namespace {

constexpr std::pair<Grant, absl::string_view> kNames[] = {
    {Grant::kNativeXdp, "native-xdp"},       {Grant::kZeroCopy, "zero-copy"},
    {Grant::kBusyPoll, "busy-poll"},         {Grant::kHardwareTime, "hardware-time"},
    {Grant::kHugePages, "huge-pages"},       {Grant::kLockedMemory, "locked-memory"},
    {Grant::kReceiveBuffer, "receive-buffer"}};

}  // namespace

absl::string_view Name(Grant grant) {
  const auto* found = std::find_if(std::begin(kNames), std::end(kNames), [&](const auto& n) { return n.first == grant; });
  return found->second;
}

absl::StatusOr<Grant> ParseGrant(absl::string_view name) {
  for (const auto& [grant, text] : kNames) {
    if (text == name) return grant;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", name, "\" is none of ",
      absl::StrJoin(kNames, ", ", [](std::string* out, const auto& n) { absl::StrAppend(out, n.second); })));
}

std::string Sentence(const Refusal& refusal) { return absl::StrCat(Name(refusal.grant), ": ", refusal.why); }

absl::Status CheckRequired(const std::vector<Grant>& required, const SourceGrants& grants) {
  std::vector<std::string> missing;
  for (const Refusal& refusal : grants.not_granted) {
    if (std::find(required.begin(), required.end(), refusal.grant) == required.end()) continue;
    missing.push_back(Sentence(refusal));
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("required and not granted: ", absl::StrJoin(missing, "; ")));
}

}  // namespace feedfarm
