#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace feedfarm {

// A file's bytes; the memory is used again for the next file.
class FileBytes {
 public:
  // Room for `bytes`, contents undefined.
  uint8_t* Resize(size_t bytes) {
    if (bytes > capacity_) {
      memory_.reset(new uint8_t[bytes]);
      capacity_ = bytes;
    }
    size_ = bytes;
    return memory_.get();
  }
  std::span<const uint8_t> bytes() const { return {memory_.get(), size_}; }

 private:
  std::unique_ptr<uint8_t[]> memory_;
  size_t capacity_ = 0;
  size_t size_ = 0;
};

// A file that grows at its end. Closed with its life; closing makes nothing durable.
class JournalFile {
 public:
  virtual ~JournalFile() = default;
  // Writes all of it. After an error the file may hold any part of it.
  virtual absl::Status Append(std::span<const uint8_t> bytes) = 0;
  // Makes the file's bytes durable, not its name.
  virtual absl::Status Sync() = 0;
};

// One folder of files, by names without a slash: what the journal needs of a file system, so that tests can take power
// and processes away at each step. Every error carries errno and the file's name. One thread at a time.
class JournalFolder {
 public:
  virtual ~JournalFolder() = default;
  // Names of the files, in no order.
  virtual absl::StatusOr<std::vector<std::string>> List() = 0;
  // The whole file. NOT_FOUND where there is none.
  virtual absl::Status Read(const std::string& name, FileBytes* out) = 0;
  // The file will be read soon: a hint.
  virtual void Expect(const std::string& name) = 0;
  // An empty file; one of this name is emptied.
  virtual absl::StatusOr<std::unique_ptr<JournalFile>> Create(const std::string& name) = 0;
  // Cuts the file; durable after SyncFile.
  virtual absl::Status Truncate(const std::string& name, uint64_t bytes) = 0;
  virtual absl::Status SyncFile(const std::string& name) = 0;
  // Replaces `to`. Names are durable after SyncNames.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  virtual absl::Status Remove(const std::string& name) = 0;
  virtual absl::Status SyncNames() = 0;
  // For sentences: "/var/journal/name".
  virtual std::string PathOf(const std::string& name) const = 0;
};

}  // namespace feedfarm
