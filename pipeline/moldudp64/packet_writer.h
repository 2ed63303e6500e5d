#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/feed/framing.h"
#include "pipeline/moldudp64/moldudp64.h"

namespace feedfarm::moldudp64 {

// Builds downstream packets, one at a time, in a buffer of its own that is allocated once.
//
//   writer.Start(session, sequence);
//   while (writer.Append(message)) ...;   // until false: full
//   Send(writer.Finish());
//
// Owned by one thread. Append costs one copy of the message; nothing allocates after construction.
class PacketWriter {
 public:
  // bytes_max: the largest UDP payload, from kHeaderBytes to 65,507.
  explicit PacketWriter(size_t bytes_max = kPacketBytesMax);

  // Begins a packet whose first message has `first_sequence`. What was there before is forgotten.
  void Start(const SessionId& session, uint64_t first_sequence);

  // Adds a message, which may be empty. False, and the packet stays as it was, where it does not fit any more
  // (bytes_max, or kBlocksMax messages): Finish, and Start another with next_sequence().
  bool Append(std::span<const uint8_t> message);

  // The packet so far; a heartbeat where nothing was appended. The view lives until the next Start, Append or
  // control packet. May be called again after further Appends.
  std::span<const uint8_t> Finish();

  // Control packets, in the same buffer: they forget a packet that was begun. `next_sequence`: of the message that
  // would come next.
  std::span<const uint8_t> Heartbeat(const SessionId& session, uint64_t next_sequence);
  std::span<const uint8_t> EndOfSession(const SessionId& session, uint64_t next_sequence);

  uint32_t count() const { return count_; }
  size_t size() const { return size_; }
  uint64_t next_sequence() const { return first_sequence_ + count_; }
  bool Fits(size_t message_bytes) const;

 private:
  std::vector<uint8_t> buffer_;
  SessionId session_;
  uint64_t first_sequence_ = 0;
  size_t size_ = kHeaderBytes;
  uint32_t count_ = 0;
};

}  // namespace feedfarm::moldudp64
