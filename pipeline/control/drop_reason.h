#pragma once

#include <cstddef>
#include <cstdint>

namespace feedfarm {

// Why the handler or its kernel dropped something: names of counters and gates (`drops[ring_full]`).
enum class DropReason : uint8_t {
  kWindowFull,        // a packet beyond the reorder buffer
  kAnswersMalformed,  // a re-request's answer that is none
  kAnswersStale,      // one that nobody waits for any more
  kRingFull,          // receive ring or socket buffer
  kFillRingEmpty,     // the kernel had no free frame
  kInvalid,           // not a whole IPv4/UDP datagram, or a bad descriptor
  kNoSocket,          // a receive queue of the interface has no socket
  kNoMetadata,        // the driver has no room for what the XDP program says of a packet
  kReceiveErrors,     // the kernel said that receiving failed
  kEventsLost,        // an event for the report
};
inline constexpr size_t kDropReasons = 10;

// "window_full", ...
constexpr const char* Name(DropReason reason) {
  switch (reason) {
    case DropReason::kWindowFull:
      return "window_full";
    case DropReason::kAnswersMalformed:
      return "answers_malformed";
    case DropReason::kAnswersStale:
      return "answers_stale";
    case DropReason::kRingFull:
      return "ring_full";
    case DropReason::kFillRingEmpty:
      return "fill_ring_empty";
    case DropReason::kInvalid:
      return "invalid";
    case DropReason::kNoSocket:
      return "no_socket";
    case DropReason::kNoMetadata:
      return "no_metadata";
    case DropReason::kReceiveErrors:
      return "receive_errors";
    case DropReason::kEventsLost:
      return "events_lost";
  }
  return "";
}

}  // namespace feedfarm
