#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "pipeline/profile/profile_catalog.h"
#include "pipeline/profile/profile_report.h"

namespace feedfarm {

struct ProfileRunOptions {
  // Everything random comes from it.
  uint64_t seed = 1;
  // Where it may keep files while it runs; empty = the system's temporary folder.
  std::string scratch = {};
};

// Runs a profile on this host, in this thread and in those that it makes; judged by its rules. The report says the
// class of the host, and that this is no figure of production. INVALID_ARGUMENT: see CheckArguments. Other errors: the
// host refused what the profile needs, and nothing is known.
absl::StatusOr<ProfileReport> RunLocalProfile(const LocalProfile& profile, const ProfileArguments& arguments,
                                              const ProfileRunOptions& options);

}  // namespace feedfarm
