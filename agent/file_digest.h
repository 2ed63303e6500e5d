#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace feedfarm {

// SHA-256 of a file's bytes, 64 lower-case hex digits. Errno of open or read. About 1 ms a megabyte.
absl::StatusOr<std::string> FileDigest(const std::string& path);

}  // namespace feedfarm
