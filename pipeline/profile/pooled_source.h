#pragma once

#include <cstdint>

#include "pipeline/profile/memory_feed.h"
#include "pipeline/source/packet_source.h"
#include "pipeline/xdp/umem_pool.h"

namespace feedfarm {

// A feed out of memory through a real packet pool: each packet is copied into a buffer, as a device would, and the
// buffer must be given back. One thread; Receive allocates nothing.
class PooledSource final : public PacketSource {
 public:
  // All borrowed. `now_ns`: packets come when their time has come, and have no receive time of a class but software's,
  // in that clock; nullptr: all are there at once, and stamped with TAI as they are taken.
  PooledSource(const MemoryFeed* feed, UmemPool* pool, const uint64_t* now_ns, uint64_t start_ns)
      : feed_(feed), pool_(pool), now_ns_(now_ns), start_ns_(start_ns) {}

  size_t Receive(std::span<Packet> out) override;
  void Release(std::span<const Packet> packets) override;
  void Wait(uint64_t) override {}
  bool exhausted() const override { return next_ == feed_->arrivals.size(); }
  SourceCounters Counters() const override;

  // Time of the next packet; UINT64_MAX = there is none.
  uint64_t next_arrival_ns() const { return exhausted() ? UINT64_MAX : start_ns_ + feed_->arrivals[next_].at_ns; }
  uint64_t packets() const { return next_; }
  // Packets given that hold messages about single orders.
  uint64_t order_frames() const { return order_frames_; }

 private:
  const MemoryFeed* const feed_;
  UmemPool* const pool_;
  const uint64_t* const now_ns_;
  const uint64_t start_ns_;
  size_t next_ = 0;
  uint64_t order_frames_ = 0;
};

}  // namespace feedfarm
