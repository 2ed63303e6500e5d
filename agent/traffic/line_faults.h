#pragma once

#include <cstdint>
#include <vector>

#include "agent/traffic/stream_content.h"

namespace feedfarm {

// The faults that the source makes, as pure functions over one line's packets in the order of their times.

// Messages [first, end) by index.
struct MessageRange {
  uint64_t first = 0;
  uint64_t end = 0;
  friend bool operator==(const MessageRange&, const MessageRange&) = default;
};

// Disjoint, rising, none empty; made of any ranges.
std::vector<MessageRange> Normalize(std::vector<MessageRange> ranges);
std::vector<MessageRange> Intersect(const std::vector<MessageRange>& a, const std::vector<MessageRange>& b);
uint64_t MessagesIn(const std::vector<MessageRange>& ranges);

// The `messages` messages that a gap at `at_ns` takes, chosen on one line's packets: those that follow the last one
// sent before `at_ns`. A gap lies inside one generation and spares the generation's first packet and, unless it is the
// stream's last generation, its last message: without the one a restart, without the other the loss itself could not be
// seen by any receiver. It begins later where that needs it, and is shorter where the stream ends; empty where nothing
// is left.
MessageRange ChooseGap(const MessageStore& store, const std::vector<StreamPacket>& packets, uint64_t at_ns,
                       uint64_t messages);

// Takes exactly the messages in `ranges` (normalized) off the line. Packets that hold others as well are cut into what
// is left of them, due at the same time.
void LeaveOut(const StreamContent& content, const std::vector<MessageRange>& ranges,
              std::vector<StreamPacket>& packets);

// Makes `count` data packets from `at_ns` on late by `distance` places each: a packet is sent right after the
// `distance` packets that follow it, and the next one to be late is the one behind those. Never moves a packet past one
// of another generation or past an end of session, nor the first data packet of a generation. Returns how many it
// moved.
uint64_t Reorder(uint64_t at_ns, uint64_t count, uint32_t distance, std::vector<StreamPacket>& packets);

// Sends each of the next `count` data packets from `at_ns` on twice, one right after the other. Returns how many.
uint64_t Duplicate(uint64_t at_ns, uint64_t count, std::vector<StreamPacket>& packets);

}  // namespace feedfarm
