#pragma once

#include <cstdint>

namespace feedfarm {

// What the feed handler reports as it happens.
enum class FeedEventKind : uint8_t {
  kGap,             // missing on both lines for longer than dwell; first_sequence, messages as missing then
  kRecovered,       // all of a gap is there; messages of it; duration_ns from the first notice to the last message
  kUnrecoverable,   // given up and skipped: first_sequence, messages; duration_ns since the first notice
  kFailover,        // `line` fell silent: duration_ns from its last packet to the other line's first delivery after it
  kSessionChange,   // another session; first_sequence of its first packet seen
  kSessionRestart,  // same session, sequence from the start again
  kEndOfSession,    // delivered in order, or what is before it was given up; first_sequence = the next one
  kSnapshot,        // loaded; first_sequence = the first one delivered behind it, messages = those it stands for,
                    // duration_ns = how long delivery was held
};
inline constexpr int kFeedEventKinds = 8;

// "gap", "recovered" and so on, as in the control line format.
constexpr const char* Name(FeedEventKind kind) {
  switch (kind) {
    case FeedEventKind::kGap:
      return "gap";
    case FeedEventKind::kRecovered:
      return "recovered";
    case FeedEventKind::kUnrecoverable:
      return "unrecoverable";
    case FeedEventKind::kFailover:
      return "failover";
    case FeedEventKind::kSessionChange:
      return "session_change";
    case FeedEventKind::kSessionRestart:
      return "session_restart";
    case FeedEventKind::kEndOfSession:
      return "end_of_session";
    case FeedEventKind::kSnapshot:
      return "snapshot";
  }
  return "";
}

struct FeedEvent {
  FeedEventKind kind = FeedEventKind::kGap;
  char line = 0;  // 'A', 'B', or 0
  uint32_t generation = 0;
  uint64_t time_tai_ns = 0;
  uint64_t first_sequence = 0;
  uint64_t messages = 0;
  uint64_t duration_ns = 0;
};

}  // namespace feedfarm
