#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/control/histogram_record.h"
#include "pipeline/control/record_line.h"
#include "pipeline/source/packet_source.h"

namespace feedfarm {

// What the handler saw on one line; fields as in LineResult of proto/result.proto, `line.A.packets=` in the record.
struct LineRecord {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint64_t cut_packets = 0;
  uint64_t cut_measured_ns = 0;
  uint64_t second_copies = 0;
  uint64_t first_copies = 0;
  uint64_t malformed_packets = 0;
  uint64_t stale_packets = 0;
  uint64_t heartbeats = 0;
  friend bool operator==(const LineRecord&, const LineRecord&) = default;
};

// `final ...`: the handler's account, the fields of HandlerResult by their names. The one definition for both ends.
// Not in it: `events` (they went out one by one as `event` lines) and `restarts` (the agent counts them).
struct FinalRecord {
  uint64_t messages = 0;
  // Type as text ("A"; a byte that is no letter or digit as "0x1f") and its messages; in byte order.
  std::vector<std::pair<std::string, uint64_t>> types;
  std::array<LineRecord, kLines> lines;
  uint64_t duplicates = 0;
  uint64_t out_of_order = 0;
  uint64_t gaps = 0;
  uint64_t gap_messages = 0;
  uint64_t recovered_messages = 0;
  uint64_t unrecovered_messages = 0;
  uint64_t rerequests = 0;
  uint64_t rerequest_timeouts = 0;
  uint64_t session_restarts = 0;
  uint64_t session_changes = 0;
  uint64_t malformed_messages = 0;
  uint64_t failovers = 0;
  uint64_t failover_max_ns = 0;
  uint64_t recovery_max_ns = 0;
  std::string stream_hash;  // 16 hex digits
  std::string state_hash;   // 16 hex digits
  // Of shards that began with empty books: TopHash over all changes of best prices, 16 hex digits; else empty.
  std::string top_hash;
  uint64_t top_updates = 0;
  // Messages by what became of them at the book (Name(BookOutcome)), only those that happened.
  std::vector<std::pair<std::string, uint64_t>> book;
  uint64_t orders_live = 0;
  uint64_t levels_live = 0;
  // See HandlerResult; all 0 without a journal.
  uint64_t journal_messages = 0;
  uint64_t journal_bytes = 0;
  uint64_t journal_syncs = 0;
  uint64_t journal_sync_max_ns = 0;
  uint64_t journal_snapshots = 0;
  uint64_t journal_overrun_messages = 0;
  uint64_t journal_errors = 0;
  uint64_t journal_restored_messages = 0;
  uint64_t journal_replayed_messages = 0;
  uint64_t journal_torn_bytes = 0;
  uint64_t pool_frames = 0;
  uint64_t pool_available = 0;
  uint64_t pool_misses = 0;
  uint64_t pool_return_drops = 0;
  uint64_t minor_faults_steady = 0;
  uint64_t major_faults_steady = 0;
  uint64_t hot_path_allocations = 0;
  // Reason ([a-z_]+) and count, only those that happened.
  std::vector<std::pair<std::string, uint64_t>> drops;
  std::vector<HistogramRecord> histograms;
  bool end_of_session = false;
  std::string xdp_mode;   // "native", "skb", or "none"
  std::string bind_mode;  // "zero-copy", "copy", or "socket"
  uint64_t partial_overlaps = 0;
  uint64_t snapshots_asked = 0;
  uint64_t snapshots_loaded = 0;
  // Packets that were not believed, by Departure, only those that happened.
  std::vector<std::pair<std::string, uint64_t>> implausible;
  // Samples by "METRIC.CLASS" whose stamps were in the future, only those that happened.
  std::vector<std::pair<std::string, uint64_t>> future_stamps;
  // By SnapshotFailure, only those that happened.
  std::vector<std::pair<std::string, uint64_t>> snapshot_failures;
  uint64_t snapshots_given_up = 0;
  uint64_t snapshot_skipped_messages = 0;
  uint64_t snapshot_gap_messages = 0;
  uint64_t snapshot_image_messages = 0;
  uint64_t snapshot_max_ns = 0;
  friend bool operator==(const FinalRecord&, const FinalRecord&) = default;

  // Sets one number by its name in the record: "gaps", "line.A.packets", and one of a list as "drops.ring_full". False: there is none
  // of this name.
  bool Set(std::string_view name, uint64_t value);

  RecordLine ToLine() const;
  // INVALID_ARGUMENT, NOT_FOUND: not a `final`, or a field is missing or broken.
  static absl::StatusOr<FinalRecord> FromLine(const RecordLine& line);
};

}  // namespace feedfarm
