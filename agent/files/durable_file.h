#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace feedfarm {

// Replaces the file at `path` with `content`, so that after a crash at any point the file is the old one or the new
// one, whole: written beside it, fsynced, renamed, the folder fsynced. One writer at a time. Status: errno of the
// failed call.
absl::Status WriteDurably(const std::string& path, std::string_view content);

// The whole file. NotFound where there is none; otherwise errno of the failed call.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path);

}  // namespace feedfarm
