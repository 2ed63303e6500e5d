#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace feedfarm {

// Stands behind the arbiter and trusts nothing of it: within a generation sequences must rise strictly, generations
// too. A message that does not is a duplicate, or, where its sequence was left out before, out of order. The last
// kHolesMax left-out ranges are remembered. Cost: one compare a message.
class StreamAuditor {
 public:
  void Observe(uint32_t generation, uint64_t sequence) {
    if (generation == generation_ && sequence == last_ + 1) [[likely]] {
      last_ = sequence;
      return;
    }
    ObserveJump(generation, sequence);
  }

  // `count` messages that follow each other from `first` on. count > 0.
  void ObserveRun(uint32_t generation, uint64_t first, uint64_t count) {
    if (generation == generation_ && first == last_ + 1) [[likely]] {
      last_ += count;
      return;
    }
    for (uint64_t i = 0; i < count; ++i) Observe(generation, first + i);
  }

  // Goes on behind `last` of a stream that was audited elsewhere.
  void Resume(uint32_t generation, uint64_t last) {
    begun_ = true;
    generation_ = generation;
    last_ = last;
  }

  uint64_t duplicates() const { return duplicates_; }
  uint64_t out_of_order() const { return out_of_order_; }

 private:
  static constexpr size_t kHolesMax = 64;
  struct Hole {
    uint64_t first = 0;
    uint64_t end = 0;
  };

  void ObserveJump(uint32_t generation, uint64_t sequence) {
    if (!begun_ || generation > generation_) {
      begun_ = true;
      generation_ = generation;
      last_ = sequence;
      holes_.fill({});
    } else if (generation < generation_) {
      ++out_of_order_;
    } else if (sequence > last_) {
      holes_[next_hole_++ % kHolesMax] = {last_ + 1, sequence};
      last_ = sequence;
    } else {
      ++(WasLeftOut(sequence) ? out_of_order_ : duplicates_);
    }
  }

  bool WasLeftOut(uint64_t sequence) const {
    for (const Hole& hole : holes_) {
      if (sequence >= hole.first && sequence < hole.end) return true;
    }
    return false;
  }

  bool begun_ = false;
  uint32_t generation_ = 0;
  uint64_t last_ = UINT64_MAX - 1;  // nothing follows it: the first message is a jump
  uint64_t duplicates_ = 0;
  uint64_t out_of_order_ = 0;
  std::array<Hole, kHolesMax> holes_{};
  size_t next_hole_ = 0;
};

}  // namespace feedfarm
