#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace feedfarm {

// When written records are made durable (fdatasync). Whatever the policy, a segment is synced when it is left, before a
// snapshot is committed, and at the end: only the newest segment's tail can ever be lost.
struct SyncPolicy {
  enum class Kind : uint8_t {
    kNone,      // the kernel decides: survives kill -9, not a power cut
    kInterval,  // at most interval_ns after it was written
    kGroup,     // each group, before the next one is taken
  };
  Kind kind = Kind::kInterval;
  uint64_t interval_ns = 50'000'000;

  friend bool operator==(const SyncPolicy&, const SyncPolicy&) = default;
};

// "none", "group" or "interval <ms>" with 1 to 60000 ms. INVALID_ARGUMENT otherwise.
absl::StatusOr<SyncPolicy> ParseSyncPolicy(absl::string_view text);
// What ParseSyncPolicy takes.
std::string ToString(const SyncPolicy& policy);

struct JournalOptions {
  // Between the hot thread and the journal thread; a power of two of pages. It must hold what comes while the disk
  // stalls: 64 MiB are about two million messages of ITCH.
  size_t ring_bytes = size_t{64} << 20;
  // Taken from the ring, written and applied to the shadow book at once.
  size_t group_bytes = size_t{1} << 20;
  // A segment that has reached it is left for a new one.
  uint64_t segment_bytes = uint64_t{64} << 20;
  SyncPolicy sync;
  // A snapshot when so many messages came since the last one; 0 = on request and at the end only.
  uint64_t snapshot_messages = 10'000'000;
  bool snapshot_at_stop = true;
  // The journal thread sleeps so long when the ring is empty.
  uint64_t idle_ns = 200'000;
  int cpu = -1;  // of the journal thread; -1 = where the scheduler likes
};

}  // namespace feedfarm
