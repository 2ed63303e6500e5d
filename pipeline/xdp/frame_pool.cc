#include "pipeline/xdp/frame_pool.h"

#include <algorithm>
#include <bit>

namespace feedfarm {

FramePool::FramePool(uint32_t frames, uint32_t frame_bytes)
    : owners_(frames, FrameOwner::kFree), free_(frames), free_count_(frames) {
  CHECK_GT(frames, 0u);
  CHECK(std::has_single_bit(frame_bytes)) << frame_bytes;
  frame_shift_ = static_cast<uint32_t>(std::countr_zero(frame_bytes));
  // Low frames on top of the stack: the pool is used from its start.
  for (uint32_t i = 0; i < frames; ++i) free_[i] = frames - 1 - i;
}

size_t FramePool::Take(FrameOwner to, std::span<uint64_t> out) {
  const size_t taken = std::min<size_t>(out.size(), free_count_);
  for (size_t i = 0; i < taken; ++i) {
    const uint32_t frame = free_[--free_count_];
    Move(frame, FrameOwner::kFree, to);
    out[i] = FrameAddress(frame);
  }
  if (to == FrameOwner::kFill) in_fill_ += static_cast<uint32_t>(taken);
  misses_ += out.size() - taken;
  return taken;
}

}  // namespace feedfarm
