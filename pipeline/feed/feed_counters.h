#pragma once

#include <array>
#include <cstdint>

#include "pipeline/book/book_stage.h"
#include "pipeline/feed/gap_recovery.h"
#include "pipeline/feed/latency_metric.h"
#include "pipeline/feed/line_arbiter.h"
#include "pipeline/feed/snapshot_recovery.h"
#include "pipeline/feed/suspect_packets.h"
#include "pipeline/source/packet_source.h"

namespace feedfarm {

// What one line brought.
struct LineCounters {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint64_t first_copies = 0;   // packets that brought something new
  uint64_t second_copies = 0;  // packets that brought nothing new
  uint64_t stale_packets = 0;
  uint64_t malformed_packets = 0;
  uint64_t heartbeats = 0;
};

// Samples whose stamp was later than the time that it was held against, by LatencyMetric and TimestampClass. They are
// in no histogram, and say that the two clocks differ: by how much the others are wrong is not known.
using FutureStamps = std::array<std::array<uint64_t, kTimestampClasses>, kLatencyMetrics>;

// All that the feed handler counts: totals since it was made. Plain numbers, so that one copy is a snapshot.
struct FeedCounters {
  uint64_t messages = 0;
  std::array<uint64_t, 256> types{};  // by type byte; an empty message counts in no type
  uint64_t malformed_messages = 0;    // delivered all the same
  uint64_t partial_overlaps = 0;
  uint64_t window_full = 0;  // packets that were let go, wholly or in part: asked for again later
  uint64_t answers = 0;
  uint64_t answers_malformed = 0;
  uint64_t answers_stale = 0;
  std::array<LineCounters, kLines> lines;
  RecoveryCounters recovery;
  ArbiterCounters arbiter;
  SnapshotCounters snapshots;
  SuspectPackets::Dropped implausible{};  // packets that departed from the stream and were not borne out
  FutureStamps future_stamps{};
  // Filled in by Snapshot.
  uint64_t duplicates = 0;
  uint64_t out_of_order = 0;
  uint64_t failovers = 0;
  uint64_t failover_max_ns = 0;
  std::array<uint64_t, kLines> cut_measured_ns{};
  uint64_t stream_hash = 0;
  BookTotals book;
  // Filled in when the stream is over: of the books.
  uint64_t state_hash = 0;
  bool end_of_session = false;
};

// Of the counters, those that are about what the process did and not about the stream that it delivered: what its successor cannot
// count again. Numbers of 64 bits only.
struct FeedAccount {
  uint64_t messages = 0;
  uint64_t partial_overlaps = 0;
  uint64_t window_full = 0;
  uint64_t answers_malformed = 0;
  uint64_t answers_stale = 0;
  SuspectPackets::Dropped implausible{};
  FutureStamps future_stamps{};
  std::array<LineCounters, kLines> lines;
  RecoveryCounters recovery;
  SnapshotCounters snapshots;
  uint64_t duplicates = 0;
  uint64_t out_of_order = 0;
  uint64_t failovers = 0;
  uint64_t failover_max_ns = 0;
  std::array<uint64_t, kLines> cut_measured_ns{};
};

}  // namespace feedfarm
