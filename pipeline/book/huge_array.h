#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace feedfarm {

// Zeroed memory in huge pages where the kernel gives them (madvise), every page of it touched. What HugeArray is made
// of.
class HugeMemory {
 public:
  // RESOURCE_EXHAUSTED or the errno of mmap where the kernel refuses; the message names `what`. bytes may be 0.
  static absl::StatusOr<HugeMemory> Create(size_t bytes, std::string_view what);

  HugeMemory() = default;
  HugeMemory(HugeMemory&& other) noexcept { *this = std::move(other); }
  HugeMemory& operator=(HugeMemory&& other) noexcept {
    std::swap(mapping_, other.mapping_);
    std::swap(mapped_bytes_, other.mapped_bytes_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~HugeMemory();

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  // All bytes 0 again.
  void Zero();

 private:
  void* mapping_ = nullptr;
  size_t mapped_bytes_ = 0;
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

// A fixed number of T whose all-zero bytes are a value: sized and touched once, never moved, never grown.
template <class T>
class HugeArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  HugeArray() = default;

  // As HugeMemory::Create.
  absl::Status Allocate(size_t count, std::string_view what) {
    auto memory = HugeMemory::Create(count * sizeof(T), what);
    if (!memory.ok()) return memory.status();
    memory_ = *std::move(memory);
    data_ = static_cast<T*>(memory_.data());
    return absl::OkStatus();
  }

  size_t size() const { return memory_.bytes() / sizeof(T); }
  size_t bytes() const { return memory_.bytes(); }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  void Zero() { memory_.Zero(); }

 private:
  HugeMemory memory_;
  T* data_ = nullptr;
};

}  // namespace feedfarm
