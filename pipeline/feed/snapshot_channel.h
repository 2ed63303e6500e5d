#pragma once

#include <cstdint>

#include "pipeline/feed/snapshot_image.h"

namespace feedfarm {

// Why a snapshot that was asked for is of no use.
enum class SnapshotFailure : uint8_t {
  kNone,
  kUnreachable,    // no connection
  kCut,            // the connection ended before the snapshot did
  kSilent,         // the server said nothing for too long
  kNotAuthorised,  // login rejected: asking again would not help
  kNoSession,      // login rejected: the server has no such session, now
  kGarbage,        // what came is not the protocol
  kTooLarge,       // the state does not fit the image: asking again would not help
  kTooOld,         // it lacks messages that are neither held nor to be had
  kOtherSession,   // of another session than the stream
};
inline constexpr int kSnapshotFailures = 10;

// "unreachable", "too_old", ...
constexpr const char* Name(SnapshotFailure failure) {
  switch (failure) {
    case SnapshotFailure::kNone:
      return "none";
    case SnapshotFailure::kUnreachable:
      return "unreachable";
    case SnapshotFailure::kCut:
      return "cut";
    case SnapshotFailure::kSilent:
      return "silent";
    case SnapshotFailure::kNotAuthorised:
      return "not_authorised";
    case SnapshotFailure::kNoSession:
      return "no_session";
    case SnapshotFailure::kGarbage:
      return "garbage";
    case SnapshotFailure::kTooLarge:
      return "too_large";
    case SnapshotFailure::kTooOld:
      return "too_old";
    case SnapshotFailure::kOtherSession:
      return "other_session";
  }
  return "";
}

// Asking again cannot change it.
constexpr bool IsFinal(SnapshotFailure failure) {
  return failure == SnapshotFailure::kNotAuthorised || failure == SnapshotFailure::kTooLarge;
}

// How the hot thread gets snapshots: it asks, looks now and then whether one is there, and gives it back. One at a time.
// None of the methods blocks, allocates or waits for anybody.
//
//   Ask ──► Poll: nullptr ... ──► Poll: the answer, the image is the caller's ──► Release ──► Ask ...
class SnapshotChannel {
 public:
  struct Answer {
    SnapshotFailure failure = SnapshotFailure::kNone;  // kNone: the image is whole
    const SnapshotImage* image = nullptr;              // nullptr on failure; until Release
  };
  virtual ~SnapshotChannel() = default;

  // Only when nothing is under way and the last answer was released.
  virtual void Ask() = 0;
  // The answer, the same until Release; nullptr while it is under way.
  virtual const Answer* Poll() = 0;
  virtual void Release() = 0;
};

}  // namespace feedfarm
