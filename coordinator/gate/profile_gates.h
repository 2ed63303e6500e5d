#pragma once

#include <string>
#include <vector>

#include "pipeline/profile/profile_catalog.h"

namespace feedfarm {

// What the profile enforces, as gates: a campaign without gates of its own judges as the command line does.
std::vector<std::string> GatesOf(const LocalProfile& profile);

}  // namespace feedfarm
