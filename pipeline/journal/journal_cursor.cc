#include "pipeline/journal/journal_cursor.h"

#include <algorithm>

#include "pipeline/base/endian.h"

namespace feedfarm {
namespace {

// Offsets in the cursor block.
constexpr size_t kRecord = 0;
constexpr size_t kMessages = 8;
constexpr size_t kGeneration = 16;
constexpr size_t kJoined = 20;
constexpr size_t kSessionHigh = 24;
constexpr size_t kSessionLow = 32;
constexpr size_t kNextSequence = 40;
constexpr size_t kStreamHash = 48;
constexpr size_t kEarlierCount = 56;  // u32, then 12 bytes of zero
constexpr size_t kFront = 72;
constexpr size_t kEarlier = kFront + kFrontBytes;

}  // namespace

void JournalCursor::Begin(uint32_t new_generation, const SessionId& new_session, uint64_t first_sequence,
                          const StreamFront& new_front) {
  if (joined && !(session == new_session)) {
    if (earlier_count == kEarlierSessions) {
      std::rotate(earlier.begin(), earlier.begin() + 1, earlier.end());
      --earlier_count;
    }
    earlier[earlier_count++] = session;
  }
  joined = true;
  generation = new_generation;
  session = new_session;
  next_sequence = first_sequence;
  front = new_front;
}

void EncodeFront(const StreamFront& front, uint8_t* at) {
  StoreLittle<uint64_t>(at, front.front_sequence);
  StoreLittle<uint64_t>(at + 8, front.front_time_ns);
  StoreLittle<uint64_t>(at + 16, front.anchor_sequence);
  StoreLittle<uint64_t>(at + 24, front.anchor_time_ns);
  StoreLittle<uint64_t>(at + 32, front.floor_time_ns);
  StoreLittle<uint64_t>(at + 40, front.front_data ? 1 : 0);
}

StreamFront DecodeFront(const uint8_t* at) {
  return {.front_sequence = LoadLittle<uint64_t>(at),
          .front_time_ns = LoadLittle<uint64_t>(at + 8),
          .anchor_sequence = LoadLittle<uint64_t>(at + 16),
          .anchor_time_ns = LoadLittle<uint64_t>(at + 24),
          .floor_time_ns = LoadLittle<uint64_t>(at + 32),
          .front_data = LoadLittle<uint64_t>(at + 40) != 0};
}

void EncodeCursor(const JournalCursor& cursor, uint8_t* at) {
  std::fill_n(at, kCursorBytes, uint8_t{0});
  StoreLittle<uint64_t>(at + kRecord, cursor.record);
  StoreLittle<uint64_t>(at + kMessages, cursor.messages);
  StoreLittle<uint32_t>(at + kGeneration, cursor.generation);
  StoreLittle<uint32_t>(at + kJoined, cursor.joined ? 1 : 0);
  StoreLittle<uint64_t>(at + kSessionHigh, cursor.session.high);
  StoreLittle<uint64_t>(at + kSessionLow, cursor.session.low);
  StoreLittle<uint64_t>(at + kNextSequence, cursor.next_sequence);
  StoreLittle<uint64_t>(at + kStreamHash, cursor.stream_hash);
  StoreLittle<uint32_t>(at + kEarlierCount, cursor.earlier_count);
  EncodeFront(cursor.front, at + kFront);
  for (size_t i = 0; i < cursor.earlier_count; ++i) {
    StoreLittle<uint64_t>(at + kEarlier + 16 * i, cursor.earlier[i].high);
    StoreLittle<uint64_t>(at + kEarlier + 16 * i + 8, cursor.earlier[i].low);
  }
}

bool DecodeCursor(const uint8_t* at, JournalCursor* cursor) {
  const uint32_t earlier = LoadLittle<uint32_t>(at + kEarlierCount);
  if (earlier > JournalCursor::kEarlierSessions) return false;
  *cursor = {.record = LoadLittle<uint64_t>(at + kRecord),
             .messages = LoadLittle<uint64_t>(at + kMessages),
             .joined = LoadLittle<uint32_t>(at + kJoined) != 0,
             .generation = LoadLittle<uint32_t>(at + kGeneration),
             .session = {LoadLittle<uint64_t>(at + kSessionHigh), LoadLittle<uint64_t>(at + kSessionLow)},
             .next_sequence = LoadLittle<uint64_t>(at + kNextSequence),
             .stream_hash = LoadLittle<uint64_t>(at + kStreamHash),
             .front = DecodeFront(at + kFront),
             .earlier_count = earlier};
  for (size_t i = 0; i < earlier; ++i) {
    cursor->earlier[i] = {LoadLittle<uint64_t>(at + kEarlier + 16 * i),
                          LoadLittle<uint64_t>(at + kEarlier + 16 * i + 8)};
  }
  return true;
}

}  // namespace feedfarm
