#pragma once

#include <cstdint>

#include "pipeline/source/packet_source.h"

namespace feedfarm {

// The times that a message has from the packet that brought it.
struct MessageTimes {
  uint64_t receive_tai_ns = 0;   // 0 where the class is kNone
  uint64_t intended_tai_ns = 0;  // 0 = none
  TimestampClass timestamp_class = TimestampClass::kNone;
};

}  // namespace feedfarm
