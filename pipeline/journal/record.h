#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace feedfarm {

// The journal's unit on disk: FORMAT.md, "Records". Numbers are on disk: never reuse one.
enum class RecordKind : uint8_t {
  kMessages = 1,  // `count` messages of the stream, consecutive from first_sequence
  kBegin = 2,     // a generation begins: session and front; first_sequence is next; the book is cleared
  kFront = 3,     // what the arbiter knows of send times
  kState = 4,     // messages that make the book's state and are none of the stream (flags: first, last)
  kSeal = 5,      // the writer ended here on purpose
};

inline constexpr uint8_t kStateFirst = 1;  // the book is cleared first
inline constexpr uint8_t kStateLast = 2;   // the state is whole: first_sequence is next

inline constexpr size_t kRecordHeaderBytes = 48;
// A body holds at least one message of any length (u16).
inline constexpr size_t kRecordBodyMax = 128 * 1024;
inline constexpr size_t kRecordAlign = 8;

struct RecordHeader {
  RecordKind kind = RecordKind::kMessages;
  uint8_t flags = 0;
  uint32_t generation = 0;
  uint32_t count = 0;  // messages in the body: kMessages, kState
  uint64_t first_sequence = 0;
  uint64_t record = 0;          // its number: 0, 1, 2, ... over all segments
  uint64_t durable_offset = 0;  // the segment up to here was synced before this was written
  uint32_t body_bytes = 0;
};

// A whole record in a segment.
struct RecordView {
  RecordHeader header;
  std::span<const uint8_t> body;
  size_t bytes = 0;  // with header and padding
};

// Header, body and zeros up to the next multiple of 8.
constexpr size_t RecordBytes(size_t body_bytes) {
  return kRecordHeaderBytes + (body_bytes + kRecordAlign - 1) / kRecordAlign * kRecordAlign;
}

// Completes a record whose body stands at `at` + kRecordHeaderBytes: padding, header, checksum. `at` has
// RecordBytes(header.body_bytes). `salt` and `offset` are the segment's and the record's place in it: bytes of another
// segment or place never pass.
void SealRecord(const RecordHeader& header, uint64_t salt, uint64_t offset, uint8_t* at);

// The record at the begin of `bytes`, which lie at `offset` of the segment. False: there is none that is whole. Any
// bytes; reads none beyond them.
bool ParseRecord(std::span<const uint8_t> bytes, uint64_t salt, uint64_t offset, RecordView* record);

// With its header, of the record whose header seems to stand there, whatever its checksum; nothing where none does. Any bytes.
std::optional<size_t> ClaimedRecordBytes(std::span<const uint8_t> bytes);

// A record's messages, one after the other: u16 length, bytes. Stops at the end, or where a length runs past it.
class MessageWalk {
 public:
  explicit MessageWalk(std::span<const uint8_t> body) : at_(body.data()), end_(body.data() + body.size()) {}

  // False at the end.
  bool Next(std::span<const uint8_t>* message) {
    if (end_ - at_ < 2) return false;
    uint16_t length;
    __builtin_memcpy(&length, at_, sizeof length);
    if (end_ - at_ - 2 < length) return false;
    *message = {at_ + 2, length};
    at_ += 2 + length;
    return true;
  }
  // Everything was taken.
  bool done() const { return at_ == end_; }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

}  // namespace feedfarm
