#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agent/traffic/stream_content.h"

namespace feedfarm {

// What the re-request server knows when it answers.
struct RerequestScope {
  // Messages [0, published) have had their time: only they are served.
  uint64_t published = 0;
  // Most messages an answer; 0 = as many as fit a datagram.
  uint32_t messages_max = 0;
  // Of the published ones only the newest, this many, are kept; 0 = all.
  uint64_t keep_messages = 0;
};

// An answer fits an Ethernet frame; a message that is larger travels alone.
inline constexpr uint64_t kAnswerBytesMax = 1472;
// Of one request: IEX's servers too bound what they serve by UDP.
inline constexpr size_t kAnswersMax = 8;

// The packets that answer the datagram `request`; none where it is not valid, or asks for another session, for what
// does not exist, or for what has not been sent yet. Pure; any bytes are safe; any thread.
//
// MoldUDP64: one packet with as many whole messages from the first one on as fit. IEX-TP: that for each range (by
// sequence or by stream offset), and for a test request one segment without messages. A session that has had several
// generations is served from its newest one.
std::vector<StreamPacket> AnswerRerequest(const StreamContent& content, const RerequestScope& scope,
                                          std::span<const uint8_t> request);

}  // namespace feedfarm
