#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "glog/logging.h"

namespace feedfarm {

// Who may touch a frame.
enum class FrameOwner : uint8_t {
  kFree,      // the pool
  kFill,      // the kernel, to receive into: in a fill ring, or filled and waiting in a receive ring
  kReceived,  // the source, between the receive ring and the user
  kUser,      // whoever called Receive
  kTransmit,  // the kernel, to send
};

// The books of a packet buffer pool: which frame is whose. Knows no memory and no kernel.
//
//           TakeForFill        TakeFilled           Deliver
//   kFree ──────────────► kFill ──────────► kReceived ──────► kUser
//     ▲ ▲                                       │               │
//     │ └────────────────────── Drop ───────────┘               │
//     ├────────────────────── Return ───────────────────────────┘
//     └─ Complete ─ kTransmit ◄─ TakeForTransmit ─ kFree
//
// A move that is not drawn is our own bug and dies (CHECK): a frame freed twice would hand one buffer to two packets.
// What the kernel claims is not trusted: TakeFilled refuses a frame that the kernel does not have.
// Threads: one. All memory is allocated by the constructor; a move costs a few ns.
class FramePool {
 public:
  // `frames` >= 1; `frame_bytes` a power of two.
  FramePool(uint32_t frames, uint32_t frame_bytes);
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;

  uint32_t frames() const { return static_cast<uint32_t>(owners_.size()); }
  uint32_t frame_bytes() const { return 1u << frame_shift_; }
  uint64_t bytes() const { return static_cast<uint64_t>(frames()) << frame_shift_; }

  // First byte of the frame that `address` lies in.
  uint64_t FrameAddress(uint32_t frame) const { return static_cast<uint64_t>(frame) << frame_shift_; }

  // Moves up to out.size() frames, writes their addresses, returns how many; each frame that was wanted and not there
  // is a miss.
  size_t TakeForFill(std::span<uint64_t> out) { return Take(FrameOwner::kFill, out); }
  size_t TakeForTransmit(std::span<uint64_t> out) { return Take(FrameOwner::kTransmit, out); }

  // The kernel gave back a frame with a packet somewhere inside. Nothing, and a return drop counted, where `address`
  // lies outside the pool or in a frame that the kernel does not have.
  std::optional<uint32_t> TakeFilled(uint64_t address) {
    const uint64_t frame = address >> frame_shift_;
    if (frame >= owners_.size() || owners_[frame] != FrameOwner::kFill) {
      ++return_drops_;
      return std::nullopt;
    }
    owners_[frame] = FrameOwner::kReceived;
    --in_fill_;
    return static_cast<uint32_t>(frame);
  }

  void Deliver(uint32_t frame) { Move(frame, FrameOwner::kReceived, FrameOwner::kUser); }
  void Drop(uint32_t frame) { Free(frame, FrameOwner::kReceived); }
  void Return(uint32_t frame) { Free(frame, FrameOwner::kUser); }
  void Complete(uint32_t frame) { Free(frame, FrameOwner::kTransmit); }

  FrameOwner owner(uint32_t frame) const { return owners_.at(frame); }

  // Frames that can be taken now.
  uint32_t free_count() const { return free_count_; }
  // Frames that nobody is working on: free, or with the kernel to receive into. Equal to frames() when every packet
  // was given back.
  uint32_t available() const { return free_count_ + in_fill_; }
  uint64_t misses() const { return misses_; }
  uint64_t return_drops() const { return return_drops_; }

 private:
  size_t Take(FrameOwner to, std::span<uint64_t> out);

  void Move(uint32_t frame, FrameOwner from, FrameOwner to) {
    CHECK_LT(frame, owners_.size()) << "frame outside the pool";
    CHECK(owners_[frame] == from) << "frame " << frame << " is not its giver's: owner "
                                  << static_cast<int>(owners_[frame]) << ", expected " << static_cast<int>(from);
    owners_[frame] = to;
  }

  void Free(uint32_t frame, FrameOwner from) {
    Move(frame, from, FrameOwner::kFree);
    free_[free_count_++] = frame;
  }

  std::vector<FrameOwner> owners_;
  std::vector<uint32_t> free_;  // a stack: the frame freed last is still in the cache
  uint32_t free_count_ = 0;
  uint32_t in_fill_ = 0;
  uint32_t frame_shift_ = 0;
  uint64_t misses_ = 0;
  uint64_t return_drops_ = 0;
};

}  // namespace feedfarm
