#pragma once

#include <string>
#include <vector>

#include "proto/farm_service.pb.h"

namespace feedfarm {

// What rate searches answered, goal by goal, and every trial that they made. Empty where none of the runs is a finished search.
std::string SearchTables(const std::vector<v1::RunStatus>& runs);

}  // namespace feedfarm
