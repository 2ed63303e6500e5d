#include "pipeline/profile/pooled_source.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "pipeline/base/clock.h"

namespace feedfarm {

size_t PooledSource::Receive(std::span<Packet> out) {
  size_t wanted = 0;
  const size_t most = std::min({out.size(), kBatchMax, feed_->arrivals.size() - next_});
  while (wanted < most && (now_ns_ == nullptr || start_ns_ + feed_->arrivals[next_ + wanted].at_ns <= *now_ns_))
    ++wanted;
  if (wanted == 0) return 0;
  FramePool& frames = pool_->frames();
  std::array<uint64_t, kBatchMax> addresses;
  const size_t count = frames.TakeForFill(std::span(addresses).first(wanted));
  const uint64_t stamp_ns = now_ns_ == nullptr ? TaiNow() : 0;
  size_t given = 0;
  for (size_t i = 0; i < count; ++i) {
    const MemoryFeed::Arrival& arrival = feed_->arrivals[next_ + i];
    const auto frame = frames.TakeFilled(addresses[i]);
    if (!frame) continue;
    uint8_t* const memory = pool_->memory() + addresses[i];
    std::memcpy(memory, feed_->bytes.data() + arrival.offset, arrival.bytes);
    frames.Deliver(*frame);
    order_frames_ += arrival.order_messages != 0 ? 1 : 0;
    out[given++] = {.payload = memory,
                    .size = arrival.bytes,
                    .line = arrival.line,
                    .timestamp_class = TimestampClass::kSoftware,
                    .receive_tai_ns = now_ns_ == nullptr ? stamp_ns : start_ns_ + arrival.at_ns,
                    .buffer = *frame};
  }
  next_ += count;
  return given;
}

void PooledSource::Release(std::span<const Packet> packets) {
  for (const Packet& packet : packets) pool_->frames().Return(static_cast<uint32_t>(packet.buffer));
}

SourceCounters PooledSource::Counters() const {
  SourceCounters counters;
  counters.pool_frames = pool_->frames().frames();
  counters.pool_available = pool_->frames().available();
  counters.pool_misses = pool_->frames().misses();
  counters.pool_return_drops = pool_->frames().return_drops();
  return counters;
}

}  // namespace feedfarm
