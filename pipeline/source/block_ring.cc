#include "pipeline/source/block_ring.h"

#include "glog/logging.h"

namespace feedfarm {

BlockRing::BlockRing(std::span<uint8_t> memory, uint32_t block_bytes)
    : memory_(memory), block_bytes_(block_bytes), holds_(memory.size() / block_bytes) {
  CHECK_GT(holds_.size(), 0u);
  CHECK_EQ(memory.size() % block_bytes, 0u);
}

std::optional<BlockRing::Frame> BlockRing::Next() {
  while (frames_left_ != 0 || Begin()) {
    const uint8_t* block = memory_.data() + static_cast<size_t>(current_) * block_bytes_;
    const tpacket3_hdr* header = reinterpret_cast<const tpacket3_hdr*>(block + next_at_);
    const uint64_t end = static_cast<uint64_t>(next_at_) + header->tp_mac + header->tp_snaplen;
    const uint64_t next = static_cast<uint64_t>(next_at_) + header->tp_next_offset;
    // The last frame's next offset may be anything: it is not used.
    const bool next_fits = frames_left_ == 1 ||
                           (header->tp_next_offset >= sizeof(tpacket3_hdr) &&
                            next + sizeof(tpacket3_hdr) <= block_bytes_ && next % alignof(tpacket3_hdr) == 0);
    if (end > block_bytes_ || header->tp_mac < sizeof(tpacket3_hdr) || !next_fits) [[unlikely]] {
      ++malformed_;
      Pass();
      continue;
    }
    const Frame frame{header, {block + next_at_ + header->tp_mac, header->tp_snaplen}, current_};
    ++holds_[current_];
    next_at_ = static_cast<uint32_t>(next);
    if (--frames_left_ == 0) Pass();
    return frame;
  }
  return std::nullopt;
}

// Begins the current block where it was handed over and has frames.
bool BlockRing::Begin() {
  // Bounded: a ring of blocks without frames is gone round once.
  for (uint32_t i = 0; i < blocks(); ++i) {
    if (holds_[current_] != 0) return false;
    tpacket_hdr_v1& header = At(current_)->hdr.bh1;
    // Pairs with the kernel's publishing of a filled block.
    const uint32_t status = std::atomic_ref(header.block_status).load(std::memory_order_acquire);
    if ((status & TP_STATUS_USER) == 0) return false;
    holds_[current_] = 1;
    ++in_use_;
    next_at_ = header.offset_to_first_pkt;
    frames_left_ = header.num_pkts;
    const bool fits = next_at_ % alignof(tpacket3_hdr) == 0 && next_at_ >= sizeof(tpacket_block_desc) &&
                      static_cast<uint64_t>(next_at_) + sizeof(tpacket3_hdr) <= block_bytes_;
    if (frames_left_ != 0 && fits) return true;
    malformed_ += frames_left_ != 0 ? 1 : 0;
    Pass();
  }
  return false;
}

// The current block is read, or what is left of it is given up.
void BlockRing::Pass() {
  const uint32_t block = current_;
  frames_left_ = 0;
  current_ = current_ + 1 == blocks() ? 0 : current_ + 1;
  Unhold(block);
}

void BlockRing::Release(uint32_t block) {
  CHECK_LT(block, blocks()) << "block outside the ring";
  CHECK(holds_[block] > (block == current_ && frames_left_ != 0 ? 1u : 0u)) << "block " << block << " given back twice";
  Unhold(block);
}

void BlockRing::Unhold(uint32_t block) {
  if (--holds_[block] != 0) return;
  --in_use_;
  // Pairs with the kernel's look at the status before it fills the block again: our reads end before.
  std::atomic_ref(At(block)->hdr.bh1.block_status).store(TP_STATUS_KERNEL, std::memory_order_release);
}

}  // namespace feedfarm
