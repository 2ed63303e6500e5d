#include "pipeline/journal/segment_writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/journal/numbered_name.h"
#include "pipeline/journal/segment.h"

namespace feedfarm {

SegmentWriter::SegmentWriter(const JournalOptions& options, JournalFolder* folder, const Clock* clock,
                             uint64_t salt_seed, JournalStats* stats)
    : options_(options),
      folder_(folder),
      clock_(clock),
      stats_(stats),
      salts_(salt_seed),
      // One run more than asked for, and a front behind it.
      group_(options.group_bytes + 2 * RecordBytes(kRecordBodyMax)) {}

bool SegmentWriter::segment_empty() const { return offset_ == kSegmentHeaderBytes; }

absl::Status SegmentWriter::Begin(const JournalCursor& cursor) {
  if (file_ != nullptr) FEEDFARM_RETURN_IF_ERROR(Sync());
  file_.reset();
  const std::string name = kSegmentName.Of(cursor.record);
  const std::string unfinished = absl::StrCat(name, kUnfinished);
  salt_ = salts_.Next();
  std::array<uint8_t, kSegmentHeaderBytes> header;
  EncodeSegmentHeader({.salt = salt_, .cursor = cursor}, header.data());
  FEEDFARM_ASSIGN_OR_RETURN(file_, folder_->Create(unfinished));
  FEEDFARM_RETURN_IF_ERROR(file_->Append(header));
  FEEDFARM_RETURN_IF_ERROR(file_->Sync());
  FEEDFARM_RETURN_IF_ERROR(folder_->Rename(unfinished, name));
  FEEDFARM_RETURN_IF_ERROR(folder_->SyncNames());
  offset_ = durable_offset_ = kSegmentHeaderBytes;
  next_record_ = cursor.record;
  ++stats_->segments;
  return absl::OkStatus();
}

bool SegmentWriter::Take(JournalRing& ring) {
  stats_->ring_high_water_bytes = std::max<uint64_t>(stats_->ring_high_water_bytes, ring.used_bytes());
  taken_.clear();
  group_bytes_ = 0;
  group_messages_ = 0;
  size_t taken = 0;
  RingRun run;
  while (group_bytes_ + (is_open_ ? RecordBytes(open_.body_bytes) : 0) < options_.group_bytes &&
         ring.Peek(taken, &run)) {
    Add(run);
    taken += run.bytes;
  }
  if (taken == 0) return false;
  AddFront();
  Close();
  ring.Consume(taken);
  return true;
}

void SegmentWriter::Add(const RingRun& run) {
  if (run.kind == RecordKind::kFront) {
    front_.assign(run.body.begin(), run.body.end());
    front_generation_ = run.generation;
    return;
  }
  if (!Continues(run)) {
    if (run.kind == RecordKind::kBegin) AddFront();
    Open(run);
  }
  uint8_t* const body = group_.data() + group_bytes_ + kRecordHeaderBytes + open_.body_bytes;
  if (!run.body.empty()) std::memcpy(body, run.body.data(), run.body.size());
  open_.body_bytes += static_cast<uint32_t>(run.body.size());
  open_.count += run.count;
  if (run.kind == RecordKind::kMessages) group_messages_ += run.count;
}

bool SegmentWriter::Continues(const RingRun& run) const {
  if (!is_open_ || run.kind != open_.kind || open_.body_bytes + run.body.size() > kRecordBodyMax) return false;
  if (run.kind == RecordKind::kState) return run.flags == 0 && open_.flags == 0;
  return run.kind == RecordKind::kMessages && run.generation == open_.generation &&
         run.first_sequence == open_.first_sequence + open_.count;
}

void SegmentWriter::AddFront() {
  if (front_.empty()) return;
  Open({.kind = RecordKind::kFront, .generation = front_generation_, .body = {}});
  std::memcpy(group_.data() + group_bytes_ + kRecordHeaderBytes, front_.data(), front_.size());
  open_.body_bytes = static_cast<uint32_t>(front_.size());
  front_.clear();
}

void SegmentWriter::Open(const RingRun& run) {
  Close();
  open_ = {.kind = run.kind,
           .flags = run.flags,
           .generation = run.generation,
           .first_sequence = run.first_sequence,
           .record = next_record_++,
           .durable_offset = durable_offset_};
  is_open_ = true;
}

void SegmentWriter::Close() {
  if (!is_open_) return;
  is_open_ = false;
  uint8_t* const at = group_.data() + group_bytes_;
  SealRecord(open_, salt_, offset_ + group_bytes_, at);
  const size_t bytes = RecordBytes(open_.body_bytes);
  taken_.push_back({.header = open_, .body = {at + kRecordHeaderBytes, open_.body_bytes}, .bytes = bytes});
  group_bytes_ += bytes;
}

absl::Status SegmentWriter::Write() {
  const uint64_t begin_ns = clock_->Monotonic();
  FEEDFARM_RETURN_IF_ERROR(file_->Append(std::span(group_).first(group_bytes_)));
  stats_->write_max_ns = std::max(stats_->write_max_ns, clock_->Monotonic() - begin_ns);
  offset_ += group_bytes_;
  ++stats_->groups;
  stats_->bytes += group_bytes_;
  stats_->records += taken_.size();
  stats_->messages += group_messages_;
  return absl::OkStatus();
}

absl::Status SegmentWriter::Sync() {
  if (!dirty()) return absl::OkStatus();
  const uint64_t begin_ns = clock_->Monotonic();
  FEEDFARM_RETURN_IF_ERROR(file_->Sync());
  stats_->sync_max_ns = std::max(stats_->sync_max_ns, clock_->Monotonic() - begin_ns);
  ++stats_->syncs;
  durable_offset_ = offset_;
  return absl::OkStatus();
}

absl::Status SegmentWriter::Seal() {
  if (segment_empty()) return absl::OkStatus();
  FEEDFARM_RETURN_IF_ERROR(Sync());
  taken_.clear();
  group_bytes_ = 0;
  group_messages_ = 0;
  Open({.kind = RecordKind::kSeal, .body = {}});
  Close();
  FEEDFARM_RETURN_IF_ERROR(Write());
  return Sync();
}

}  // namespace feedfarm
