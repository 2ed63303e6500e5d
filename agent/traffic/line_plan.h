#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/traffic/stream_content.h"
#include "pipeline/source/packet_source.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// What both lines send, packet by packet, faults included: known to the last byte before START.
struct LinePlan {
  // In the order of sending; times never fall.
  std::array<std::vector<StreamPacket>, kLines> lines;
  // Goes on after a line's last packet, every trailing_interval_ns until the source is stopped: the end of the session
  // (MoldUDP64), or a heartbeat. So a receiver that joins late still learns where the stream stands.
  std::array<StreamPacket, kLines> trailing;
  uint64_t trailing_interval_ns = 0;
  // Messages that neither line carries.
  uint64_t gap_messages = 0;
  uint64_t duplicate_packets = 0;
  uint64_t reordered_packets = 0;
};

// Plans the lines of `scenario`: line A from content.packets (which are moved from), line B the same or cut
// differently, the skew, the faults gap, duplicate and reorder at their times (cut and kill_handler are the handler's
// side), heartbeats where a line is idle for traffic.heartbeat_ns, and the tail: kTailHeartbeats heartbeats that show a
// gap at the end, then the end of the session every 50 ms (IEX-TP, which has none: heartbeats), for a second where
// there are faults (a line may be cut or the handler away at the end), else shorter than the handler waits for the
// other line's last copies.
//
// Order: gaps, reordering, duplicates, heartbeats; faults of one kind in the order of their times. Times count on the
// line that a fault names; a gap on both lines takes the same messages from both, chosen by line A's time.
//
// INVALID_ARGUMENT: no packets; no schedule; a fault after the last packet; more than `packets_max` packets on a line.
absl::StatusOr<LinePlan> PlanLines(const v1::Scenario& scenario, uint64_t seed, uint64_t packets_max,
                                   StreamContent& content);

inline constexpr uint64_t kTailSpacingNs = 10'000'000;
inline constexpr int kTailHeartbeats = 3;
inline constexpr uint64_t kEndSpacingNs = 50'000'000;
inline constexpr int kEndPackets = 21;
inline constexpr int kEndPacketsWithoutFaults = 9;

}  // namespace feedfarm
