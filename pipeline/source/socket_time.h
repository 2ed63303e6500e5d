#pragma once

#include <linux/net_tstamp.h>

#include <cstdint>

#include "pipeline/base/clock.h"
#include "pipeline/source/receive_options.h"

namespace feedfarm {

// CLOCK_TAI minus CLOCK_REALTIME: whole seconds, so that the time between the two reads rounds away. Sockets' software
// stamps are CLOCK_REALTIME. Cost: two clock reads; once a batch.
inline int64_t TaiMinusUnix() {
  constexpr int64_t kSecond = 1'000'000'000;
  const int64_t difference = static_cast<int64_t>(TaiNow()) - static_cast<int64_t>(UnixNow());
  const int64_t half = difference >= 0 ? kSecond / 2 : -kSecond / 2;
  return (difference + half) / kSecond * kSecond;
}

// SO_TIMESTAMPING's flags for what is wanted: report software times, and the NIC's own where they are wanted.
inline uint32_t StampFlags(WantedTime wanted) {
  const uint32_t software = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
  const uint32_t hardware = SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE;
  return wanted == WantedTime::kSoftware ? software : software | hardware;
}

}  // namespace feedfarm
