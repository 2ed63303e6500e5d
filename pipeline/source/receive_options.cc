#include "pipeline/source/receive_options.h"

#include <bit>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

constexpr uint32_t kFramesMin = 4 * kBatchMax;

// Whether the method can ever have it.
bool Offers(ReceiveMethod method, Grant grant) {
  switch (grant) {
    case Grant::kNativeXdp:
    case Grant::kZeroCopy:
      return method == ReceiveMethod::kAfXdp;
    case Grant::kBusyPoll:
    case Grant::kHugePages:
    case Grant::kLockedMemory:
      return method != ReceiveMethod::kPacketMmap;
    case Grant::kReceiveBuffer:
      return method == ReceiveMethod::kRecvmmsg;
    case Grant::kHardwareTime:
      return true;
  }
  return false;
}

bool AskedFor(const ReceiveOptions& options, Grant grant) {
  switch (grant) {
    case Grant::kNativeXdp:
      return !options.force_skb_mode;
    case Grant::kZeroCopy:
      return options.zero_copy && !options.force_skb_mode;
    case Grant::kBusyPoll:
      return options.busy_poll_us != 0;
    case Grant::kHardwareTime:
      return options.timestamps != WantedTime::kSoftware;
    case Grant::kHugePages:
    case Grant::kLockedMemory:
    case Grant::kReceiveBuffer:
      return true;
  }
  return false;
}

absl::Status CheckRequirements(const ReceiveOptions& options) {
  for (Grant grant : options.required) {
    if (!Offers(options.method, grant)) {
      return absl::InvalidArgumentError(
          absl::StrCat(Name(grant), " is required, and ", Name(options.method), " does not have it"));
    }
    if (!AskedFor(options, grant)) {
      return absl::InvalidArgumentError(absl::StrCat(Name(grant), " is required, and the settings do not ask for it"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view Name(ReceiveMethod method) {
  switch (method) {
    case ReceiveMethod::kAfXdp:
      return "af_xdp";
    case ReceiveMethod::kRecvmmsg:
      return "recvmmsg";
    case ReceiveMethod::kPacketMmap:
      return "packet_mmap";
  }
  return "";
}

absl::Status Check(const ReceiveOptions& options) {
  if (!std::has_single_bit(options.frames) || options.frames < kFramesMin) {
    return absl::InvalidArgumentError(
        absl::StrCat("frames=", options.frames, ": a power of two, at least ", kFramesMin));
  }
  const LineEndpoint& a = options.lines[0];
  const LineEndpoint& b = options.lines[1];
  if (a.port == 0 || b.port == 0) return absl::InvalidArgumentError("a line without a UDP port");
  if (a == b) {
    return absl::InvalidArgumentError(absl::StrCat("lines A and B are both ", FormatAddress(a), " on ", a.interface));
  }
  return CheckRequirements(options);
}

}  // namespace feedfarm
