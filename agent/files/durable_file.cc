#include "agent/files/durable_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

absl::Status WriteAll(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus(absl::StrCat("write ", path));
    content.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  ScopedFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", folder));
  if (::fsync(fd.get()) != 0) return ErrnoStatus(absl::StrCat("fsync ", folder));
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteDurably(const std::string& path, std::string_view content) {
  const std::string beside = path + ".new";
  {
    ScopedFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", beside));
    FEEDFARM_RETURN_IF_ERROR(WriteAll(fd.get(), content, beside));
    if (::fsync(fd.get()) != 0) return ErrnoStatus(absl::StrCat("fsync ", beside));
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) return ErrnoStatus(absl::StrCat("rename ", beside));
  return SyncFolderOf(path);
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  ScopedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  std::string content;
  char part[16384];
  for (;;) {
    const ssize_t got = ::read(fd.get(), part, sizeof part);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(absl::StrCat("read ", path));
    if (got == 0) return content;
    content.append(part, static_cast<size_t>(got));
  }
}

}  // namespace feedfarm
