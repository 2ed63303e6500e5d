#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/rng.h"
#include "pipeline/journal/journal_cursor.h"
#include "pipeline/journal/journal_folder.h"
#include "pipeline/journal/journal_options.h"
#include "pipeline/journal/journal_ring.h"
#include "pipeline/journal/journal_stats.h"
#include "pipeline/journal/record.h"

namespace feedfarm {

// Turns what the ring holds into records, groups of them into one write each, and goes from segment to segment. A new
// segment has its final name only when its header is durable.
//
// After an error nothing more may be called: how much of the last group is in the file is not known; recovery finds
// out. One thread (journal).
class SegmentWriter {
 public:
  // folder, clock and stats are borrowed. `salt_seed`: another one in each life of the process.
  SegmentWriter(const JournalOptions& options, JournalFolder* folder, const Clock* clock, uint64_t salt_seed,
                JournalStats* stats);

  // Leaves the current segment, if any, durable, and begins one at `cursor`.
  absl::Status Begin(const JournalCursor& cursor);

  // Takes up to group_bytes from the ring, as records in memory. False: nothing was there.
  bool Take(JournalRing& ring);
  // The records taken; they live until the next Take.
  std::span<const RecordView> taken() const { return taken_; }
  // Writes what was taken.
  absl::Status Write();

  // Makes all that was written durable; nothing to do where it is.
  absl::Status Sync();
  // The last record of this life, durable; none where the segment is empty.
  absl::Status Seal();

  uint64_t next_record() const { return next_record_; }
  uint64_t segment_bytes() const { return offset_; }
  bool segment_empty() const;
  // Something is written that is not durable.
  bool dirty() const { return durable_offset_ < offset_; }

 private:
  void Add(const RingRun& run);
  bool Continues(const RingRun& run) const;
  void AddFront();
  void Open(const RingRun& run);
  void Close();

  const JournalOptions options_;
  JournalFolder* const folder_;
  const Clock* const clock_;
  JournalStats* const stats_;
  Rng salts_;
  std::unique_ptr<JournalFile> file_;
  uint64_t salt_ = 0;
  uint64_t offset_ = 0;          // bytes written to the segment
  uint64_t durable_offset_ = 0;  // of these
  uint64_t next_record_ = 0;
  // The group: records one behind the other, the last one open while it grows.
  std::vector<uint8_t> group_;
  size_t group_bytes_ = 0;  // of closed records
  uint64_t group_messages_ = 0;
  std::vector<RecordView> taken_;
  RecordHeader open_;
  bool is_open_ = false;
  // The newest front of the group: written once, behind the messages.
  std::vector<uint8_t> front_;
  uint32_t front_generation_ = 0;
};

}  // namespace feedfarm
