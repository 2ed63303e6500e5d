#pragma once

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/store/database.h"
#include "proto/agent_service.pb.h"

namespace feedfarm {

// Stores one interval; one that is there already (run, role, sequence) stays as it is.
absl::Status AddInterval(Database& database, const v1::TelemetryInterval& interval);
// Of one run, by role and sequence.
absl::StatusOr<std::vector<v1::TelemetryInterval>> IntervalsOf(Database& database, std::string_view run_id);

}  // namespace feedfarm
