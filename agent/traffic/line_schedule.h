#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "agent/traffic/stream_content.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// Gives line A's packets, with their content's own times, their times after START: evenly at traffic.rate_pps, or by
// the content's own schedule, traffic.speed times faster (times never fall: a capture's clock that stepped back stands
// still). INVALID_ARGUMENT: neither a rate nor a speed above 0.
absl::Status ScheduleLineA(const v1::Traffic& traffic, std::vector<StreamPacket>& packets);

// Line B's packets with the same messages as line A's (scheduled) and cut differently: seeded, one message to twice as
// many as line A's packet has, at most `bytes_max` of payload (a message that is larger travels alone). Packets that
// are no data are line A's.
//
// A packet of B is due when line A has sent the packet with its last message (at a fixed rate: as far into A's interval
// as that message is into A's packet, so that B's packets are spread evenly too), and never holds messages that are due
// more than kRepackSpanNs apart: whatever A loses, B is not late with it. IEX-TP: its send time is that of the recorded
// packet that held its first message (ARCHITECTURE.md, Generations).
std::vector<StreamPacket> RepackLineB(const StreamContent& content, const v1::Traffic& traffic,
                                      const std::vector<StreamPacket>& line_a, uint32_t bytes_max, uint64_t seed);

inline constexpr uint64_t kRepackSpanNs = 1'000'000;

}  // namespace feedfarm
