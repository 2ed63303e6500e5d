#include "pipeline/journal/testing/killing_folder.h"

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {

class KillingFolder::File final : public JournalFile {
 public:
  File(const KillingFolder* folder, std::string name, std::unique_ptr<JournalFile> file)
      : folder_(folder), name_(std::move(name)), file_(std::move(file)) {}

  absl::Status Append(std::span<const uint8_t> bytes) override {
    return folder_->Around(name_, "write", [&] {
      const size_t half = bytes.size() / 2;
      FEEDFARM_RETURN_IF_ERROR(file_->Append(bytes.first(half)));
      folder_->At(name_, "inside", "write");
      return file_->Append(bytes.subspan(half));
    });
  }
  absl::Status Sync() override {
    return folder_->Around(name_, "fsync", [&] { return file_->Sync(); });
  }

 private:
  const KillingFolder* const folder_;
  const std::string name_;
  const std::unique_ptr<JournalFile> file_;
};

absl::StatusOr<std::unique_ptr<JournalFile>> KillingFolder::Create(const std::string& name) {
  At(name, "before", "create");
  FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<JournalFile> file, folder_->Create(name));
  At(name, "after", "create");
  return std::make_unique<File>(this, name, std::move(file));
}

void KillingFolder::At(absl::string_view name, absl::string_view when, absl::string_view step) const {
  const absl::string_view kind = name.substr(0, name.find('-'));
  at_point_(absl::StrCat(kind, kind.empty() ? "" : "-", when, "-", step));
}

}  // namespace feedfarm
