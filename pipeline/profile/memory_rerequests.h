#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "pipeline/base/rng.h"
#include "pipeline/feed/rerequest_channel.h"
#include "pipeline/profile/memory_feed.h"

namespace feedfarm {

// A re-request server in simulated time that loses some of its answers. One thread.
class MemoryRerequests final : public RerequestChannel {
 public:
  // Borrowed, but the seed. `loss`: share of requests that are not answered.
  MemoryRerequests(const MessageStream* stream, SessionId session, const uint64_t* now_ns, double loss, uint64_t seed)
      : stream_(stream), session_(session), now_ns_(now_ns), loss_(loss), rng_(seed) {}

  void Send(std::span<const uint8_t> request) override;
  std::span<const uint8_t> Receive() override;

  uint64_t requests() const { return requests_; }
  uint64_t unanswered() const { return unanswered_; }

 private:
  const MessageStream* const stream_;
  const SessionId session_;
  const uint64_t* const now_ns_;
  const double loss_;
  Rng rng_;
  std::multimap<uint64_t, std::vector<uint8_t>> answers_;  // by the time they come
  std::vector<uint8_t> current_;
  uint64_t requests_ = 0;
  uint64_t unanswered_ = 0;
};

}  // namespace feedfarm
