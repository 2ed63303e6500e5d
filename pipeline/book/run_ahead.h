#pragma once

#include <cstddef>
#include <utility>

namespace feedfarm {

// Items that run ahead of the work on them, so that its memory is there when it comes.
inline constexpr size_t kRunAheadBlock = 8;  // about a memory latency's worth of messages

// Calls each stage with 0..count - 1 in order, a block of items at a time and each stage one block behind the stage
// before it. The last stage is the work, the others are hints.
template <class... Stage>
[[gnu::always_inline]] inline void RunAhead(size_t count, Stage&&... stage) {
  constexpr size_t kBehind = (sizeof...(Stage) - 1) * kRunAheadBlock;
  const auto run = [count](size_t first, size_t behind, auto& one) __attribute__((always_inline)) {
    if (first < behind) return;
    const size_t begin = first - behind;
    const size_t end = begin + kRunAheadBlock < count ? begin + kRunAheadBlock : count;
    for (size_t i = begin; i < end; ++i) one(i);
  };
  for (size_t first = 0; first < count + kBehind; first += kRunAheadBlock) {
    size_t behind = 0;
    (run(first, std::exchange(behind, behind + kRunAheadBlock), stage), ...);
  }
}

}  // namespace feedfarm
