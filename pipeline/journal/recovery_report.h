#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/book/feed_book.h"
#include "pipeline/journal/journal_cursor.h"

namespace feedfarm {

// The stream's messages by their first byte, what the book said of them, and its session changes: what a handler's
// counters go on from.
struct StreamTally {
  std::array<uint64_t, 256> types{};
  std::array<uint64_t, kBookOutcomes> outcomes{};
  uint64_t session_changes = 0;  // generations that began with another session
  friend bool operator==(const StreamTally&, const StreamTally&) = default;
};

// What opening the journal found and did.
struct RecoveryReport {
  std::string snapshot;                        // its file; empty = none, replayed from the first record
  uint64_t snapshot_record = 0;                // its cursor
  uint64_t snapshot_messages = 0;              // that made the book's state
  std::vector<std::string> damaged_snapshots;  // newer ones that were passed over: "file: why"
  uint64_t segments = 0;                       // replayed
  uint64_t records = 0;
  uint64_t messages = 0;    // of the stream
  uint64_t bytes = 0;       // of segments read
  uint64_t torn_bytes = 0;  // cut off the newest segment
  std::string torn_segment;
  uint64_t torn_offset = 0;
  // The torn record has its whole length and is not all zeros behind its header: bytes of it were altered, by a power cut that
  // let the kernel write its pages in part, or by the disk. Of a killed process's writes it never comes.
  bool torn_altered = false;
  uint64_t torn_records = 0;       // whole ones behind the torn one, cut off as well: never synced
  uint64_t unfinished_states = 0;  // states from elsewhere that were not whole: cut off with all behind them
  uint64_t snapshot_ns = 0;        // loading it
  uint64_t replay_ns = 0;
};

}  // namespace feedfarm
