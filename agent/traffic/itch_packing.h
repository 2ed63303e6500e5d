#pragma once

#include "absl/status/status.h"
#include "agent/traffic/stream_content.h"

namespace feedfarm {

// Cuts the messages of a sealed store of ITCH messages into packets of `messages_per_packet` (fewer where they would
// exceed `packet_bytes_max` of UDP payload), due when their last message was stamped. Fills content.packets.
// INVALID_ARGUMENT: a message that does not fit a packet alone; more than `packets_max` packets.
absl::Status PackItch(uint32_t messages_per_packet, uint32_t packet_bytes_max, uint64_t packets_max,
                      StreamContent& content);

}  // namespace feedfarm
