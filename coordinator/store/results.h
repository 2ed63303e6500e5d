#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/store/database.h"
#include "proto/result.pb.h"

namespace feedfarm {

// Inserts; a result is never replaced: ALREADY_EXISTS. Its run must be stored.
absl::Status AddResult(Database& database, std::string_view run_id, const v1::RunResult& result);
// NOT_FOUND.
absl::StatusOr<v1::RunResult> ResultOf(Database& database, std::string_view run_id);

}  // namespace feedfarm
