#include "pipeline/journal/record.h"

#define XXH_INLINE_ALL
#include <glog/logging.h>
#include <xxhash.h>

#include "pipeline/base/endian.h"

namespace feedfarm {
namespace {

// Offsets in the header.
constexpr size_t kChecksum = 0;
constexpr size_t kMagic = 8;  // u16
constexpr size_t kKind = 10;
constexpr size_t kFlags = 11;
constexpr size_t kBodyBytes = 12;
constexpr size_t kNumber = 16;
constexpr size_t kDurable = 24;
constexpr size_t kFirstSequence = 32;
constexpr size_t kGeneration = 40;
constexpr size_t kCount = 44;
static_assert(kCount + 4 == kRecordHeaderBytes);

// Lets the search for a record behind damage pass over most bytes without hashing.
constexpr uint16_t kMagicValue = 0x4A46;

uint64_t Checksum(const uint8_t* at, size_t bytes, uint64_t salt, uint64_t offset) {
  return XXH3_64bits_withSeed(at + kMagic, bytes - kMagic, salt + offset);
}

}  // namespace

void SealRecord(const RecordHeader& header, uint64_t salt, uint64_t offset, uint8_t* at) {
  CHECK_LE(header.body_bytes, kRecordBodyMax);
  const size_t bytes = RecordBytes(header.body_bytes);
  uint8_t* const behind = at + kRecordHeaderBytes + header.body_bytes;
  std::memset(behind, 0, static_cast<size_t>(at + bytes - behind));
  StoreLittle<uint16_t>(at + kMagic, kMagicValue);
  at[kKind] = static_cast<uint8_t>(header.kind);
  at[kFlags] = header.flags;
  StoreLittle<uint32_t>(at + kBodyBytes, header.body_bytes);
  StoreLittle<uint64_t>(at + kNumber, header.record);
  StoreLittle<uint64_t>(at + kDurable, header.durable_offset);
  StoreLittle<uint64_t>(at + kFirstSequence, header.first_sequence);
  StoreLittle<uint32_t>(at + kGeneration, header.generation);
  StoreLittle<uint32_t>(at + kCount, header.count);
  StoreLittle<uint64_t>(at + kChecksum, Checksum(at, bytes, salt, offset));
}

std::optional<size_t> ClaimedRecordBytes(std::span<const uint8_t> bytes) {
  if (bytes.size() < kRecordHeaderBytes || LoadLittle<uint16_t>(bytes.data() + kMagic) != kMagicValue) return std::nullopt;
  const uint32_t body_bytes = LoadLittle<uint32_t>(bytes.data() + kBodyBytes);
  if (body_bytes > kRecordBodyMax) return std::nullopt;
  return RecordBytes(body_bytes);
}

bool ParseRecord(std::span<const uint8_t> bytes, uint64_t salt, uint64_t offset, RecordView* record) {
  const std::optional<size_t> claimed = ClaimedRecordBytes(bytes);
  if (!claimed) return false;
  const uint8_t* const at = bytes.data();
  const uint32_t body_bytes = LoadLittle<uint32_t>(at + kBodyBytes);
  const size_t whole = *claimed;
  if (bytes.size() < whole || LoadLittle<uint64_t>(at + kChecksum) != Checksum(at, whole, salt, offset)) return false;
  record->header = {.kind = static_cast<RecordKind>(at[kKind]),
                    .flags = at[kFlags],
                    .generation = LoadLittle<uint32_t>(at + kGeneration),
                    .count = LoadLittle<uint32_t>(at + kCount),
                    .first_sequence = LoadLittle<uint64_t>(at + kFirstSequence),
                    .record = LoadLittle<uint64_t>(at + kNumber),
                    .durable_offset = LoadLittle<uint64_t>(at + kDurable),
                    .body_bytes = body_bytes};
  record->body = bytes.subspan(kRecordHeaderBytes, body_bytes);
  record->bytes = whole;
  return true;
}

}  // namespace feedfarm
