#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "pipeline/feed/framing.h"

namespace feedfarm {

// What the line arbiter knows of the send times of the current generation (IEX-TP; all 0 where the protocol has none):
// with it a handler that comes back tells a session restart and stale packets as the one before it would have.
struct StreamFront {
  uint64_t front_sequence = 0;  // the line packet with the highest first sequence seen
  uint64_t front_time_ns = 0;
  uint64_t anchor_sequence = 0;  // the packet with the lowest one
  uint64_t anchor_time_ns = 0;
  uint64_t floor_time_ns = 0;  // the generation before ended here
  bool front_data = false;     // the front was a packet with messages

  friend bool operator==(const StreamFront&, const StreamFront&) = default;
};

// A place in the journal and in the stream: everything before it is in the book. From here a handler rejoins.
struct JournalCursor {
  static constexpr size_t kEarlierSessions = 16;

  uint64_t record = 0;    // number of the next record
  uint64_t messages = 0;  // of the stream, before it
  bool joined = false;    // false: nothing was ever journalled, what is below means nothing
  uint32_t generation = 0;
  SessionId session;
  uint64_t next_sequence = 0;
  uint64_t stream_hash = 0;  // StreamHash's value over all messages before it
  StreamFront front;
  // Sessions before this one, oldest first; packets of them are stale. The newest kEarlierSessions are kept.
  uint32_t earlier_count = 0;
  std::array<SessionId, kEarlierSessions> earlier{};

  std::span<const SessionId> earlier_sessions() const { return std::span(earlier).first(earlier_count); }

  // A generation begins; one with another session makes the one before it an earlier session.
  void Begin(uint32_t new_generation, const SessionId& new_session, uint64_t first_sequence,
             const StreamFront& new_front);

  friend bool operator==(const JournalCursor&, const JournalCursor&) = default;
};

// On disk: little-endian, FORMAT.md "Cursor". `at` has kCursorBytes.
inline constexpr size_t kFrontBytes = 48;
inline constexpr size_t kCursorBytes = 72 + kFrontBytes + 16 * JournalCursor::kEarlierSessions;
void EncodeFront(const StreamFront& front, uint8_t* at);
StreamFront DecodeFront(const uint8_t* at);
void EncodeCursor(const JournalCursor& cursor, uint8_t* at);
// False: more earlier sessions than there can be.
bool DecodeCursor(const uint8_t* at, JournalCursor* cursor);

}  // namespace feedfarm
