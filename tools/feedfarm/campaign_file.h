#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/farm_service.pb.h"

namespace feedfarm {

// Reads a campaign file, fills in ${name} from `settings` ("name=value") and makes a request whose `file` is an absolute path, so that
// relative captures are found from the file's folder. The file system's error, or INVALID_ARGUMENT for settings.
absl::StatusOr<v1::SubmitRequest> LoadCampaignFile(const std::string& path, const std::vector<std::string>& settings);

}  // namespace feedfarm
