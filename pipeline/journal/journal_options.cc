#include "pipeline/journal/journal_options.h"

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace feedfarm {
namespace {

constexpr uint64_t kMillisecondNs = 1'000'000;
constexpr uint64_t kIntervalMsMax = 60'000;

}  // namespace

absl::StatusOr<SyncPolicy> ParseSyncPolicy(absl::string_view text) {
  if (text == "none") return SyncPolicy{.kind = SyncPolicy::Kind::kNone};
  if (text == "group") return SyncPolicy{.kind = SyncPolicy::Kind::kGroup};
  uint64_t milliseconds = 0;
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "interval ") && absl::SimpleAtoi(rest, &milliseconds) && milliseconds > 0 &&
      milliseconds <= kIntervalMsMax) {
    return SyncPolicy{.kind = SyncPolicy::Kind::kInterval, .interval_ns = milliseconds * kMillisecondNs};
  }
  return absl::InvalidArgumentError(
      absl::StrCat("sync policy \"", text, "\" is none of: none, group, interval <1 to ", kIntervalMsMax, " ms>"));
}

std::string ToString(const SyncPolicy& policy) {
  switch (policy.kind) {
    case SyncPolicy::Kind::kNone:
      return "none";
    case SyncPolicy::Kind::kGroup:
      return "group";
    case SyncPolicy::Kind::kInterval:
      return absl::StrCat("interval ", policy.interval_ns / kMillisecondNs);
  }
  return "";
}

}  // namespace feedfarm
