#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "pipeline/feed/feed_event.h"

namespace feedfarm {

// Events from the hot thread to whoever prints them: a bounded ring, one thread pushes, one pops. When it is full the
// event is counted as lost and forgotten; counters never depend on events. Neither side waits or allocates.
class FeedEventQueue {
 public:
  // capacity: a power of two.
  explicit FeedEventQueue(size_t capacity = 4096) : events_(capacity), mask_(capacity - 1) {}

  void Push(const FeedEvent& event) {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    // Acquire: the popper has read what we overwrite (its release store of head_).
    if (tail - head_.load(std::memory_order_acquire) == events_.size()) {
      lost_.store(lost_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      return;
    }
    events_[tail & mask_] = event;
    tail_.store(tail + 1, std::memory_order_release);  // Pop's acquire load of tail_ sees the event
  }

  std::optional<FeedEvent> Pop() {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return std::nullopt;
    const FeedEvent event = events_[head & mask_];
    head_.store(head + 1, std::memory_order_release);  // Push's acquire load of head_: the slot is free
    return event;
  }

  uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  std::vector<FeedEvent> events_;
  uint64_t mask_;
  std::atomic<uint64_t> lost_{0};
  alignas(64) std::atomic<uint64_t> tail_{0};
  alignas(64) std::atomic<uint64_t> head_{0};
};

}  // namespace feedfarm
