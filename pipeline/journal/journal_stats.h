#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "pipeline/journal/journal_ring.h"

namespace feedfarm {

// What the journal thread has done since it was opened. Counters of this process alone.
struct JournalStats {
  uint64_t records = 0;   // written
  uint64_t messages = 0;  // in them
  uint64_t bytes = 0;     // written, headers and padding included
  uint64_t groups = 0;
  uint64_t segments = 0;  // begun
  uint64_t syncs = 0;     // of segments
  uint64_t sync_max_ns = 0;
  uint64_t write_max_ns = 0;  // longest append of a group
  uint64_t ring_high_water_bytes = 0;
  uint64_t snapshots = 0;  // committed
  uint64_t snapshot_failures = 0;
  uint64_t snapshot_max_ns = 0;  // the journal thread's pause for one
  uint64_t snapshot_record = 0;  // cursor of the newest one
  RingOverrun overrun;

  // Written so far, and known to survive a power cut: records before the first, messages before the second.
  uint64_t written_record = 0;
  uint64_t durable_record = 0;
  uint32_t durable_generation = 0;
  uint64_t durable_next_sequence = 0;

  // Why journalling ended before Stop; OK while it goes on. Names file and errno.
  absl::Status status;
  // Why the last snapshot failed; OK when the last one was committed.
  absl::Status snapshot_status;
};

}  // namespace feedfarm
