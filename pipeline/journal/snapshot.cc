#include "pipeline/journal/snapshot.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pipeline/base/endian.h"

namespace feedfarm {
namespace {

constexpr char kMagic[8] = {'F', 'F', 'S', 'N', 'A', 'P', '\r', '\n'};
constexpr uint32_t kVersion = 2;

// Offsets in the header.
constexpr size_t kVersionAt = 8;
constexpr size_t kBytesAt = 12;
constexpr size_t kCursorAt = 16;
constexpr size_t kStateHashAt = kCursorAt + kCursorBytes;
constexpr size_t kTypesAt = kStateHashAt + 8;
constexpr size_t kOutcomesAt = kTypesAt + 8 * 256;
constexpr size_t kSessionChangesAt = kOutcomesAt + 8 * kBookOutcomes;
constexpr size_t kHeaderBytes = kSessionChangesAt + 8;
// The footer: messages, bytes of the body, checksum of everything before the checksum.
constexpr size_t kFooterBytes = 24;

constexpr size_t kBufferBytes = size_t{1} << 20;

}  // namespace

struct SnapshotWriter::Checksum {
  alignas(64) XXH3_state_t state;
};

SnapshotWriter::SnapshotWriter(std::unique_ptr<JournalFile> file)
    : file_(std::move(file)), checksum_(std::make_unique<Checksum>()) {
  XXH3_64bits_reset(&checksum_->state);
  buffer_.reserve(kBufferBytes);
}

SnapshotWriter::~SnapshotWriter() = default;

void SnapshotWriter::Begin(const SnapshotHeader& header) {
  std::vector<uint8_t> bytes(kHeaderBytes);
  uint8_t* const at = bytes.data();
  std::memcpy(at, kMagic, sizeof kMagic);
  StoreLittle<uint32_t>(at + kVersionAt, kVersion);
  StoreLittle<uint32_t>(at + kBytesAt, kHeaderBytes);
  EncodeCursor(header.cursor, at + kCursorAt);
  StoreLittle<uint64_t>(at + kStateHashAt, header.state_hash);
  for (size_t i = 0; i < 256; ++i) StoreLittle<uint64_t>(at + kTypesAt + 8 * i, header.tally.types[i]);
  for (size_t i = 0; i < kBookOutcomes; ++i) StoreLittle<uint64_t>(at + kOutcomesAt + 8 * i, header.tally.outcomes[i]);
  StoreLittle<uint64_t>(at + kSessionChangesAt, header.tally.session_changes);
  Put(bytes);
}

void SnapshotWriter::Append(std::span<const uint8_t> message) {
  uint8_t length[2];
  StoreLittle<uint16_t>(length, static_cast<uint16_t>(message.size()));
  Put(length);
  Put(message);
  bytes_ += sizeof length + message.size();
  ++messages_;
}

absl::Status SnapshotWriter::Finish() {
  uint8_t footer[kFooterBytes];
  StoreLittle<uint64_t>(footer, messages_);
  StoreLittle<uint64_t>(footer + 8, bytes_);
  Put(std::span(footer).first(16));
  Flush();
  StoreLittle<uint64_t>(footer + 16, XXH3_64bits_digest(&checksum_->state));
  Put(std::span(footer).subspan(16));
  Flush();
  if (status_.ok()) status_ = file_->Sync();
  return status_;
}

void SnapshotWriter::Put(std::span<const uint8_t> bytes) {
  if (buffer_.size() + bytes.size() > kBufferBytes) Flush();
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

void SnapshotWriter::Flush() {
  if (status_.ok()) status_ = file_->Append(buffer_);
  XXH3_64bits_update(&checksum_->state, buffer_.data(), buffer_.size());
  buffer_.clear();
}

absl::StatusOr<SnapshotView> ParseSnapshot(std::span<const uint8_t> file) {
  if (file.size() < kHeaderBytes + kFooterBytes) return absl::DataLossError("shorter than a snapshot's header");
  const uint8_t* const at = file.data();
  if (std::memcmp(at, kMagic, sizeof kMagic) != 0) return absl::DataLossError("no snapshot: other magic");
  if (const uint32_t version = LoadLittle<uint32_t>(at + kVersionAt); version != kVersion) {
    return absl::UnimplementedError(absl::StrCat("snapshot of version ", version));
  }
  SnapshotView view;
  view.body = file.subspan(kHeaderBytes, file.size() - kHeaderBytes - kFooterBytes);
  const uint8_t* const footer = at + file.size() - kFooterBytes;
  if (LoadLittle<uint64_t>(footer + 8) != view.body.size()) {
    return absl::DataLossError(absl::StrCat("not whole: ", file.size(), " bytes"));
  }
  if (LoadLittle<uint64_t>(footer + 16) != XXH3_64bits(at, file.size() - 8)) {
    return absl::DataLossError("damaged: other checksum");
  }
  if (LoadLittle<uint32_t>(at + kBytesAt) != kHeaderBytes || !DecodeCursor(at + kCursorAt, &view.header.cursor)) {
    return absl::DataLossError("damaged header");
  }
  view.messages = LoadLittle<uint64_t>(footer);
  view.header.state_hash = LoadLittle<uint64_t>(at + kStateHashAt);
  for (size_t i = 0; i < 256; ++i) view.header.tally.types[i] = LoadLittle<uint64_t>(at + kTypesAt + 8 * i);
  for (size_t i = 0; i < kBookOutcomes; ++i) {
    view.header.tally.outcomes[i] = LoadLittle<uint64_t>(at + kOutcomesAt + 8 * i);
  }
  view.header.tally.session_changes = LoadLittle<uint64_t>(at + kSessionChangesAt);
  return view;
}

}  // namespace feedfarm
