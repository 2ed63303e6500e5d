#pragma once

#include <cstddef>
#include <cstdint>

namespace feedfarm {

// What a latency histogram of the handler measures.
enum class LatencyMetric : uint8_t {
  kDecode = 0,    // receive time to decode entry, a sample a packet
  kDeliver = 1,   // receive time to in-order delivery, a sample a message; a held one counts its whole wait
  kEndToEnd = 2,  // the sender's intended send time to in-order delivery, a sample a message
};
inline constexpr size_t kLatencyMetrics = 3;
inline constexpr size_t Index(LatencyMetric metric) { return static_cast<size_t>(metric); }

}  // namespace feedfarm
