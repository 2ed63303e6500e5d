#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "pipeline/profile/profile_report.h"

namespace feedfarm {

struct LocalCoreOptions {
  uint64_t messages = 2'000'000;
  uint32_t messages_per_packet = 4;
  uint32_t symbols = 8'000;
  uint64_t seed = 1;
};

// A healthy feed out of memory, both lines, through pool, framing, arbiter and order book on this thread. Enforces
// sequence_gaps=0, dup_or_ooo=0, event_vec_reallocs=0 (allocations on the hot path), pool_available=pool_size, events >
// 0 and the book and stream of a replay in order. Prints the throughput of this host. INVALID_ARGUMENT: a zero, more
// than 20,000,000 messages, 100 a packet or 65,535 symbols.
absl::StatusOr<ProfileReport> RunLocalCore(const LocalCoreOptions& options);

}  // namespace feedfarm
