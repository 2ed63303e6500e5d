#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "pipeline/journal/journal_cursor.h"
#include "pipeline/journal/record.h"

namespace feedfarm {

// A segment file: a header, then records without gaps. FORMAT.md, "Segments".
inline constexpr size_t kSegmentHeaderBytes = 24 + kCursorBytes + 8;

struct SegmentHeader {
  uint64_t salt = 0;     // makes this segment's checksums its own
  JournalCursor cursor;  // before its first record
};

void EncodeSegmentHeader(const SegmentHeader& header, uint8_t* at);
// DATA_LOSS: too short, another magic, a damaged header; UNIMPLEMENTED: another version.
absl::StatusOr<SegmentHeader> ParseSegmentHeader(std::span<const uint8_t> segment);

// Walks over the records of a whole segment in memory. Pure; any bytes.
class SegmentWalk {
 public:
  SegmentWalk(std::span<const uint8_t> segment, uint64_t salt) : segment_(segment), salt_(salt) {}

  // The next record. False: at_end(), or what stands at offset() is no whole record.
  bool Next(RecordView* record) {
    if (!ParseRecord(segment_.subspan(offset_), salt_, offset_, record)) return false;
    offset_ += record->bytes;
    return true;
  }
  bool at_end() const { return offset_ == segment_.size(); }
  uint64_t offset() const { return offset_; }

  struct Tail {
    uint64_t whole_records = 0;  // somewhere behind offset()
    bool was_durable = false;    // one of them says that the bytes at offset() had been synced: they are damaged
  };
  // What stands at offset() has a record's header, and the segment has all the bytes that it asks for, its last page not only zeros.
  bool Altered() const;
  // Looks at everything behind offset(), where no whole record is. Cost: a pass over the rest.
  Tail SearchBehind() const;

 private:
  const std::span<const uint8_t> segment_;
  const uint64_t salt_;
  uint64_t offset_ = kSegmentHeaderBytes;
};

}  // namespace feedfarm
