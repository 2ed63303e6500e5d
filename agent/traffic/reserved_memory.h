#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"

namespace feedfarm {

// Address space for something that grows to an unknown size without ever moving: pages become memory when they are
// first written. Unmapped by the destructor. Movable; a moved-from one is empty.
class ReservedMemory {
 public:
  // bytes > 0. RESOURCE_EXHAUSTED or the errno of mmap where the kernel refuses.
  static absl::StatusOr<ReservedMemory> Create(size_t bytes);

  ReservedMemory() = default;
  ReservedMemory(ReservedMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  ReservedMemory& operator=(ReservedMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~ReservedMemory();

  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  ReservedMemory(uint8_t* data, size_t size) : data_(data), size_(size) {}

  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace feedfarm
