#include "agent/files/file_tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "pipeline/base/scoped_fd.h"

namespace feedfarm {

std::string FileTail(const std::string& path, size_t bytes_max) {
  ScopedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status;
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) return "";
  const size_t size = static_cast<size_t>(status.st_size);
  const size_t from = size > bytes_max ? size - bytes_max : 0;
  std::string text(size - from, '\0');
  const ssize_t got = ::pread(fd.get(), text.data(), text.size(), static_cast<off_t>(from));
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  if (from > 0) {
    const size_t newline = text.find('\n');
    if (newline != std::string::npos && newline + 1 < text.size()) text.erase(0, newline + 1);
  }
  for (char& c : text) {
    if (c != '\n' && !absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  const std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipWhitespace());
  return absl::StrJoin(lines, " | ");
}

}  // namespace feedfarm
