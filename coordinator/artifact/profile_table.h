#pragma once

#include <string>
#include <vector>

#include "proto/farm_service.pb.h"

namespace feedfarm {

// What profiles told, a row a value, each with the class of host that it is of. Empty where none of the runs is a
// finished profile.
std::string ProfileTables(const std::vector<v1::RunStatus>& runs);

}  // namespace feedfarm
