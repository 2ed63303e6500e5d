#include "agent/files/file_digest.h"

#include <fcntl.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/base/sha256.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {

std::string BytesDigest(absl::string_view bytes) { return Sha256Hex({bytes.data(), bytes.size()}); }

absl::StatusOr<std::string> FileDigest(const std::string& path) {
  ScopedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  Sha256 sha;
  std::vector<char> part(1 << 16);
  for (;;) {
    const ssize_t got = ::read(fd.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(absl::StrCat("read ", path));
    if (got == 0) return sha.Finish();
    sha.Add({part.data(), static_cast<size_t>(got)});
  }
}

}  // namespace feedfarm
