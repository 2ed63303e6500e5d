#include "pipeline/journal/testing/model_folder.h"

#include <glog/logging.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

// Small, so that small files have several.
constexpr size_t kPageBytes = 64;

}  // namespace

class ModelFolder::OpenFile final : public JournalFile {
 public:
  OpenFile(ModelFolder* folder, std::string name, std::shared_ptr<File> file)
      : folder_(folder), name_(std::move(name)), file_(std::move(file)) {}
  absl::Status Append(std::span<const uint8_t> bytes) override { return folder_->AppendTo(*file_, name_, bytes); }
  absl::Status Sync() override { return folder_->SyncTo(*file_, name_); }

 private:
  ModelFolder* const folder_;
  const std::string name_;
  const std::shared_ptr<File> file_;
};

absl::Status ModelFolder::Gone() { return absl::AbortedError("the process is no more"); }

absl::StatusOr<std::vector<std::string>> ModelFolder::List() {
  if (stopped()) return Gone();
  std::vector<std::string> names;
  for (const auto& [name, file] : names_) names.push_back(name);
  std::reverse(names.begin(), names.end());  // in no order
  return names;
}

absl::Status ModelFolder::Read(const std::string& name, FileBytes* out) {
  if (stopped()) return Gone();
  const auto at = names_.find(name);
  if (at == names_.end()) return ErrnoStatus(absl::StrCat("open ", PathOf(name)), ENOENT);
  uint8_t* const to = out->Resize(at->second->bytes.size());
  std::copy(at->second->bytes.begin(), at->second->bytes.end(), to);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<JournalFile>> ModelFolder::Create(const std::string& name) {
  if (!Alive()) return Gone();
  auto file = std::make_shared<File>();
  names_[name] = file;
  if (!Alive()) return Gone();
  return std::make_unique<OpenFile>(this, name, std::move(file));
}

absl::Status ModelFolder::AppendTo(File& file, const std::string& name, std::span<const uint8_t> bytes) {
  if (!Alive()) return Gone();
  if (append_error_ != 0 && bytes.size() > append_bytes_left_) {
    file.bytes.insert(file.bytes.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(append_bytes_left_));
    append_bytes_left_ = 0;
    return ErrnoStatus(absl::StrCat("write ", PathOf(name)), append_error_);
  }
  append_bytes_left_ -= std::min<uint64_t>(append_bytes_left_, bytes.size());
  const size_t half = bytes.size() / 2;
  file.bytes.insert(file.bytes.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(half));
  if (!Alive()) return Gone();
  file.bytes.insert(file.bytes.end(), bytes.begin() + static_cast<ptrdiff_t>(half), bytes.end());
  return Alive() ? absl::OkStatus() : Gone();
}

absl::Status ModelFolder::SyncTo(File& file, const std::string& name) {
  if (!Alive()) return Gone();
  if (sync_error_ != 0) return ErrnoStatus(absl::StrCat("fdatasync ", PathOf(name)), sync_error_);
  file.durable = file.bytes;
  return Alive() ? absl::OkStatus() : Gone();
}

absl::Status ModelFolder::Truncate(const std::string& name, uint64_t bytes) {
  if (!Alive()) return Gone();
  Bytes(name).resize(bytes);
  return Alive() ? absl::OkStatus() : Gone();
}

absl::Status ModelFolder::SyncFile(const std::string& name) {
  CHECK(Has(name)) << name;
  return SyncTo(*names_[name], name);
}

absl::Status ModelFolder::Rename(const std::string& from, const std::string& to) {
  if (!Alive()) return Gone();
  CHECK(Has(from)) << from;
  names_[to] = names_[from];
  names_.erase(from);
  return Alive() ? absl::OkStatus() : Gone();
}

absl::Status ModelFolder::Remove(const std::string& name) {
  if (!Alive()) return Gone();
  CHECK(Has(name)) << name;
  names_.erase(name);
  return Alive() ? absl::OkStatus() : Gone();
}

absl::Status ModelFolder::SyncNames() {
  if (!Alive()) return Gone();
  durable_names_ = names_;
  return Alive() ? absl::OkStatus() : Gone();
}

void ModelFolder::PowerCut(uint64_t seed) {
  Rng rng(seed);
  // Each name on its own is as it was synced, or as it is: a rename's two halves too may be parted.
  Names left;
  Names all = durable_names_;
  all.insert(names_.begin(), names_.end());
  for (const auto& [name, unused] : all) {
    const Names& from = rng.Below(2) == 0 ? names_ : durable_names_;
    if (const auto at = from.find(name); at != from.end()) left[name] = at->second;
  }
  names_ = std::move(left);
  for (const auto& [name, file] : names_) Tear(*file, rng);
  durable_names_ = names_;
  Restart();
}

// The size is any between the synced and the present one; each page that differs is old, new, or zeros where it is new.
void ModelFolder::Tear(File& file, Rng& rng) {
  if (file.bytes == file.durable) return;
  const size_t least = std::min(file.bytes.size(), file.durable.size());
  const size_t most = std::max(file.bytes.size(), file.durable.size());
  std::vector<uint8_t> left(least + rng.Below(most - least + 1));
  if (rng.Below(3) == 0) left.resize(most);
  for (size_t page = 0; page < left.size(); page += kPageBytes) {
    const std::vector<uint8_t>& from = rng.Below(2) == 0 ? file.bytes : file.durable;
    const size_t end = std::min(left.size(), page + kPageBytes);
    for (size_t i = page; i < end; ++i) left[i] = i < from.size() ? from[i] : 0;
  }
  // What was synced and is there still is on the disk.
  std::copy_n(file.durable.begin(), least, left.begin());
  file.bytes = file.durable = std::move(left);
}

void ModelFolder::Restart() {
  stop_at_ = 0;
  steps_ = 0;
  append_error_ = 0;
  sync_error_ = 0;
}

std::vector<uint8_t>& ModelFolder::Bytes(const std::string& name) {
  CHECK(Has(name)) << name;
  return names_[name]->bytes;
}

void ModelFolder::Erase(const std::string& name) {
  CHECK(Has(name)) << name;
  names_.erase(name);
}

}  // namespace feedfarm
