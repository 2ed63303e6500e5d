#pragma once

#include <cstddef>
#include <cstdint>

namespace feedfarm {

// In what a packet departs from the stream so far that it is not believed on its own (LineArbiter::Departs).
enum class Departure : uint8_t {
  kNone,
  kFirst,     // the first packet of all: nothing is known that it could agree with
  kSession,   // of a session never seen before
  kSequence,  // further ahead than jump_messages
  kRestart,   // newer than a packet of its session with a higher sequence
  kSendTime,  // sent much later than the newest packet of its session
};
inline constexpr size_t kDepartures = 6;

// "first", "session", ...
constexpr const char* Name(Departure departure) {
  switch (departure) {
    case Departure::kNone:
      return "none";
    case Departure::kFirst:
      return "first";
    case Departure::kSession:
      return "session";
    case Departure::kSequence:
      return "sequence";
    case Departure::kRestart:
      return "restart";
    case Departure::kSendTime:
      return "send_time";
  }
  return "none";
}

}  // namespace feedfarm
