#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/store/database.h"
#include "coordinator/store/record.pb.h"

namespace feedfarm {

// Inserts or replaces the host's row. FAILED_PRECONDITION: its epoch would fall.
absl::Status PutLease(Database& database, const record::LeaseRecord& lease);
// By host.
absl::StatusOr<std::vector<record::LeaseRecord>> AllLeases(Database& database);

}  // namespace feedfarm
