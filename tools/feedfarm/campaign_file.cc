#include "tools/feedfarm/campaign_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "coordinator/campaign/campaign_parser.h"
#include "coordinator/campaign/utf8.h"
#include "pipeline/base/status_macros.h"
#include "tools/feedfarm/substitution.h"

namespace feedfarm {

absl::StatusOr<v1::SubmitRequest> LoadCampaignFile(const std::string& path, const std::vector<std::string>& settings,
                                                   const std::string& folder) {
  FEEDFARM_ASSIGN_OR_RETURN(auto values, ParseSettings(settings));
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(absl::StrCat("campaign file ", path));
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(absl::StrCat("campaign file ", path, ": not a file"));
  if (info.st_size > static_cast<off_t>(kCampaignBytesMax))
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": has ", info.st_size, " bytes, at most ", kCampaignBytesMax, " are read"));
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return ErrnoStatus(absl::StrCat("campaign file ", path));
  v1::SubmitRequest request;
  std::error_code error;
  std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (!error && !folder.empty()) absolute = std::filesystem::absolute(folder, error) / absolute.filename();
  request.set_file(error ? path : absolute.lexically_normal().string());
  FEEDFARM_ASSIGN_OR_RETURN(*request.mutable_text(), Substitute(path, text.str(), values));
  // No protobuf string carries anything else, and YAML is Unicode.
  const size_t valid = Utf8Prefix(request.text());
  if (valid < request.text().size()) {
    const auto line =
        1 + std::count(request.text().begin(), request.text().begin() + static_cast<std::ptrdiff_t>(valid), '\n');
    return absl::InvalidArgumentError(absl::StrCat(path, ":", line, ":1: this line is not UTF-8 text"));
  }
  if (Utf8Prefix(request.file()) < request.file().size())
    return absl::InvalidArgumentError(absl::StrCat("campaign file ", path, ": its path is not UTF-8 text"));
  return request;
}

}  // namespace feedfarm
