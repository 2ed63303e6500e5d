#include "agent/traffic/message_store.h"

#include <glog/logging.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "pipeline/base/status_macros.h"

namespace feedfarm {

absl::StatusOr<std::unique_ptr<MessageStore>> MessageStore::Create(BlockOrder order, uint64_t bytes_max) {
  bytes_max = std::max<uint64_t>(bytes_max, 1 << 16);
  FEEDFARM_ASSIGN_OR_RETURN(ReservedMemory arena, ReservedMemory::Create(bytes_max));
  FEEDFARM_ASSIGN_OR_RETURN(ReservedMemory ends, ReservedMemory::Create(bytes_max));
  return std::unique_ptr<MessageStore>(new MessageStore(order, bytes_max, std::move(arena), std::move(ends)));
}

MessageStore::MessageStore(BlockOrder order, uint64_t bytes_max, ReservedMemory arena, ReservedMemory ends)
    : order_(order),
      bytes_max_(bytes_max),
      arena_(std::move(arena)),
      ends_memory_(std::move(ends)),
      ends_(reinterpret_cast<uint64_t*>(ends_memory_.data())) {}

void MessageStore::BeginGeneration(const SessionId& session, uint64_t first_sequence, uint64_t stream_offset) {
  CHECK(!sealed_);
  EndGeneration();
  generations_.push_back({.session = session, .first_index = messages_, .stream_offset = stream_offset});
  next_sequence_ = claim_first_sequence_ = first_sequence;
}

MessageStore::Outcome MessageStore::Append(uint64_t sequence, std::span<const uint8_t> message, uint64_t stream_offset,
                                           uint64_t send_time_ns) {
  DCHECK(!generations_.empty());
  if (Covered(sequence)) return Outcome::kRepeated;
  if (message.size() > UINT16_MAX || !HasRoom(static_cast<uint16_t>(message.size()))) return Outcome::kFull;
  Extend(sequence, stream_offset);
  if (send_time_ns != 0 && (send_marks_.empty() || send_marks_.back().send_time_ns != send_time_ns)) {
    send_marks_.push_back({messages_, send_time_ns});
  }
  uint8_t* at = AddBlock(static_cast<uint16_t>(message.size()));
  if (!message.empty()) std::memcpy(at, message.data(), message.size());
  return Outcome::kStored;
}

bool MessageStore::Covered(uint64_t sequence) const {
  auto after = std::upper_bound(extents_.begin(), extents_.end(), sequence,
                                [](uint64_t value, const Extent& extent) { return value < extent.sequence; });
  if (after == extents_.begin()) return false;
  const Extent& before = *std::prev(after);
  return sequence - before.sequence < before.count;
}

// Notes that `sequence`, not covered, is stored at messages_.
void MessageStore::Extend(uint64_t sequence, uint64_t stream_offset) {
  auto after = std::upper_bound(extents_.begin(), extents_.end(), sequence,
                                [](uint64_t value, const Extent& extent) { return value < extent.sequence; });
  if (after != extents_.end()) sorted_ = false;
  if (after != extents_.begin()) {
    Extent& before = *std::prev(after);
    if (before.sequence + before.count == sequence && before.first + before.count == messages_) {
      ++before.count;
      return;
    }
  }
  extents_.insert(after, {.sequence = sequence, .first = messages_, .count = 1, .stream_offset = stream_offset});
}

// Turns the finished generation's extents into segments.
void MessageStore::EndGeneration() {
  if (generations_.empty()) return;
  StreamGeneration& generation = generations_.back();
  if (extents_.empty() && messages_ > generation.first_index) {
    extents_.push_back({.sequence = claim_first_sequence_,
                        .first = generation.first_index,
                        .count = messages_ - generation.first_index,
                        .stream_offset = generation.stream_offset});
  }
  generation.first_segment = segments_.size();
  uint64_t index = generation.first_index;
  for (const Extent& extent : extents_) {
    const bool joins = segments_.size() > generation.first_segment &&
                       segments_.back().first_sequence + (index - segments_.back().first_index) == extent.sequence;
    if (!joins) {
      segments_.push_back({.first_index = index,
                           .first_sequence = extent.sequence,
                           .stream_offset = extent.stream_offset,
                           .generation = static_cast<uint32_t>(generations_.size() - 1)});
    }
    order_of_extents_.push_back(extent);
    index += extent.count;
  }
  generation.end_index = index;
  generation.end_segment = segments_.size();
  extents_.clear();
}

absl::Status MessageStore::Seal() {
  CHECK(!sealed_);
  EndGeneration();
  if (!sorted_) FEEDFARM_RETURN_IF_ERROR(Sort());
  order_of_extents_ = {};
  sealed_ = true;
  return absl::OkStatus();
}

// Rare (a capture whose packets were reordered): everything is copied once into a new memory.
absl::Status MessageStore::Sort() {
  FEEDFARM_ASSIGN_OR_RETURN(ReservedMemory arena, ReservedMemory::Create(bytes_max_));
  FEEDFARM_ASSIGN_OR_RETURN(ReservedMemory ends_memory, ReservedMemory::Create(bytes_max_));
  auto* ends = reinterpret_cast<uint64_t*>(ends_memory.data());
  std::vector<SendMark> marks;
  uint64_t index = 0, bytes = 0;
  for (const Extent& extent : order_of_extents_) {
    for (uint64_t from = extent.first; from < extent.first + extent.count; ++from, ++index) {
      const uint64_t size = ends_[from + 1] - ends_[from];
      std::memcpy(arena.data() + bytes, arena_.data() + ends_[from], size);
      bytes += size;
      ends[index + 1] = bytes;
      const uint64_t time = send_time(from);
      if (time != 0 && (marks.empty() || marks.back().send_time_ns != time)) marks.push_back({index, time});
    }
  }
  CHECK_EQ(index, messages_);
  arena_ = std::move(arena);
  ends_memory_ = std::move(ends_memory);
  ends_ = ends;
  send_marks_ = std::move(marks);
  return absl::OkStatus();
}

const StreamSegment& MessageStore::segment(uint64_t index) const {
  auto after =
      std::upper_bound(segments_.begin(), segments_.end(), index,
                       [](uint64_t value, const StreamSegment& segment) { return value < segment.first_index; });
  return *std::prev(after);
}

uint64_t MessageStore::segment_end(const StreamSegment& segment) const {
  const StreamSegment* next = &segment + 1;
  return next == segments_.data() + segments_.size() ? messages_ : next->first_index;
}

uint64_t MessageStore::stream_offset_before(uint32_t generation, uint64_t index) const {
  const StreamGeneration& in = generations_[generation];
  if (index <= in.first_index) return in.stream_offset;
  index = std::min(index, in.end_index);
  return stream_offset(index - 1) + (ends_[index] - ends_[index - 1]);
}

uint64_t MessageStore::send_time(uint64_t index) const {
  auto after = std::upper_bound(send_marks_.begin(), send_marks_.end(), index,
                                [](uint64_t value, const SendMark& mark) { return value < mark.first_index; });
  return after == send_marks_.begin() ? 0 : std::prev(after)->send_time_ns;
}

uint64_t MessageStore::LowerBound(uint32_t generation, uint64_t sequence) const {
  const StreamGeneration& in = generations_[generation];
  const auto begin = segments_.begin() + in.first_segment, end = segments_.begin() + in.end_segment;
  auto after = std::upper_bound(begin, end, sequence, [](uint64_t value, const StreamSegment& segment) {
    return value < segment.first_sequence;
  });
  if (after == begin) return in.first_index;
  const StreamSegment& before = *std::prev(after);
  const uint64_t count = (after == end ? in.end_index : after->first_index) - before.first_index;
  return before.first_index + std::min(sequence - before.first_sequence, count);
}

std::optional<uint64_t> MessageStore::Find(uint32_t generation, uint64_t sequence) const {
  const uint64_t index = LowerBound(generation, sequence);
  if (index == generations_[generation].end_index || this->sequence(index) != sequence) return std::nullopt;
  return index;
}

}  // namespace feedfarm
