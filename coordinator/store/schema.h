#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "coordinator/store/database.h"

namespace feedfarm {

// Version that this build reads and writes; kept in SQLite's user_version.
uint64_t SchemaVersion();

// Brings an empty or older database up to SchemaVersion(), each step in a transaction of its own, so that a crash in between
// goes on with the next one. FAILED_PRECONDITION: a newer build wrote it. Else the database's error.
absl::Status Migrate(Database& database);

}  // namespace feedfarm
