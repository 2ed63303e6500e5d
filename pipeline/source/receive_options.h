#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "pipeline/source/line_endpoint.h"
#include "pipeline/source/packet_source.h"
#include "pipeline/source/receive_grant.h"

namespace feedfarm {

enum class ReceiveMethod : uint8_t { kAfXdp, kRecvmmsg, kPacketMmap };
// "af_xdp", "recvmmsg", "packet_mmap".
absl::string_view Name(ReceiveMethod method);

// Which receive times are asked for. A packet's class is always what it really got.
enum class WantedTime : uint8_t {
  kAny,       // hardware where the interface stamps already, software else
  kSoftware,  // software only, for comparison with hosts that have nothing else
  kHardware,  // the interface is told to stamp everything it receives (SIOCSHWTSTAMP), and put back at the end
};

// Settings of every live source; what a method has no use for is ignored, unless it is required.
struct ReceiveOptions {
  ReceiveMethod method = ReceiveMethod::kAfXdp;
  // Lines A and B, on two interfaces or on one. On one, the two address:port must differ.
  std::array<LineEndpoint, kLines> lines;
  // Packet buffers, a power of two, at least 4 * kBatchMax (AF_XDP: for each socket). AF_XDP keeps half of them in the
  // fill rings, the others are for the user to hold. PACKET_MMAP makes blocks of as many bytes.
  uint32_t frames = 8192;
  // AF_XDP: receive queues an interface; 0 = all it has.
  uint32_t queues = 0;
  // The kernel polls the device from the receiving thread, for so long a call at most, and leaves its interrupts off
  // (SO_PREFER_BUSY_POLL, SO_BUSY_POLL, SO_BUSY_POLL_BUDGET); 0 = off. For real NICs; on veth it costs.
  uint32_t busy_poll_us = 0;
  uint32_t busy_poll_budget = 64;  // packets a call
  WantedTime timestamps = WantedTime::kAny;
  // Create fails where one of them is not granted.
  std::vector<Grant> required{};
  // recvmmsg: socket buffer a line. What was granted less is reported.
  uint32_t receive_buffer_bytes = 32u << 20;
  // Join multicast groups. Off where something else keeps the membership.
  bool join_groups = true;
  // AF_XDP: ask for zero-copy before copy.
  bool zero_copy = true;
  // AF_XDP: never native mode, for comparison.
  bool force_skb_mode = false;
};

// InvalidArgument: frames; a line without a port; two equal lines; something required that the method cannot have
// ("recvmmsg has no zero-copy") or that the other settings do not ask for.
absl::Status Check(const ReceiveOptions& options);

}  // namespace feedfarm
