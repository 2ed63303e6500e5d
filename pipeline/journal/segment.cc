#include "pipeline/journal/segment.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "pipeline/base/endian.h"

namespace feedfarm {
namespace {

constexpr char kMagic[8] = {'F', 'F', 'J', 'R', 'N', 'L', '\r', '\n'};
constexpr uint32_t kVersion = 1;
constexpr size_t kPageBytes = 4096;

// Offsets in the header.
constexpr size_t kVersionAt = 8;
constexpr size_t kBytesAt = 12;
constexpr size_t kSaltAt = 16;
constexpr size_t kCursorAt = 24;
constexpr size_t kChecksumAt = kCursorAt + kCursorBytes;
static_assert(kChecksumAt + 8 == kSegmentHeaderBytes && kSegmentHeaderBytes % kRecordAlign == 0);

}  // namespace

void EncodeSegmentHeader(const SegmentHeader& header, uint8_t* at) {
  std::memcpy(at, kMagic, sizeof kMagic);
  StoreLittle<uint32_t>(at + kVersionAt, kVersion);
  StoreLittle<uint32_t>(at + kBytesAt, kSegmentHeaderBytes);
  StoreLittle<uint64_t>(at + kSaltAt, header.salt);
  EncodeCursor(header.cursor, at + kCursorAt);
  StoreLittle<uint64_t>(at + kChecksumAt, XXH3_64bits(at, kChecksumAt));
}

absl::StatusOr<SegmentHeader> ParseSegmentHeader(std::span<const uint8_t> segment) {
  if (segment.size() < kSegmentHeaderBytes) return absl::DataLossError("shorter than a segment's header");
  const uint8_t* const at = segment.data();
  if (std::memcmp(at, kMagic, sizeof kMagic) != 0) return absl::DataLossError("no journal segment: other magic");
  if (const uint32_t version = LoadLittle<uint32_t>(at + kVersionAt); version != kVersion) {
    return absl::UnimplementedError(absl::StrCat("journal segment of version ", version));
  }
  SegmentHeader header;
  header.salt = LoadLittle<uint64_t>(at + kSaltAt);
  if (LoadLittle<uint64_t>(at + kChecksumAt) != XXH3_64bits(at, kChecksumAt) ||
      LoadLittle<uint32_t>(at + kBytesAt) != kSegmentHeaderBytes || !DecodeCursor(at + kCursorAt, &header.cursor)) {
    return absl::DataLossError("damaged segment header at offset 0");
  }
  return header;
}

bool SegmentWalk::Altered() const {
  const std::span<const uint8_t> rest = segment_.subspan(offset_);
  const std::optional<size_t> bytes = ClaimedRecordBytes(rest);
  if (!bytes || *bytes > rest.size()) return false;
  // A page that was never written is all zeros.
  const std::span<const uint8_t> last = rest.first(*bytes).last(std::min(*bytes, kPageBytes));
  return std::ranges::any_of(last, [](uint8_t byte) { return byte != 0; });
}

SegmentWalk::Tail SegmentWalk::SearchBehind() const {
  Tail tail;
  RecordView record;
  for (uint64_t at = offset_ + kRecordAlign; at < segment_.size();) {
    if (!ParseRecord(segment_.subspan(at), salt_, at, &record)) {
      at += kRecordAlign;
      continue;
    }
    ++tail.whole_records;
    tail.was_durable |= record.header.durable_offset > offset_;
    at += record.bytes;
  }
  return tail;
}

}  // namespace feedfarm
