#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "pipeline/profile/profile_report.h"

namespace feedfarm {

// `rounds` times `batch` buffers go the whole way from the pool through fill and receive to the user; a buffer comes
// back when `burst` others are out.
struct PoolSoakOptions {
  uint32_t frames = 65'536;
  uint32_t burst = 2'048;
  uint64_t rounds = 10'000;
  uint32_t batch = 64;
  uint64_t seed = 1;
};

// Enforces misses=0, return_drops=0, pool_available=pool_size and, after the first `burst` buffers, no page fault.
// INVALID_ARGUMENT: a zero, a batch above the burst, a pool that cannot hold burst and batch, or more than 2^20 frames;
// otherwise the pool's errno.
absl::StatusOr<ProfileReport> RunPoolSoak(const PoolSoakOptions& options);

}  // namespace feedfarm
