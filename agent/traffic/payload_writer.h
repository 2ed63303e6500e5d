#pragma once

#include <cstdint>
#include <span>

#include "agent/traffic/stream_content.h"

namespace feedfarm {

// Writes the UDP payload of `packet`, exactly packet.bytes, at `out`, which has room for them. Any thread. Cost: one
// copy of the messages' bytes.
void WritePayload(const StreamContent& content, const StreamPacket& packet, uint8_t* out);

}  // namespace feedfarm
