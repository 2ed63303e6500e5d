#include "coordinator/build_stamp.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace feedfarm {

std::string CompilerVersion() {
#if defined(__clang__)
  return absl::StrCat("clang ", __clang_version__);
#else
  return absl::StrCat("gcc ", __VERSION__);
#endif
}

absl::StatusOr<BuildStamp> ParseBuildInfo(std::string_view text) {
  BuildStamp stamp;
  stamp.compiler = CompilerVersion();
  for (const absl::string_view line :
       absl::StrSplit(absl::string_view(text.data(), text.size()), '\n', absl::SkipWhitespace())) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(line, absl::MaxSplits('=', 1));
    if (line.find('=') == absl::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat("build info: '", line, "' is no key=value"));
    }
    if (pair.first == "commit") stamp.commit = pair.second;
    if (pair.first == "dirty") stamp.dirty = pair.second == "true" || pair.second == "1";
  }
  return stamp;
}

}  // namespace feedfarm
