#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/feed/message_times.h"

namespace feedfarm {

// Keeps messages that came before their turn, copied out of their packets so that receive buffers go back at once.
//
// Bounded twice: `messages` slots (a sequence lies in slot sequence mod messages) and `bytes` of text. The text lies
// in segments of 64 KiB that are filled front to back and are free again when their last message has gone: no
// fragmentation as long as messages leave about in the order of their sequences, and a clear "full" otherwise.
// All memory is allocated and touched in Create. One thread owns it. Store and Drop cost one copy, no search.
class ReorderBuffer {
 public:
  struct Options {
    uint32_t messages = 65'536;  // power of two
    size_t bytes = 0;            // rounded up to segments; 0 = 64 bytes a message
  };
  enum class Stored : uint8_t { kStored, kAlready, kFull };
  struct Held {
    std::span<const uint8_t> message;  // lives until Drop
    MessageTimes times;
  };

  // INVALID_ARGUMENT: messages is 0, no power of two, or above 2^24.
  static absl::StatusOr<ReorderBuffer> Create(const Options& options);

  // kAlready: this sequence is held, the first copy stays. kFull: no segment is free; nothing changed.
  // The caller keeps all sequences held at one time within a window of `messages` (CHECK).
  Stored Store(uint64_t sequence, std::span<const uint8_t> message, const MessageTimes& times);

  bool Has(uint64_t sequence) const { return slots_[sequence & mask_].sequence == sequence; }
  // Has(sequence) must be true for both.
  Held Get(uint64_t sequence) const;
  void Drop(uint64_t sequence);

  // Drops everything.
  void Clear();

  uint32_t messages_max() const { return static_cast<uint32_t>(slots_.size()); }
  uint32_t messages() const { return messages_; }

 private:
  static constexpr size_t kSegmentBytes = 65'536;  // the longest message (u16 length) fits
  static constexpr uint64_t kNone = UINT64_MAX;
  static constexpr uint32_t kNoSegment = UINT32_MAX;

  struct Slot {
    uint64_t sequence = kNone;
    MessageTimes times;
    uint32_t segment = 0;
    uint16_t offset = 0;
    uint16_t length = 0;
  };

  ReorderBuffer(uint32_t messages, size_t segments);
  bool OpenSegment();
  void Leave(uint32_t segment);

  std::vector<Slot> slots_;
  uint64_t mask_;
  uint32_t messages_ = 0;
  std::vector<uint8_t> text_;
  std::vector<uint32_t> segment_messages_;  // held in each segment
  std::vector<uint32_t> free_segments_;     // a stack
  uint32_t open_segment_ = kNoSegment;
  size_t open_bytes_ = 0;
};

}  // namespace feedfarm
