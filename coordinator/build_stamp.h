#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace feedfarm {

// Which source this farm was built from.
struct BuildStamp {
  std::string commit = "unknown";
  bool dirty = false;
  // Of the coordinator; the handler under test reports its own.
  std::string compiler;
};

// The compiler that this program was made with.
std::string CompilerVersion();

// Lines of key=value: commit, dirty (true or false); others are ignored. INVALID_ARGUMENT: a line without '='.
absl::StatusOr<BuildStamp> ParseBuildInfo(std::string_view text);

}  // namespace feedfarm
