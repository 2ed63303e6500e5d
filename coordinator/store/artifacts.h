#pragma once

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/store/database.h"
#include "coordinator/store/record.pb.h"

namespace feedfarm {

// Inserts or replaces (run, role, name).
absl::Status PutArtifact(Database& database, const record::ArtifactRecord& artifact);
// Of one run, by role and name.
absl::StatusOr<std::vector<record::ArtifactRecord>> ArtifactsOf(Database& database, std::string_view run_id);

}  // namespace feedfarm
