#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/journal/journal_folder.h"
#include "pipeline/journal/numbered_name.h"
#include "pipeline/journal/snapshot.h"

namespace feedfarm {

// The snapshots of a folder: makes new ones and removes what they make superfluous. Two whole ones are kept, and every
// segment from the older one on, so that damage to the newest costs nothing but time. One thread (journal).
class SnapshotStore {
 public:
  // `whole_record`: of the snapshot that recovery loaded, if it did.
  SnapshotStore(JournalFolder* folder, std::optional<uint64_t> whole_record);

  // The newest whole one, none = there is none.
  std::optional<uint64_t> newest() const;

  // Commits the state: a file beside, durable, renamed, the name durable. The segment that begins at the state's cursor
  // is there and durable. Errno of what failed; the snapshots before stay.
  template <class Book>
  absl::Status Commit(const SnapshotHeader& header, const Book& book) {
    const std::string name = kSnapshotName.Of(header.cursor.record);
    const std::string unfinished = absl::StrCat(name, kUnfinished);
    FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<JournalFile> file, folder_->Create(unfinished));
    SnapshotWriter writer(std::move(file));
    writer.Begin(header);
    book.EmitState([&writer](std::span<const uint8_t> message) { writer.Append(message); });
    FEEDFARM_RETURN_IF_ERROR(writer.Finish());
    FEEDFARM_RETURN_IF_ERROR(folder_->Rename(unfinished, name));
    FEEDFARM_RETURN_IF_ERROR(folder_->SyncNames());
    NoteWhole(header.cursor.record);
    return absl::OkStatus();
  }

  // Removes older snapshots, interrupted files, and the segments that no kept snapshot needs. Errno of what failed;
  // done again next time.
  absl::Status Prune();

 private:
  static constexpr size_t kKept = 2;
  void NoteWhole(uint64_t record);

  JournalFolder* const folder_;
  std::vector<uint64_t> whole_;  // rising, at most kKept
};

}  // namespace feedfarm
