#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/profile/profile_report.h"

namespace feedfarm {

// A profile that needs this machine alone.
struct LocalProfile {
  using Arguments = std::vector<std::string>;

  std::string name;
  std::vector<std::pair<std::string, std::string>> arguments;  // name and default, in order
  std::string meaning;
  std::string timestamp_source;  // "none", "software"
  std::string nic;               // interface; "" = none
  // With a value for each argument. INVALID_ARGUMENT: they are no good; other errors: no verdict.
  absl::StatusOr<ProfileReport> (*run)(const Arguments& arguments, uint64_t seed);

  // "[FRAMES] [BURST]".
  std::string Synopsis() const;
  // `given`, and the defaults behind them. INVALID_ARGUMENT: too many.
  absl::StatusOr<Arguments> Effective(const Arguments& given) const;
};

const std::vector<LocalProfile>& LocalProfiles();
// nullptr where there is none of this name.
const LocalProfile* FindLocalProfile(const std::string& name);

}  // namespace feedfarm
