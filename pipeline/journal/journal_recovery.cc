#include "pipeline/journal/journal_recovery.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/journal/numbered_name.h"

namespace feedfarm {
namespace {

absl::Status At(const absl::Status& status, const std::string& path) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace

absl::StatusOr<RecoveryReport> JournalRecovery::Run() {
  uint64_t unfinished_states = 0;
  for (;;) {
    report_ = {};
    report_.unfinished_states = unfinished_states;
    sink_->Reset();
    const uint64_t begin_ns = clock_->Monotonic();
    FEEDFARM_RETURN_IF_ERROR(List());
    FEEDFARM_RETURN_IF_ERROR(LoadSnapshot());
    report_.snapshot_ns = clock_->Monotonic() - begin_ns;
    FEEDFARM_RETURN_IF_ERROR(ReplaySegments());
    report_.replay_ns = clock_->Monotonic() - begin_ns - report_.snapshot_ns;
    if (!sink_->in_state()) return report_;
    // The book holds a part of a state; what was before it is gone. Once more, up to where it began.
    FEEDFARM_RETURN_IF_ERROR(CutBehind(state_place_));
    ++unfinished_states;
  }
}

absl::Status JournalRecovery::List() {
  FEEDFARM_ASSIGN_OR_RETURN(const std::vector<std::string> names, folder_->List());
  segments_.clear();
  snapshots_.clear();
  for (const std::string& name : names) {
    if (const std::optional<uint64_t> record = kSegmentName.Number(name)) segments_.push_back(*record);
    if (const std::optional<uint64_t> record = kSnapshotName.Number(name)) snapshots_.push_back(*record);
    if (name.ends_with(kUnfinished)) FEEDFARM_RETURN_IF_ERROR(folder_->Remove(name));
  }
  std::sort(segments_.begin(), segments_.end());
  std::sort(snapshots_.begin(), snapshots_.end());
  return absl::OkStatus();
}

absl::Status JournalRecovery::LoadSnapshot() {
  for (size_t i = snapshots_.size(); i-- > 0;) {
    const std::string name = kSnapshotName.Of(snapshots_[i]);
    const absl::Status status = LoadSnapshotFile(name);
    if (status.ok()) return status;
    report_.damaged_snapshots.push_back(absl::StrCat(folder_->PathOf(name), ": ", status.message()));
    sink_->Reset();
  }
  return absl::OkStatus();
}

absl::Status JournalRecovery::LoadSnapshotFile(const std::string& name) {
  FEEDFARM_RETURN_IF_ERROR(folder_->Read(name, &bytes_));
  FEEDFARM_ASSIGN_OR_RETURN(const SnapshotView snapshot, ParseSnapshot(bytes_.bytes()));
  if (snapshot.header.cursor.record != *kSnapshotName.Number(name)) {
    return absl::DataLossError(absl::StrCat("is of record ", snapshot.header.cursor.record));
  }
  FEEDFARM_RETURN_IF_ERROR(sink_->Load(snapshot));
  report_.snapshot = name;
  report_.snapshot_record = snapshot.header.cursor.record;
  report_.snapshot_messages = snapshot.messages;
  return absl::OkStatus();
}

absl::Status JournalRecovery::ReplaySegments() {
  const size_t first = static_cast<size_t>(
      std::lower_bound(segments_.begin(), segments_.end(), sink_->cursor().record) - segments_.begin());
  FEEDFARM_RETURN_IF_ERROR(CheckComplete(first));
  for (size_t i = first; i < segments_.size(); ++i) {
    if (i + 1 < segments_.size()) folder_->Expect(kSegmentName.Of(segments_[i + 1]));
    FEEDFARM_RETURN_IF_ERROR(ReplaySegment(i));
  }
  // What a killed process wrote is read, but perhaps not on the disk: once a segment stands behind it, it must be.
  return segments_.empty() ? absl::OkStatus() : folder_->SyncFile(kSegmentName.Of(segments_.back()));
}

// The segment of the cursor's record must be there, unless nothing at all is.
absl::Status JournalRecovery::CheckComplete(size_t first) const {
  const uint64_t record = sink_->cursor().record;
  if (first < segments_.size() && segments_[first] == record) return absl::OkStatus();
  if (segments_.empty() && snapshots_.empty()) return absl::OkStatus();
  std::string damaged;
  for (const std::string& snapshot : report_.damaged_snapshots) absl::StrAppend(&damaged, "; ", snapshot);
  return absl::DataLossError(absl::StrCat(
      folder_->PathOf(kSegmentName.Of(record)), " is missing: records ", record, " to ",
      first < segments_.size() ? absl::StrCat(segments_[first] - 1) : std::string("the end"),
      report_.snapshot.empty() ? " are in no segment and no whole snapshot is there" : " are in no segment", damaged));
}

absl::Status JournalRecovery::ReplaySegment(size_t index) {
  const std::string name = kSegmentName.Of(segments_[index]);
  const std::string path = folder_->PathOf(name);
  if (segments_[index] < sink_->cursor().record) {
    return absl::DataLossError(absl::StrCat(path, " begins before the end of the segment before it"));
  }
  if (segments_[index] > sink_->cursor().record) return CheckComplete(index);
  FEEDFARM_RETURN_IF_ERROR(folder_->Read(name, &bytes_));
  const std::span<const uint8_t> segment = bytes_.bytes();
  const absl::StatusOr<SegmentHeader> header = ParseSegmentHeader(segment);
  if (!header.ok()) return At(header.status(), path);
  if (!(header->cursor == sink_->cursor())) {
    return absl::DataLossError(absl::StrCat(path, ": its header contradicts the records before it"));
  }
  SegmentWalk walk(segment, header->salt);
  RecordView record;
  for (uint64_t offset = walk.offset(); walk.Next(&record); offset = walk.offset()) {
    if (record.header.kind == RecordKind::kState && (record.header.flags & kStateFirst) != 0) {
      state_place_ = {.segment = index, .offset = offset};
    }
    const uint64_t messages_before = sink_->cursor().messages;
    if (const absl::Status status = sink_->Apply(record); !status.ok()) {
      return At(status, absl::StrCat(path, " at offset ", offset));
    }
    ++report_.records;
    report_.messages += sink_->cursor().messages - messages_before;
  }
  ++report_.segments;
  report_.bytes += walk.offset();
  return walk.at_end() ? absl::OkStatus() : CutTorn(index, walk, segment.size());
}

absl::Status JournalRecovery::CutTorn(size_t index, const SegmentWalk& walk, uint64_t segment_bytes) {
  const std::string name = kSegmentName.Of(segments_[index]);
  const SegmentWalk::Tail tail = walk.SearchBehind();
  const bool newest = index + 1 == segments_.size();
  if (!newest || tail.was_durable) {
    return absl::DataLossError(absl::StrCat(folder_->PathOf(name), ": damaged record at offset ", walk.offset(), ", ",
                                            segment_bytes - walk.offset(), " bytes before the segment's end",
                                            newest ? ", with records behind it" : ", with segments behind it"));
  }
  report_.torn_segment = name;
  report_.torn_offset = walk.offset();
  report_.torn_bytes = segment_bytes - walk.offset();
  report_.torn_records = tail.whole_records;
  report_.torn_altered = walk.Altered();
  return folder_->Truncate(name, walk.offset());  // synced with the newest segment
}

// The newest segment goes first: after each step what is left is a journal without a hole.
absl::Status JournalRecovery::CutBehind(const Place& place) {
  for (size_t i = segments_.size(); i-- > place.segment + 1;) {
    FEEDFARM_RETURN_IF_ERROR(folder_->Remove(kSegmentName.Of(segments_[i])));
    FEEDFARM_RETURN_IF_ERROR(folder_->SyncNames());
  }
  return folder_->Truncate(kSegmentName.Of(segments_[place.segment]), place.offset);
}

}  // namespace feedfarm
