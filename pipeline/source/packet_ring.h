#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/source/block_ring.h"
#include "pipeline/source/line_ports.h"
#include "pipeline/source/receive_options.h"

namespace feedfarm {

// Totals of a packet socket (PACKET_STATISTICS).
struct PacketRingStatistics {
  uint64_t dropped = 0;      // packets for which no block was free
  uint64_t full_blocks = 0;  // times the kernel wanted a block and the user had it
};

// A packet socket (packet(7)) on one interface with a TPACKET_V3 receive ring mapped into memory, and a filter for the
// lines that arrive there. Kernel memory: never swapped, never a page fault. Threads: one.
class PacketRing {
 public:
  // At least as long as a packet may wait in a block that is not full; the kernel's smallest.
  static constexpr uint32_t kRetireMs = 1;

  // `bytes` is rounded to blocks, at least four. Only packets that come in, and only the lines'.
  // PermissionDenied: CAP_NET_RAW; others: errno and the call.
  static absl::StatusOr<std::unique_ptr<PacketRing>> Create(const LinePort& port, uint64_t bytes, WantedTime wanted);
  ~PacketRing();
  PacketRing(const PacketRing&) = delete;
  PacketRing& operator=(const PacketRing&) = delete;

  BlockRing& blocks() { return *blocks_; }
  const BlockRing& blocks() const { return *blocks_; }
  int fd() const { return socket_.get(); }
  const LinePort& port() const { return port_; }
  uint32_t block_bytes() const { return block_bytes_; }

  // One getsockopt, which sets the kernel's counts to 0: they are added up here.
  const PacketRingStatistics& Statistics();

 private:
  explicit PacketRing(const LinePort& port) : port_(port) {}
  absl::Status Open(uint64_t bytes, WantedTime wanted);
  absl::Status MapBlocks(uint64_t bytes);

  const LinePort port_;
  ScopedFd socket_;
  uint8_t* memory_ = nullptr;
  uint64_t mapped_bytes_ = 0;
  uint32_t block_bytes_ = 0;
  std::unique_ptr<BlockRing> blocks_;
  PacketRingStatistics statistics_;
};

}  // namespace feedfarm
