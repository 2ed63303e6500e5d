#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "pipeline/book/itch_book.h"
#include "pipeline/profile/memory_feed.h"

namespace feedfarm {

// What the handler under a profile must end on, computed without it: every message once, in the order of its sequence.
struct Replay {
  uint64_t messages = 0;
  uint64_t state_hash = 0;
  uint64_t stream_hash = 0;
};

// Status: the book's.
absl::StatusOr<Replay> ReplayInOrder(const MessageStream& stream, const ItchBook::Options& bounds);

}  // namespace feedfarm
