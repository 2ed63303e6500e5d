#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "agent/traffic/stream_content.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// Loads traffic.capture(): a pcap or pcapng of MoldUDP64 or IEX-TP (or gzip of it), with the packets as they were
// recorded and their times, or an ITCH day file, cut into packets.
//
// Of a packet capture, the endpoint with most packets of a feed is replayed. Sessions and restarts become generations
// (ARCHITECTURE.md). A message whose sequence its generation has already (a retransmission, a second line) is sent
// again as recorded but is not a second message. Packets that are cut short, malformed, or of an earlier session are
// sent as they are and hold no messages. Sequence numbers that no packet holds are counted in missing_messages, and refused unless traffic.capture() knows of its
// holes: no handler could have what is in none of its packets.
//
// NOT_FOUND: no such file. INVALID_ARGUMENT, with the file's name and what is wrong: not a capture, damaged, not of
// traffic's protocol, no whole packet, holes that are not known of, no times where the schedule needs them, or larger than `store_bytes_max` or
// `packets_max`.
absl::StatusOr<StreamContent> LoadCapture(const v1::Traffic& traffic, uint64_t store_bytes_max, uint64_t packets_max);

}  // namespace feedfarm
