#pragma once

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "tools/feedfarm/cli_context.h"

namespace feedfarm {

// One file of a finished campaign's report folder. NOT_FOUND: no such campaign or file; FAILED_PRECONDITION: unfinished.
absl::StatusOr<std::string> FetchReportFile(CliContext& context, const std::string& campaign_id, const std::string& path);

// The whole folder into `out`, which is made; files that are there are replaced. INVALID_ARGUMENT: the coordinator named a path
// outside the folder.
absl::Status FetchReportFolder(CliContext& context, const std::string& campaign_id, const std::filesystem::path& out);

}  // namespace feedfarm
