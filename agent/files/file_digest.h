#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace feedfarm {

// SHA-256, 64 lower-case hex digits. About 1 ms a megabyte.
std::string BytesDigest(absl::string_view bytes);

// The same of a file. Errno of open or read.
absl::StatusOr<std::string> FileDigest(const std::string& path);

}  // namespace feedfarm
