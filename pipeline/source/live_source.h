#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "pipeline/source/packet_source.h"
#include "pipeline/source/receive_grant.h"

namespace feedfarm {

// A source that takes packets from the network. One thread owns it, ArmCut included.
class LiveSource : public PacketSource {
 public:
  virtual const SourceGrants& grants() const = 0;

  // From `start_tai_ns` (CLOCK_TAI) on, for `duration_ns`, every packet of `line` is dropped before user space. A
  // second call replaces the line's rule. The rule ends by itself; it dies with this process. Unimplemented: this
  // method cannot cut. InvalidArgument: a window that is empty, already over, or longer than an hour.
  virtual absl::Status ArmCut(LineId line, uint64_t start_tai_ns, uint64_t duration_ns) = 0;
};

}  // namespace feedfarm
