#pragma once

#include <sys/socket.h>
#include <xdp/xsk.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/xdp/frame_pool.h"
#include "pipeline/xdp/xsk_umem.h"

namespace feedfarm {

struct XskSocketOptions {
  std::string interface;
  uint32_t queue = 0;
  // Receive and fill ring, a power of two.
  uint32_t ring_entries = 2048;
  // Bind in zero-copy mode, or in copy mode: one UMEM has one mode.
  bool zero_copy = false;
  // Busy polling (busy_poll.h); 0 = off.
  uint32_t busy_poll_us = 0;
  uint32_t busy_poll_budget = 64;
};

// Losses that the kernel counts for a socket, totals.
struct XskStatistics {
  uint64_t dropped = 0;          // no free frame, or a packet too long for one
  uint64_t ring_full = 0;        // receive ring full
  uint64_t fill_ring_empty = 0;  // times the kernel wanted a frame and found none
};

// One AF_XDP socket, receive only, on one queue of one interface, on a UMEM shared with others, with its own fill ring.
// No XDP program is loaded by it: XdpProgram::SetSocket routes packets here. Threads: one.
class XskSocket {
 public:
  // The fill ring is full of frames when this returns, as far as the pool has them.
  // EBUSY (another socket, or one just dying, has the queue) is tried again for one second, then FailedPrecondition.
  // Unimplemented, InvalidArgument: the driver cannot do the mode; others: errno with interface and queue.
  static absl::StatusOr<std::unique_ptr<XskSocket>> Create(XskUmem& umem, const XskSocketOptions& options);
  ~XskSocket();
  XskSocket(const XskSocket&) = delete;
  XskSocket& operator=(const XskSocket&) = delete;

  int fd() const { return fd_; }
  // What the kernel says of the bind.
  bool zero_copy() const { return zero_copy_; }
  // Why busy polling was refused; OK where it was granted or not asked for.
  const absl::Status& busy_poll_status() const { return busy_poll_status_; }
  uint32_t queue() const { return queue_; }

  // Up to `max` descriptors from the receive ring are ready at Descriptor(first + i). After reading them: Consume.
  uint32_t Peek(uint32_t max, uint32_t& first) { return xsk_ring_cons__peek(&receive_, max, &first); }
  const xdp_desc& Descriptor(uint32_t index) const { return *xsk_ring_cons__rx_desc(&receive_, index); }
  // `count` descriptors are done; as many frames are owed to the fill ring.
  void Consume(uint32_t count) {
    xsk_ring_cons__release(&receive_, count);
    owed_ += count;
  }

  // Frames that the fill ring lacks.
  uint32_t owed() const { return owed_; }
  // Puts up to min(owed, `max`) frames into the fill ring; what the pool lacks stays owed, and is a miss of the pool.
  void Refill(FramePool& pool, uint32_t max);

  // To be called when the receive ring is empty. With busy polling nobody else moves packets: the call is the device's
  // poll. Without, a zero-copy driver may have gone to sleep for want of frames; in copy mode nobody sleeps, and the flag
  // shares a cache line with the fill ring's consumer, which the kernel writes for each batch: it is not read.
  void WakeIfNeeded() {
    if (busy_poll_ || (zero_copy_ && xsk_ring_prod__needs_wakeup(fill_))) {
      recvfrom(fd_, nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
    }
  }

  // One getsockopt.
  absl::StatusOr<XskStatistics> Statistics() const;

 private:
  XskSocket() = default;

  xsk_ring_cons receive_{};
  xsk_ring_prod own_fill_{};
  xsk_ring_cons own_completion_{};  // never used: receive only; the kernel wants one
  xsk_ring_prod* fill_ = nullptr;   // own_fill_, or the UMEM's for its first socket
  xsk_socket* socket_ = nullptr;
  int fd_ = -1;
  uint32_t owed_ = 0;
  uint32_t queue_ = 0;
  bool zero_copy_ = false;
  bool busy_poll_ = false;
  absl::Status busy_poll_status_;
};

}  // namespace feedfarm
