#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "pipeline/profile/profile_report.h"
#include "pipeline/source/packet_source.h"

namespace feedfarm {

struct RxProbeOptions {
  uint64_t packets = 100'000;  // in all, by turns on two multicast groups of the loopback interface
  uint32_t bytes = 64;         // UDP payload
  uint32_t batch = 32;         // packets sent in one call, and on their way at one time
  TimestampClass timestamp_class = TimestampClass::kSoftware;
};

// "software" or "hardware". INVALID_ARGUMENT otherwise.
absl::StatusOr<TimestampClass> ParseTimestampClass(const std::string& text);

// Real UDP through the kernel into the recvmmsg source. Enforces missing=0, seq_gaps=0, dup_or_ooo=0, send_errors=0 and
// that every packet has a receive time of the class asked for; gives the time from receive to the program by class.
// A batch is on its way at one time: no buffer can overflow, so what is missing was lost.
// INVALID_ARGUMENT: no packets, more than 2^31 of them, bytes outside 16..1472, batch outside 1..64; otherwise errno of
// a socket call.
absl::StatusOr<ProfileReport> RunRxProbe(const RxProbeOptions& options);

}  // namespace feedfarm
