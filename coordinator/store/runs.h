#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/store/database.h"
#include "coordinator/store/record.pb.h"

namespace feedfarm {

// Inserts or replaces. Its campaign must be stored.
absl::Status PutRun(Database& database, const record::RunRecord& run);
// By campaign, then place in it.
absl::StatusOr<std::vector<record::RunRecord>> AllRuns(Database& database);

}  // namespace feedfarm
