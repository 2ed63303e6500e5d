#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "pipeline/journal/journal_folder.h"

namespace feedfarm {

// A folder whose process can be killed around every durable step. Points are named by the file and the step:
// "journal-before-write", "journal-inside-write" (half of it is in the file), "snapshot-after-rename",
// "before-directory-sync", ...
class KillingFolder final : public JournalFolder {
 public:
  // `at_point` is called with each point as it is passed; a test counts them, or ends the process there.
  KillingFolder(JournalFolder* folder, std::function<void(const std::string&)> at_point)
      : folder_(folder), at_point_(std::move(at_point)) {}

  absl::StatusOr<std::vector<std::string>> List() override { return folder_->List(); }
  absl::Status Read(const std::string& name, FileBytes* out) override { return folder_->Read(name, out); }
  void Expect(const std::string& name) override { folder_->Expect(name); }
  absl::StatusOr<std::unique_ptr<JournalFile>> Create(const std::string& name) override;
  absl::Status Truncate(const std::string& name, uint64_t bytes) override {
    return Around(name, "truncate", [&] { return folder_->Truncate(name, bytes); });
  }
  absl::Status SyncFile(const std::string& name) override {
    return Around(name, "fsync", [&] { return folder_->SyncFile(name); });
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return Around(from, "rename", [&] { return folder_->Rename(from, to); });
  }
  absl::Status Remove(const std::string& name) override {
    return Around(name, "remove", [&] { return folder_->Remove(name); });
  }
  absl::Status SyncNames() override {
    return Around("", "directory-sync", [&] { return folder_->SyncNames(); });
  }
  std::string PathOf(const std::string& name) const override { return folder_->PathOf(name); }

 private:
  class File;

  void At(absl::string_view name, absl::string_view when, absl::string_view step) const;
  template <class Call>
  absl::Status Around(absl::string_view name, absl::string_view step, Call call) const {
    At(name, "before", step);
    const absl::Status status = call();
    At(name, "after", step);
    return status;
  }

  JournalFolder* const folder_;
  const std::function<void(const std::string&)> at_point_;
};

}  // namespace feedfarm
