#include "tools/feedfarm/campaign_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"
#include "tools/feedfarm/substitution.h"

namespace feedfarm {

absl::StatusOr<v1::SubmitRequest> LoadCampaignFile(const std::string& path, const std::vector<std::string>& settings) {
  FEEDFARM_ASSIGN_OR_RETURN(auto values, ParseSettings(settings));
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(absl::StrCat("campaign file ", path));
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(absl::StrCat("campaign file ", path, ": not a file"));
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return ErrnoStatus(absl::StrCat("campaign file ", path));
  v1::SubmitRequest request;
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  request.set_file(error ? path : absolute.lexically_normal().string());
  FEEDFARM_ASSIGN_OR_RETURN(*request.mutable_text(), Substitute(path, text.str(), values));
  return request;
}

}  // namespace feedfarm
