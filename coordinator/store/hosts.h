#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/store/database.h"
#include "coordinator/store/record.pb.h"

namespace feedfarm {

// Inserts or replaces.
absl::Status PutHost(Database& database, const record::HostRecord& host);
// By name.
absl::StatusOr<std::vector<record::HostRecord>> AllHosts(Database& database);

}  // namespace feedfarm
