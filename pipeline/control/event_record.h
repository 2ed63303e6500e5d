#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "pipeline/control/record_line.h"
#include "pipeline/feed/feed_event.h"

namespace feedfarm {

// `event kind=gap time_unix_ns= first_sequence= messages= duration_ns= line=`: one thing that happened at the handler.
struct EventRecord {
  FeedEventKind kind = FeedEventKind::kGap;
  uint64_t time_unix_ns = 0;
  uint64_t first_sequence = 0;
  uint64_t messages = 0;
  uint64_t duration_ns = 0;
  std::string line;  // "A", "B", or empty
  friend bool operator==(const EventRecord&, const EventRecord&) = default;

  RecordLine ToLine() const;
  // INVALID_ARGUMENT: not an `event`, unknown kind, or a field is missing or broken.
  static absl::StatusOr<EventRecord> FromLine(const RecordLine& line);
};

}  // namespace feedfarm
