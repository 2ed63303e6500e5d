#include "pipeline/journal/snapshot_store.h"

#include <algorithm>

namespace feedfarm {

SnapshotStore::SnapshotStore(JournalFolder* folder, std::optional<uint64_t> whole_record) : folder_(folder) {
  if (whole_record) NoteWhole(*whole_record);
}

std::optional<uint64_t> SnapshotStore::newest() const {
  return whole_.empty() ? std::nullopt : std::optional(whole_.back());
}

void SnapshotStore::NoteWhole(uint64_t record) {
  whole_.push_back(record);
  if (whole_.size() > kKept) whole_.erase(whole_.begin());
}

absl::Status SnapshotStore::Prune() {
  if (whole_.size() < kKept) return absl::OkStatus();  // the way back is the first record
  FEEDFARM_ASSIGN_OR_RETURN(std::vector<std::string> names, folder_->List());
  // In order, and segments from the oldest on: whatever is left after a crash is without holes.
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const std::optional<uint64_t> segment = kSegmentName.Number(name);
    const std::optional<uint64_t> snapshot = kSnapshotName.Number(name);
    const bool old_segment = segment && *segment < whole_.front();
    const bool old_snapshot = snapshot && std::find(whole_.begin(), whole_.end(), *snapshot) == whole_.end();
    if (old_segment || old_snapshot) FEEDFARM_RETURN_IF_ERROR(folder_->Remove(name));
  }
  return absl::OkStatus();
}

}  // namespace feedfarm
