#include "pipeline/feed/reorder_buffer.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "glog/logging.h"

namespace feedfarm {
namespace {

constexpr uint32_t kMessagesMax = 1u << 24;
constexpr size_t kBytesPerMessage = 64;  // ITCH and DEEP messages are 12 to 80 bytes, 31 on average
constexpr size_t kSegmentsMin = 4;

}  // namespace

absl::StatusOr<ReorderBuffer> ReorderBuffer::Create(const Options& options) {
  if (!std::has_single_bit(options.messages) || options.messages > kMessagesMax) {
    return absl::InvalidArgumentError("window messages must be a power of two, at most 2^24");
  }
  const size_t bytes = options.bytes != 0 ? options.bytes : options.messages * kBytesPerMessage;
  return ReorderBuffer(options.messages, std::max(kSegmentsMin, (bytes + kSegmentBytes - 1) / kSegmentBytes));
}

ReorderBuffer::ReorderBuffer(uint32_t messages, size_t segments)
    : slots_(messages), mask_(messages - 1), text_(segments * kSegmentBytes), segment_messages_(segments) {
  free_segments_.reserve(segments);
  Clear();
}

void ReorderBuffer::Clear() {
  if (messages_ != 0) std::fill(slots_.begin(), slots_.end(), Slot());
  messages_ = 0;
  std::fill(segment_messages_.begin(), segment_messages_.end(), 0u);
  free_segments_.clear();
  for (size_t i = segment_messages_.size(); i > 0; --i) free_segments_.push_back(static_cast<uint32_t>(i - 1));
  open_segment_ = kNoSegment;
}

bool ReorderBuffer::OpenSegment() {
  if (free_segments_.empty()) return false;
  const uint32_t left = open_segment_;
  open_segment_ = free_segments_.back();
  free_segments_.pop_back();
  open_bytes_ = 0;
  // One whose messages have all gone while it was open is free only now.
  if (left != kNoSegment && segment_messages_[left] == 0) free_segments_.push_back(left);
  return true;
}

void ReorderBuffer::Leave(uint32_t segment) {
  if (--segment_messages_[segment] != 0) return;
  if (segment == open_segment_) {
    open_bytes_ = 0;
  } else {
    free_segments_.push_back(segment);
  }
}

ReorderBuffer::Stored ReorderBuffer::Store(uint64_t sequence, std::span<const uint8_t> message,
                                           const MessageTimes& times) {
  Slot& slot = slots_[sequence & mask_];
  if (slot.sequence == sequence) return Stored::kAlready;
  CHECK_EQ(slot.sequence, kNone) << "outside of the window: " << sequence;
  if (open_segment_ == kNoSegment || open_bytes_ + message.size() >= kSegmentBytes) {
    if (!OpenSegment()) return Stored::kFull;
  }
  slot = {.sequence = sequence,
          .times = times,
          .segment = open_segment_,
          .offset = static_cast<uint16_t>(open_bytes_),
          .length = static_cast<uint16_t>(message.size())};
  if (!message.empty()) {
    std::memcpy(text_.data() + open_segment_ * kSegmentBytes + open_bytes_, message.data(), message.size());
  }
  open_bytes_ += message.size();
  ++segment_messages_[open_segment_];
  ++messages_;
  return Stored::kStored;
}

ReorderBuffer::Held ReorderBuffer::Get(uint64_t sequence) const {
  const Slot& slot = slots_[sequence & mask_];
  DCHECK_EQ(slot.sequence, sequence);
  return {{text_.data() + slot.segment * kSegmentBytes + slot.offset, slot.length}, slot.times};
}

void ReorderBuffer::Drop(uint64_t sequence) {
  Slot& slot = slots_[sequence & mask_];
  CHECK_EQ(slot.sequence, sequence);
  slot.sequence = kNone;
  --messages_;
  Leave(slot.segment);
}

}  // namespace feedfarm
