#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

namespace feedfarm {

// A message on its way to a shard. One of ITCH's fits the first cache line.
struct alignas(64) ShardMessage {
  enum class Kind : uint8_t { kMessage, kClear };

  // Longer than any message of the protocols. What is longer is of no type they have, or has fields behind its end:
  // its first bytes tell as much.
  static constexpr size_t kBytesMax = 108;

  uint64_t order = 0;  // among all messages dispatched
  uint64_t sequence = 0;
  uint16_t size = 0;
  Kind kind = Kind::kMessage;
  uint8_t bytes[kBytesMax + 1];

  void Take(uint64_t new_order, uint64_t new_sequence, std::span<const uint8_t> message) {
    order = new_order;
    sequence = new_sequence;
    kind = Kind::kMessage;
    size = static_cast<uint16_t>(std::min(message.size(), kBytesMax));
    if (size != 0) std::memcpy(bytes, message.data(), size);
  }
  std::span<const uint8_t> view() const { return {bytes, size}; }
};
static_assert(sizeof(ShardMessage) == 128);

}  // namespace feedfarm
