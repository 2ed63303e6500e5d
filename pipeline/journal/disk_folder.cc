#include "pipeline/journal/disk_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

// Large enough that the kernel reads ahead at full speed, small enough for each call to return soon.
constexpr size_t kReadBytes = size_t{8} << 20;

class DiskFile final : public JournalFile {
 public:
  DiskFile(std::string path, ScopedFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  absl::Status Append(std::span<const uint8_t> bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return ErrnoStatus(absl::StrCat("write ", path_));
      bytes = bytes.subspan(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  // fdatasync writes the size as well where it changed: all that an appended file needs.
  absl::Status Sync() override {
    return ::fdatasync(fd_.get()) == 0 ? absl::OkStatus() : ErrnoStatus(absl::StrCat("fdatasync ", path_));
  }

 private:
  const std::string path_;
  const ScopedFd fd_;
};

// The folder's own name is durable.
absl::Status SyncParent(const std::string& path) {
  const std::string parent = path + "/..";
  const ScopedFd fd(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", parent));
  return ::fsync(fd.get()) == 0 ? absl::OkStatus() : ErrnoStatus(absl::StrCat("fsync ", parent));
}

}  // namespace

absl::StatusOr<std::unique_ptr<DiskFolder>> DiskFolder::Open(std::string path) {
  if (::mkdir(path.c_str(), 0755) == 0) {
    FEEDFARM_RETURN_IF_ERROR(SyncParent(path));
  } else if (errno != EEXIST) {
    return ErrnoStatus(absl::StrCat("mkdir ", path));
  }
  ScopedFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return absl::FailedPreconditionError(absl::StrCat(path, " is open in another process"));
    return ErrnoStatus(absl::StrCat("flock ", path));
  }
  return std::unique_ptr<DiskFolder>(new DiskFolder(std::move(path), std::move(fd)));
}

absl::Status DiskFolder::Failed(const char* call, const std::string& name) const {
  return ErrnoStatus(absl::StrCat(call, " ", PathOf(name)));
}

absl::StatusOr<std::vector<std::string>> DiskFolder::List() {
  DIR* const folder = ::opendir(path_.c_str());
  if (folder == nullptr) return ErrnoStatus(absl::StrCat("opendir ", path_));
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* const entry = ::readdir(folder)) {
    if (std::string name = entry->d_name; name != "." && name != "..") names.push_back(std::move(name));
  }
  const int error = errno;
  ::closedir(folder);
  if (error != 0) return ErrnoStatus(absl::StrCat("readdir ", path_), error);
  return names;
}

absl::Status DiskFolder::Read(const std::string& name, FileBytes* out) {
  const ScopedFd fd(::openat(fd_.get(), name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Failed("open", name);
  struct stat state;
  if (::fstat(fd.get(), &state) != 0) return Failed("fstat", name);
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  const size_t bytes = static_cast<size_t>(state.st_size);
  uint8_t* const to = out->Resize(bytes);
  size_t done = 0;
  while (done < bytes) {
    const ssize_t got = ::read(fd.get(), to + done, std::min(kReadBytes, bytes - done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed("read", name);
    if (got == 0) break;  // it became shorter
    done += static_cast<size_t>(got);
  }
  out->Resize(done);
  return absl::OkStatus();
}

void DiskFolder::Expect(const std::string& name) {
  const ScopedFd fd(::openat(fd_.get(), name.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.valid()) ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_WILLNEED);
}

absl::StatusOr<std::unique_ptr<JournalFile>> DiskFolder::Create(const std::string& name) {
  ScopedFd fd(::openat(fd_.get(), name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644));
  if (!fd.valid()) return Failed("open", name);
  return std::make_unique<DiskFile>(PathOf(name), std::move(fd));
}

absl::Status DiskFolder::Truncate(const std::string& name, uint64_t bytes) {
  return ::truncate(PathOf(name).c_str(), static_cast<off_t>(bytes)) == 0 ? absl::OkStatus() : Failed("truncate", name);
}

absl::Status DiskFolder::SyncFile(const std::string& name) {
  const ScopedFd fd(::openat(fd_.get(), name.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return Failed("open", name);
  return ::fsync(fd.get()) == 0 ? absl::OkStatus() : Failed("fsync", name);
}

absl::Status DiskFolder::Rename(const std::string& from, const std::string& to) {
  return ::renameat(fd_.get(), from.c_str(), fd_.get(), to.c_str()) == 0 ? absl::OkStatus() : Failed("rename", from);
}

absl::Status DiskFolder::Remove(const std::string& name) {
  return ::unlinkat(fd_.get(), name.c_str(), 0) == 0 ? absl::OkStatus() : Failed("unlink", name);
}

absl::Status DiskFolder::SyncNames() {
  return ::fsync(fd_.get()) == 0 ? absl::OkStatus() : ErrnoStatus(absl::StrCat("fsync ", path_));
}

}  // namespace feedfarm
