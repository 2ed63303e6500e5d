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
  // Reserved huge pages (MAP_HUGETLB) are tried first, then transparent ones (madvise). `frame_bytes` is a power of two, 2,048 or 4,096 for AF_XDP.
  // ResourceExhausted and others: mmap's errno.
  static absl::StatusOr<std::unique_ptr<UmemPool>> Create(uint32_t frames, uint32_t frame_bytes);
  ~UmemPool();
  UmemPool(const UmemPool&) = delete;
  UmemPool& operator=(const UmemPool&) = delete;

  FramePool& frames() { return frames_; }
  const FramePool& frames() const { return frames_; }
  uint8_t* memory() { return memory_; }
  uint64_t bytes() const { return frames_.bytes(); }

  // True: all of it is huge pages, reserved ones or transparent ones.
  bool huge_pages() const { return huge_pages_; }
  // What it is in, for people: "reserved huge pages", "no reserved huge pages; 16 of 32 MiB are
  // transparent ones".
  const std::string& pages() const { return pages_; }
  // False: the limit on locked memory (RLIMIT_MEMLOCK) is too low; pages are touched but may be swapped.
  bool locked() const { return locked_; }

 private:
  UmemPool(uint32_t frames, uint32_t frame_bytes);

  FramePool frames_;
  uint8_t* memory_ = nullptr;
  uint64_t mapped_bytes_ = 0;
  bool huge_pages_ = false;
  std::string pages_;
  bool locked_ = false;
};

}  // namespace feedfarm
