#pragma once

#include <array>
#include <cstdint>

#include "pipeline/feed/snapshot_channel.h"

namespace feedfarm {

struct SnapshotOptions {
  // Snapshots asked for to fill one hole, before it is given up.
  uint32_t tries = 8;
  // Wait before the second try; doubles with each one, up to kBackoffMaxNs.
  uint64_t backoff_ns = 10'000'000;
  // A hole at the stream's head that is longer than this is not re-requested at all: a snapshot is asked for at once.
  // 0 = as long as the window.
  uint64_t rerequest_messages_max = 0;
  // Messages of an image that are applied in one turn of the hot thread.
  uint64_t turn_messages = 2'048;
};

struct SnapshotCounters {
  uint64_t asked = 0;
  uint64_t loaded = 0;
  std::array<uint64_t, kSnapshotFailures> failed{};  // by SnapshotFailure
  uint64_t given_up = 0;                             // holes that no snapshot filled
  // Messages that were not delivered because a snapshot stands for them, held ones included.
  uint64_t skipped_messages = 0;
  uint64_t image_messages = 0;  // applied, of all images
  // From the moment that delivery stopped to the moment that it went on; the longest, and of all together.
  uint64_t hold_max_ns = 0;
  uint64_t hold_ns = 0;

  uint64_t failures() const {
    uint64_t all = 0;
    for (const uint64_t count : failed) all += count;
    return all;
  }
};

// When a snapshot is asked for, which one is good enough, and when hope is given up. A pure state machine: the fetch,
// the stream and the book are elsewhere. One thread owns it.
//
//             kAwaited: ask                 kArrived, good: load          kLoaded, still good: finish
//   kIdle ──────────────────────► kAsked ──────────────────────► kLoading ─────────────────────► kIdle
//                                  ▲  │ failed, too old, other session      │ the floor has risen above it
//                        ask again │  ▼                                     │
//                                 kWaiting ◄────────────────────────────────┘
//   tries used up, or the server is in the session that has superseded the stream's: give up, kIdle. Final failure: give up, kRefused, and every later need is given up at once.
//   kNoLongerAwaited (the generation is over): kAsked becomes kOrphaned until the fetch ends, the others kIdle.
//
// The floor is the first message that the stream can still deliver itself: it is held, under way, or will come. An image
// is good when its next_sequence is at or behind the floor. The floor rises while the stream waits: by what is given up
// behind it, and by what the reorder buffer has to let go.
class SnapshotRecovery {
 public:
  static constexpr uint64_t kBackoffMaxNs = 1'000'000'000;

  enum class State : uint8_t { kIdle, kAsked, kLoading, kWaiting, kOrphaned, kRefused };
  enum class Event : uint8_t {
    kAwaited,          // the stream cannot go on without a snapshot
    kNoLongerAwaited,  // it does not need one any more
    kArrived,          // an image, with next_sequence and same_session
    kFailed,           // a fetch ended with `failure`
    kLoaded,           // all of the image was applied
    kTick,
  };
  struct Input {
    Event event = Event::kTick;
    uint64_t floor = 0;  // of the stream now
    uint64_t next_sequence = 0;
    bool same_session = true;
    bool superseded = false;  // kArrived: another generation waits behind the stream's
    SnapshotFailure failure = SnapshotFailure::kNone;
  };
  enum class Do : uint8_t {
    kNothing,
    kAsk,     // the channel
    kLoad,    // clear the book, apply the image
    kFinish,  // the stream goes on behind the image
    kGiveUp,  // the stream goes on without
  };
  struct Actions {
    Do what = Do::kNothing;
    bool release = false;  // the channel's answer, first of all
    friend bool operator==(const Actions&, const Actions&) = default;
  };

  // counters are borrowed.
  SnapshotRecovery(const SnapshotOptions& options, SnapshotCounters* counters)
      : options_(options), counters_(counters) {}

  Actions Step(const Input& input, uint64_t now_ns);

  State state() const { return state_; }
  // The failure of the newest try that failed.
  SnapshotFailure last_failure() const { return last_failure_; }
  // Of the image being loaded.
  uint64_t next_sequence() const { return next_sequence_; }
  const SnapshotOptions& options() const { return options_; }

 private:
  Actions Ask();
  Actions TakeImage(const Input& input, uint64_t now_ns);
  Actions Finish(const Input& input, uint64_t now_ns);
  Actions Fail(SnapshotFailure failure, bool hopeless, uint64_t now_ns);

  const SnapshotOptions options_;
  SnapshotCounters* const counters_;
  State state_ = State::kIdle;
  SnapshotFailure last_failure_ = SnapshotFailure::kNone;
  uint32_t tries_ = 0;  // for this hole
  uint64_t ask_at_ns_ = 0;
  uint64_t next_sequence_ = 0;
};

}  // namespace feedfarm
