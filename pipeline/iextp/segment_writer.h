#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/feed/framing.h"
#include "pipeline/iextp/layout.h"

namespace feedfarm::iextp {

// What a segment's header says beside its messages.
struct SegmentStart {
  SessionId session;  // iextp::MakeSession(channel, session id)
  uint64_t first_sequence = 1;
  uint64_t stream_offset = 0;  // bytes of payload before this segment in its stream
  uint64_t send_time_ns = 0;   // since the Unix epoch; also orders a restart of the sequence
};

// Builds outbound segments (protocol DEEP 1.0), one at a time, in a buffer of its own that is allocated once. Used as
// moldudp64::PacketWriter is. Owned by one thread; nothing allocates after construction.
class SegmentWriter {
 public:
  // bytes_max: the largest UDP payload, from 40 to 65,507.
  explicit SegmentWriter(size_t bytes_max = kSegmentBytesMax);

  // Begins a segment. What was there before is forgotten.
  void Start(const SegmentStart& start);

  // Adds a message, which may be empty. False, and the segment stays as it was, where it does not fit any more.
  bool Append(std::span<const uint8_t> message);

  // The segment so far; where nothing was appended it is a heartbeat, and the answer to a test request. The view
  // lives until the next Start or Append.
  std::span<const uint8_t> Finish();

  // Start and Finish: first_sequence and stream_offset are those of the message that would come next.
  std::span<const uint8_t> Heartbeat(const SegmentStart& next);

  uint32_t count() const { return count_; }
  size_t size() const { return size_; }
  uint64_t next_sequence() const { return start_.first_sequence + count_; }
  uint64_t next_stream_offset() const { return start_.stream_offset + size_ - segment::kHeaderBytes; }
  bool Fits(size_t message_bytes) const;

 private:
  std::vector<uint8_t> buffer_;
  SegmentStart start_;
  size_t size_ = segment::kHeaderBytes;
  uint32_t count_ = 0;
};

}  // namespace feedfarm::iextp
