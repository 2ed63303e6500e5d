#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "glog/logging.h"

namespace feedfarm {

// A bounded ring from one thread to another: one writes, one reads, neither waits or allocates. Items are written and
// read in place, several at a time.
template <class T>
class SpscRing {
 public:
  // capacity: items, a power of two. All of it is allocated and touched here.
  explicit SpscRing(size_t capacity) : items_(std::make_unique<T[]>(capacity)), capacity_(capacity) {
    CHECK(std::has_single_bit(capacity));
  }
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  size_t capacity() const { return capacity_; }

  // --- Writer ---

  // Items that can be written now: at least `wanted` if so many are free, as looked up at need.
  size_t Writable(size_t wanted = 1) {
    size_t free = capacity_ - (write_ - known_read_);
    if (free < wanted) {
      known_read_ = read_shared_.load(std::memory_order_acquire);  // pairs with Release: the items were read
      free = capacity_ - (write_ - known_read_);
    }
    return free;
  }
  // The nth item behind those committed, n < Writable(n + 1).
  T& Slot(size_t n = 0) { return items_[(write_ + n) & (capacity_ - 1)]; }
  // The first `count` slots are written: the reader may have them.
  void Commit(size_t count) {
    write_ += count;
    write_shared_.store(write_, std::memory_order_release);  // pairs with Readable
  }

  // --- Reader ---

  size_t Readable() {
    known_write_ = write_shared_.load(std::memory_order_acquire);  // pairs with Commit: the items are written
    return known_write_ - read_;
  }
  // The nth item not yet released, n < Readable().
  const T& Item(size_t n = 0) const { return items_[(read_ + n) & (capacity_ - 1)]; }
  void Release(size_t count) {
    read_ += count;
    read_shared_.store(read_, std::memory_order_release);  // pairs with Writable
  }

 private:
  static constexpr size_t kLine = 64;

  const std::unique_ptr<T[]> items_;
  const size_t capacity_;
  // Each side's own, a cache line each.
  alignas(kLine) uint64_t write_ = 0;
  uint64_t known_read_ = 0;
  alignas(kLine) uint64_t read_ = 0;
  uint64_t known_write_ = 0;
  alignas(kLine) std::atomic<uint64_t> write_shared_{0};
  alignas(kLine) std::atomic<uint64_t> read_shared_{0};
};

}  // namespace feedfarm
