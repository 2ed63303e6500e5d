#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pipeline/source/packet_source.h"

namespace feedfarm {

// What a live source may ask the kernel for and not get. Names as in flags and campaigns.
enum class Grant : uint8_t {
  kNativeXdp,      // "native-xdp"
  kZeroCopy,       // "zero-copy"
  kBusyPoll,       // "busy-poll"
  kHardwareTime,   // "hardware-time": every line's interface stamps what it receives
  kHugePages,      // "huge-pages": packet memory
  kLockedMemory,   // "locked-memory": packet memory
  kReceiveBuffer,  // "receive-buffer": of the size that was asked for
};
absl::string_view Name(Grant grant);
// InvalidArgument: no such name; the message lists those there are.
absl::StatusOr<Grant> ParseGrant(absl::string_view name);

struct Refusal {
  Grant grant;
  std::string why;  // with the object and the kernel's reason
};
// "zero-copy: AF_XDP socket on line_a queue 0 (zero-copy): Operation not supported".
std::string Sentence(const Refusal& refusal);

// What the kernel really gave a live source, for `ready` and the manifest.
struct SourceGrants {
  std::string xdp_mode;   // "native", "skb"; "none" for sockets. The weaker one where the two ports differ.
  std::string bind_mode;  // "zero-copy", "copy"; "socket" for sockets, "ring" for PACKET_MMAP
  // Best class to be expected; each packet says its own.
  TimestampClass timestamp_class = TimestampClass::kNone;
  uint32_t queues[kLines] = {};  // receive queues served a line
  uint32_t frame_bytes = 0;      // of a UMEM frame or receive buffer; for PACKET_MMAP of a block
  bool huge_pages = false;
  // What was asked for and not granted; empty is the best case. One grant may stand here more than once.
  std::vector<Refusal> not_granted;

  void Refuse(Grant grant, std::string why) { not_granted.push_back({grant, std::move(why)}); }
};

// OK where none of `required` was refused; else FailedPrecondition with the reason of each that was.
absl::Status CheckRequired(const std::vector<Grant>& required, const SourceGrants& grants);

}  // namespace feedfarm
