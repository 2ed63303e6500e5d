#include "coordinator/store/artifact_inbox.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "coordinator/store/artifacts.h"
#include "pipeline/base/status_macros.h"
#include "proto/role_name.h"

namespace feedfarm {
namespace {

absl::Status SyncFolder(const std::filesystem::path& folder) {
  ScopedFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return ErrnoStatus(absl::StrCat("fsync ", folder.string()));
  return absl::OkStatus();
}

absl::Status MakeFolder(const std::filesystem::path& folder) {
  std::error_code error;
  if (!std::filesystem::create_directories(folder, error) && error) {
    return ErrnoStatus(absl::StrCat("mkdir ", folder.string()), error.value());
  }
  return SyncFolder(folder.parent_path());
}

}  // namespace

bool IsPlainFileName(std::string_view name) {
  return !name.empty() && name.size() <= ArtifactInbox::kNameMax && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
         });
}

absl::StatusOr<std::unique_ptr<ArtifactInbox>> ArtifactInbox::Create(std::filesystem::path folder, Store* store) {
  std::unique_ptr<ArtifactInbox> inbox(new ArtifactInbox(std::move(folder), store));
  std::error_code error;
  std::filesystem::remove_all(inbox->incoming(), error);
  FEEDFARM_RETURN_IF_ERROR(MakeFolder(inbox->incoming()));
  return inbox;
}

absl::StatusOr<std::unique_ptr<ArtifactInbox::Upload>> ArtifactInbox::Begin(const std::string& run_id, v1::Role role,
                                                                            const std::string& name) {
  if (!IsPlainFileName(name)) {
    return absl::InvalidArgumentError(absl::StrCat("artifact name '", name.substr(0, kNameMax), "' is no plain file name"));
  }
  // Two roles may have a file of one name: the source's gets its role in front.
  std::string stored = name;
  FEEDFARM_RETURN_IF_ERROR(store_->Read([&](Database& database) -> absl::Status {
    FEEDFARM_ASSIGN_OR_RETURN(const auto artifacts, ArtifactsOf(database, run_id));
    if (artifacts.size() >= kFilesMax) return absl::ResourceExhaustedError(absl::StrCat("run ", run_id, " has too many files"));
    for (const record::ArtifactRecord& other : artifacts) {
      if (other.name() == name && other.role() != role) {
        stored = absl::StrCat(RoleName(role), "-", name);
      }
    }
    return absl::OkStatus();
  }));
  std::unique_ptr<Upload> upload(new Upload(this, run_id, role, std::move(stored)));
  if (!upload->fd_.valid()) return ErrnoStatus(absl::StrCat("create ", upload->path_.string()));
  return upload;
}

ArtifactInbox::Upload::Upload(ArtifactInbox* inbox, std::string run_id, v1::Role role, std::string name)
    : inbox_(inbox),
      run_id_(std::move(run_id)),
      role_(role),
      name_(std::move(name)),
      path_(inbox->incoming() / absl::StrCat(inbox->uploads_.fetch_add(1))),
      fd_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {}

ArtifactInbox::Upload::~Upload() {
  if (fd_.valid()) ::unlink(path_.c_str());
}

absl::Status ArtifactInbox::Upload::Write(std::string_view bytes) {
  if (bytes.size() > kFileBytesMax - size_bytes_) {
    return absl::ResourceExhaustedError(absl::StrCat("artifact ", name_, " is larger than ", kFileBytesMax, " bytes"));
  }
  digest_.Add(bytes);
  size_bytes_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus(absl::StrCat("write ", path_.string()));
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ArtifactReceipt> ArtifactInbox::Upload::Commit() {
  if (::fsync(fd_.get()) != 0) return ErrnoStatus(absl::StrCat("fsync ", path_.string()));
  const std::filesystem::path folder = inbox_->FolderOf(run_id_);
  FEEDFARM_RETURN_IF_ERROR(MakeFolder(folder));
  const std::filesystem::path target = folder / name_;
  if (::rename(path_.c_str(), target.c_str()) != 0) return ErrnoStatus(absl::StrCat("rename to ", target.string()));
  fd_.Reset();
  FEEDFARM_RETURN_IF_ERROR(SyncFolder(folder));
  record::ArtifactRecord artifact;
  artifact.set_run_id(run_id_);
  artifact.set_role(role_);
  artifact.set_name(name_);
  artifact.set_size_bytes(size_bytes_);
  artifact.set_digest(digest_.Finish());
  FEEDFARM_RETURN_IF_ERROR(inbox_->store_->Write([&](Database& database) { return PutArtifact(database, artifact); }));
  v1::ArtifactReceipt receipt;
  receipt.set_size_bytes(artifact.size_bytes());
  receipt.set_digest(artifact.digest());
  return receipt;
}

}  // namespace feedfarm
