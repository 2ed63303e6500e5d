#pragma once

#include <memory>
#include <string>

#include "pipeline/base/scoped_fd.h"
#include "pipeline/journal/journal_folder.h"

namespace feedfarm {

// A folder of the real file system, locked for this process while the object lives: system calls, no decisions.
class DiskFolder final : public JournalFolder {
 public:
  // Makes the folder where it is missing (its parent must be there). FAILED_PRECONDITION: another process has it open;
  // otherwise errno of mkdir, open, fsync or flock.
  static absl::StatusOr<std::unique_ptr<DiskFolder>> Open(std::string path);

  absl::StatusOr<std::vector<std::string>> List() override;
  absl::Status Read(const std::string& name, FileBytes* out) override;
  void Expect(const std::string& name) override;
  absl::StatusOr<std::unique_ptr<JournalFile>> Create(const std::string& name) override;
  absl::Status Truncate(const std::string& name, uint64_t bytes) override;
  absl::Status SyncFile(const std::string& name) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& name) override;
  absl::Status SyncNames() override;
  std::string PathOf(const std::string& name) const override { return path_ + "/" + name; }

 private:
  DiskFolder(std::string path, ScopedFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  absl::Status Failed(const char* call, const std::string& name) const;

  const std::string path_;
  const ScopedFd fd_;  // of the folder; carries the lock
};

}  // namespace feedfarm
