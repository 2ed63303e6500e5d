#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/store/store.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/base/sha256.h"
#include "proto/agent_service.pb.h"

namespace feedfarm {

// Files that agents upload for their runs, in `folder`/<run_id>/. A file is there whole or not at all: written aside, synced, renamed,
// then entered in the store. Thread-safe; an Upload belongs to one thread.
class ArtifactInbox {
 public:
  static constexpr uint64_t kFileBytesMax = uint64_t{256} << 20;
  static constexpr size_t kNameMax = 128;
  static constexpr size_t kFilesMax = 64;  // a run

  // Makes the folder and throws half-written files of a former life away. `store` is borrowed.
  static absl::StatusOr<std::unique_ptr<ArtifactInbox>> Create(std::filesystem::path folder, Store* store);

  class Upload {
   public:
    ~Upload();
    // RESOURCE_EXHAUSTED: larger than kFileBytesMax. Else the failed call's errno.
    absl::Status Write(std::string_view bytes);
    // OK: the file and its entry are durable. Once.
    absl::StatusOr<v1::ArtifactReceipt> Commit();

   private:
    friend class ArtifactInbox;
    Upload(ArtifactInbox* inbox, std::string run_id, v1::Role role, std::string name);
    ArtifactInbox* inbox_;
    std::string run_id_;
    v1::Role role_;
    std::string name_;
    std::filesystem::path path_;
    ScopedFd fd_;
    Sha256 digest_;
    uint64_t size_bytes_ = 0;
  };

  // INVALID_ARGUMENT: `name` is no plain file name of [A-Za-z0-9._-]. The run is known to exist.
  // RESOURCE_EXHAUSTED: too many files.
  absl::StatusOr<std::unique_ptr<Upload>> Begin(const std::string& run_id, v1::Role role, const std::string& name);

  std::filesystem::path FolderOf(std::string_view run_id) const { return folder_ / run_id; }

 private:
  ArtifactInbox(std::filesystem::path folder, Store* store) : folder_(std::move(folder)), store_(store) {}
  std::filesystem::path incoming() const { return folder_ / ".incoming"; }

  const std::filesystem::path folder_;
  Store* const store_;
  std::atomic<uint64_t> uploads_{0};
};

// True for a name that stays in its folder and is shown as it is: [A-Za-z0-9._-], not starting with a dot.
bool IsPlainFileName(std::string_view name);

}  // namespace feedfarm
