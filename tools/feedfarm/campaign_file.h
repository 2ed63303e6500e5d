#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/farm_service.pb.h"

namespace feedfarm {

// Reads a campaign file, fills in ${name} from `settings` ("name=value") and makes a request whose `file` is an absolute path, so that
// relative captures are found from the file's folder, or from `folder` where that is not empty. The file system's error, or
// INVALID_ARGUMENT for settings, a file that is too large, and text that is not UTF-8.
absl::StatusOr<v1::SubmitRequest> LoadCampaignFile(const std::string& path, const std::vector<std::string>& settings,
                                                   const std::string& folder);

}  // namespace feedfarm
