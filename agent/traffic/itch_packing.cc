#include "agent/traffic/itch_packing.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "pipeline/base/endian.h"

namespace feedfarm {
namespace {

constexpr size_t kTimestampOffset = 5;
constexpr size_t kHeadBytes = 11;

// Nanoseconds since midnight; `before` where the message is too short to say.
uint64_t TimestampNs(std::span<const uint8_t> message, uint64_t before) {
  return message.size() < kHeadBytes ? before : LoadBig48(message.data() + kTimestampOffset);
}

}  // namespace

absl::Status PackItch(uint32_t messages_per_packet, uint32_t packet_bytes_max, uint64_t packets_max,
                      StreamContent& content) {
  const MessageStore& store = *content.store;
  messages_per_packet = std::max(messages_per_packet, 1u);
  content.packets.clear();
  uint64_t first_ns = store.messages() == 0 ? 0 : TimestampNs(store.message(0), 0);
  uint64_t newest_ns = first_ns;
  content.packets.reserve(std::min(packets_max, store.messages() / messages_per_packet + 1));
  for (uint64_t first = 0; first < store.messages();) {
    const StreamSegment& segment = store.segment(first);
    uint64_t count = std::min<uint64_t>(messages_per_packet, store.segment_end(segment) - first);
    while (count > 1 && PayloadBytes(content, first, count) > packet_bytes_max) --count;
    const uint64_t bytes = PayloadBytes(content, first, count);
    if (bytes > packet_bytes_max) {
      return absl::InvalidArgumentError(absl::StrCat("message ", store.sequence(first), " makes a packet of ", bytes,
                                                     " bytes, packet_bytes_max is ", packet_bytes_max));
    }
    if (content.packets.size() >= packets_max) {
      return absl::InvalidArgumentError(absl::StrCat("more than ", packets_max, " packets"));
    }
    newest_ns = std::max(newest_ns, TimestampNs(store.message(first + count - 1), newest_ns));
    content.packets.push_back({.due_ns = newest_ns - first_ns,
                               .first_index = first,
                               .sequence = segment.first_sequence + (first - segment.first_index),
                               .count = static_cast<uint32_t>(count),
                               .generation = segment.generation,
                               .bytes = static_cast<uint16_t>(bytes)});
    first += count;
  }
  return absl::OkStatus();
}

}  // namespace feedfarm
