#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "pipeline/source/packet_source.h"

namespace feedfarm {

// What the kernel really gave a live source, for `ready` and the manifest.
struct SourceGrants {
  std::string xdp_mode;   // "native", "skb"; "none" for sockets. The weaker one where the two ports differ.
  std::string bind_mode;  // "zero-copy", "copy"; "socket" for sockets
  // Best class to be expected; each packet says its own.
  TimestampClass timestamp_class = TimestampClass::kNone;
  uint32_t queues[kLines] = {};  // receive queues served a line
  uint32_t frame_bytes = 0;
  bool huge_pages = false;
  // One sentence for each thing that was asked for and not granted; empty is the best case.
  std::vector<std::string> not_granted;
};

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
