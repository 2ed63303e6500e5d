#pragma once

#include <cstdint>
#include <span>

namespace feedfarm {

// The way to the re-request server. Owned by the hot thread, used only while something is missing; neither call blocks.
class RerequestChannel {
 public:
  virtual ~RerequestChannel() = default;

  // Best effort: what is lost is asked again after its timeout.
  virtual void Send(std::span<const uint8_t> request) = 0;

  // The next answer's payload, valid until the next call; empty where there is none.
  virtual std::span<const uint8_t> Receive() = 0;
};

}  // namespace feedfarm
