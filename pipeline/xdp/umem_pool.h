#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/xdp/frame_pool.h"

namespace feedfarm {

// A frame pool with its memory: one mapping, allocated, touched and locked at start, so that the hot path never faults.
// Threads: one.
class UmemPool {
 public:
  // Huge pages are tried first. `frame_bytes` is a power of two, 2,048 or 4,096 for AF_XDP.
  // ResourceExhausted and others: mmap's errno.
  static absl::StatusOr<std::unique_ptr<UmemPool>> Create(uint32_t frames, uint32_t frame_bytes);
  ~UmemPool();
  UmemPool(const UmemPool&) = delete;
  UmemPool& operator=(const UmemPool&) = delete;

  FramePool& frames() { return frames_; }
  const FramePool& frames() const { return frames_; }
  uint8_t* memory() { return memory_; }
  uint64_t bytes() const { return frames_.bytes(); }

  bool huge_pages() const { return huge_pages_; }
  // False: the limit on locked memory (RLIMIT_MEMLOCK) is too low; pages are touched but may be swapped.
  bool locked() const { return locked_; }

 private:
  UmemPool(uint32_t frames, uint32_t frame_bytes);

  FramePool frames_;
  uint8_t* memory_ = nullptr;
  uint64_t mapped_bytes_ = 0;
  bool huge_pages_ = false;
  bool locked_ = false;
};

}  // namespace feedfarm
