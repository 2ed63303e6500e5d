#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/traffic/reserved_memory.h"
#include "pipeline/feed/framing.h"

namespace feedfarm {

// A run of messages whose sequence numbers follow each other.
struct StreamSegment {
  uint64_t first_index = 0;
  uint64_t first_sequence = 0;
  uint64_t stream_offset = 0;  // IEX-TP: of the first message's block in its generation's byte stream
  uint32_t generation = 0;
};

// One session or restart of a session (ARCHITECTURE.md, Generations).
struct StreamGeneration {
  SessionId session;
  uint64_t first_index = 0;
  uint64_t end_index = 0;      // one past its last message; may equal first_index
  uint64_t stream_offset = 0;  // IEX-TP: before its first message
  size_t first_segment = 0;
  size_t end_segment = 0;
};

// Every message of a stream, once: what the packets, the re-request answers and the reference are made of.
//
// Messages have an index, 0..messages(), in the order of (generation, sequence). They lie in one memory in that order,
// each as { u16 big- or little-endian length, message }, as both framings have their blocks: the blocks of any run of
// messages are one span, ready to be copied behind a packet header. Sequence numbers within a generation rise, but may
// have holes (a capture's own losses).
//
// Built by one thread: BeginGeneration, Append/Claim, Seal. Sealed, it never changes and any thread may read it.
class MessageStore {
 public:
  enum class BlockOrder : uint8_t { kBig, kLittle };  // byte order of a block's length: MoldUDP64's, IEX-TP's

  // `bytes_max` bounds messages and index together.
  static absl::StatusOr<std::unique_ptr<MessageStore>> Create(BlockOrder order, uint64_t bytes_max);

  // --- Building ---

  // The following messages belong to a new generation. `first_sequence` is where Claim starts to count.
  void BeginGeneration(const SessionId& session, uint64_t first_sequence, uint64_t stream_offset);

  enum class Outcome : uint8_t { kStored, kRepeated, kFull };

  // A message in the current generation, in any order of sequences; kRepeated: the generation has this sequence
  // already. Within a packet pass each message's own stream_offset and the packet's send time (0 where there are none).
  Outcome Append(uint64_t sequence, std::span<const uint8_t> message, uint64_t stream_offset, uint64_t send_time_ns);

  // Room for the next message in sequence, to be written before the next call; nullptr = full. Cost: about 2 ns.
  uint8_t* Claim(uint16_t length) {
    if (!HasRoom(length)) [[unlikely]]
      return nullptr;
    ++next_sequence_;
    return AddBlock(length);
  }

  // Puts messages that were appended out of order into order. Call once, before any reading.
  absl::Status Seal();

  // --- Reading ---

  uint64_t messages() const { return messages_; }
  uint64_t bytes_max() const { return bytes_max_; }
  BlockOrder order() const { return order_; }

  std::span<const uint8_t> message(uint64_t index) const {
    return {arena_.data() + ends_[index] + kLengthBytes, ends_[index + 1] - ends_[index] - kLengthBytes};
  }
  // The blocks [first, first + count), lengths included.
  std::span<const uint8_t> blocks(uint64_t first, uint64_t count) const {
    return {arena_.data() + ends_[first], ends_[first + count] - ends_[first]};
  }
  // Where block `index` starts, from the first one; index <= messages().
  uint64_t block_offset(uint64_t index) const { return ends_[index]; }

  const std::vector<StreamGeneration>& generations() const { return generations_; }
  // Rising by first_index. No packet may cross a segment's end.
  const std::vector<StreamSegment>& segments() const { return segments_; }

  // The segment that holds message `index`. Cost: a binary search over the segments, of which there are few.
  const StreamSegment& segment(uint64_t index) const;
  // One past the last message of the segment.
  uint64_t segment_end(const StreamSegment& segment) const;
  uint64_t sequence(uint64_t index) const {
    const StreamSegment& in = segment(index);
    return in.first_sequence + (index - in.first_index);
  }
  // IEX-TP's stream offset of message `index`.
  uint64_t stream_offset(uint64_t index) const {
    const StreamSegment& in = segment(index);
    return in.stream_offset + (ends_[index] - ends_[in.first_index]);
  }
  // The offset after everything of `generation` that comes before `index`, for a heartbeat.
  uint64_t stream_offset_before(uint32_t generation, uint64_t index) const;
  // Send time of the packet that the message was first recorded in; 0 = none. Cost: a binary search over the packets.
  uint64_t send_time(uint64_t index) const;
  // The first message of `generation` whose sequence is >= `sequence`; generations()[generation].end_index = none.
  uint64_t LowerBound(uint32_t generation, uint64_t sequence) const;
  // Exactly this one.
  std::optional<uint64_t> Find(uint32_t generation, uint64_t sequence) const;

 private:
  static constexpr size_t kLengthBytes = 2;

  // Messages stored one after the other with rising sequences; `first` is the index at which they were stored.
  struct Extent {
    uint64_t sequence;
    uint64_t first;
    uint64_t count;
    uint64_t stream_offset;
  };
  struct SendMark {
    uint64_t first_index;
    uint64_t send_time_ns;
  };

  MessageStore(BlockOrder order, uint64_t bytes_max, ReservedMemory arena, ReservedMemory ends);

  bool HasRoom(uint16_t length) const {
    return bytes_ + kLengthBytes + length + (messages_ + 2) * sizeof(uint64_t) <= bytes_max_;
  }
  uint8_t* AddBlock(uint16_t length) {
    uint8_t* at = arena_.data() + bytes_;
    at[0] = static_cast<uint8_t>(order_ == BlockOrder::kBig ? length >> 8 : length);
    at[1] = static_cast<uint8_t>(order_ == BlockOrder::kBig ? length : length >> 8);
    bytes_ += kLengthBytes + length;
    ends_[++messages_] = bytes_;
    return at + kLengthBytes;
  }
  bool Covered(uint64_t sequence) const;
  void Extend(uint64_t sequence, uint64_t stream_offset);
  void EndGeneration();
  absl::Status Sort();

  BlockOrder order_;
  uint64_t bytes_max_;
  ReservedMemory arena_;
  ReservedMemory ends_memory_;
  uint64_t* ends_;  // ends_[i] = where block i starts; one more than there are messages
  uint64_t bytes_ = 0;
  uint64_t messages_ = 0;

  std::vector<StreamGeneration> generations_;
  std::vector<StreamSegment> segments_;
  std::vector<SendMark> send_marks_;

  // Of the generation being built. extents_ rises by sequence; runs that touch are joined only where they were stored
  // one after the other.
  std::vector<Extent> extents_;
  uint64_t next_sequence_ = 0;
  uint64_t claim_first_sequence_ = 0;
  bool sorted_ = true;
  bool sealed_ = false;
  // All generations' extents in their final order, for Sort.
  std::vector<Extent> order_of_extents_;
};

}  // namespace feedfarm
