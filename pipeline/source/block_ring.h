#pragma once

#include <linux/if_packet.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace feedfarm {

// The books of a TPACKET_V3 receive ring: blocks of frames that the kernel fills in turn and hands over whole (Linux,
// Documentation/networking/packet_mmap.rst; linux/if_packet.h). Over any memory; knows no socket.
//
//   kernel fills ──(block_status TP_STATUS_USER)──► reading ──last frame taken──► held ──last frame released──► kernel
//
// A block goes back when all of its frames were taken and given back, whatever their order. Blocks are read in the
// ring's order: one that is still held when its turn comes round ends the reading until it is given back, as it stops
// the kernel. Offsets and counts that do not fit their block are not followed: the rest of the block is passed over.
// Threads: one, beside the kernel. Nothing is allocated after the constructor.
class BlockRing {
 public:
  struct Frame {
    const tpacket3_hdr* header;
    std::span<const uint8_t> bytes;  // from the Ethernet header on, until Release
    uint32_t block;
  };

  // `memory` is borrowed: whole blocks of `block_bytes`, a multiple of the page size.
  BlockRing(std::span<uint8_t> memory, uint32_t block_bytes);

  // The next frame, or nothing where the kernel has handed over no more.
  std::optional<Frame> Next();
  // A frame of this block is given back. One too many is our own bug (CHECK).
  void Release(uint32_t block);

  uint32_t blocks() const { return static_cast<uint32_t>(holds_.size()); }
  // Blocks that nobody is working on: the kernel's, or filled and not begun.
  uint32_t available() const { return blocks() - in_use_; }
  // Blocks that were not what they should be; what could not be read of each is one.
  uint64_t malformed() const { return malformed_; }

 private:
  tpacket_block_desc* At(uint32_t block) {
    return reinterpret_cast<tpacket_block_desc*>(memory_.data() + static_cast<size_t>(block) * block_bytes_);
  }
  bool Begin();
  void Pass();
  void Unhold(uint32_t block);

  const std::span<uint8_t> memory_;
  const uint32_t block_bytes_;
  std::vector<uint32_t> holds_;  // a block's frames that are out, and one while it is read; 0 = the kernel's
  uint32_t in_use_ = 0;
  uint32_t current_ = 0;      // being read, or next
  uint32_t frames_left_ = 0;  // in the current block; 0 = it is not begun
  uint32_t next_at_ = 0;      // of the next frame, from the block's start
  uint64_t malformed_ = 0;
};

}  // namespace feedfarm
