#pragma once

#include <algorithm>
#include <cstdint>

#include "pipeline/feed/feed_event_queue.h"
#include "pipeline/feed/sequenced_stream.h"
#include "pipeline/feed/snapshot_channel.h"
#include "pipeline/feed/snapshot_recovery.h"

namespace feedfarm {

// Between the stream that waits for a snapshot, the channel that brings it and whoever has the book; SnapshotRecovery
// decides. The hot thread calls Turn once a turn while there is something to wait for: at most turn_messages are applied
// in one, so that packets are received all the while. No allocation, no wait. State:
//   void BeginState(uint32_t generation)                   an empty book, of this generation: the next message delivered
//                                                          may be its first and must not clear it again
//   void ApplyState(std::span<const uint8_t> message)      to the book alone: nothing is delivered
// What was begun may be begun again, when it was too old in the end.
template <class State>
class SnapshotLoader {
 public:
  // All is borrowed; the streams must have been told to hold (SequencedStream::HoldForSnapshots).
  SnapshotLoader(const SnapshotOptions& options, SnapshotChannel* channel, State* state, SnapshotCounters* counters,
                 FeedEventQueue* events)
      : recovery_(options, counters), channel_(channel), state_(state), counters_(counters), events_(events) {}

  // There is something to do that the stream does not know of.
  bool busy() const {
    return recovery_.state() != SnapshotRecovery::State::kIdle &&
           recovery_.state() != SnapshotRecovery::State::kRefused;
  }

  // `stream` is the current generation, of `session`; `superseded`: another one is already held back behind it. The
  // stream may go on afterwards: Drain it.
  void Turn(SequencedStream& stream, const SessionId& session, bool superseded, uint64_t now_ns) {
    if (holding_ && (!stream.awaiting() || stream.generation() != generation_)) {
      holding_ = false;
      Do(recovery_.Step({.event = Event::kNoLongerAwaited}, now_ns), stream, now_ns);
    }
    if (stream.awaiting() && !holding_) {
      holding_ = true;
      generation_ = stream.generation();
      since_ns_ = now_ns;
      Do(recovery_.Step({.event = Event::kAwaited}, now_ns), stream, now_ns);
    }
    switch (recovery_.state()) {
      case SnapshotRecovery::State::kIdle:
      case SnapshotRecovery::State::kRefused:
        return;
      case SnapshotRecovery::State::kWaiting:
        return Do(recovery_.Step({.floor = stream.next()}, now_ns), stream, now_ns);
      case SnapshotRecovery::State::kAsked:
      case SnapshotRecovery::State::kOrphaned:
        return Look(stream, session, superseded, now_ns);
      case SnapshotRecovery::State::kLoading:
        return Load(stream, now_ns);
    }
  }

  const SnapshotRecovery& recovery() const { return recovery_; }

 private:
  using Event = SnapshotRecovery::Event;

  void Look(SequencedStream& stream, const SessionId& session, bool superseded, uint64_t now_ns) {
    const SnapshotChannel::Answer* const answer = channel_->Poll();
    if (answer == nullptr) return;
    if (answer->failure != SnapshotFailure::kNone) {
      return Do(recovery_.Step({.event = Event::kFailed, .failure = answer->failure}, now_ns), stream, now_ns);
    }
    image_ = answer->image;
    Do(recovery_.Step({.event = Event::kArrived,
                       .floor = stream.next(),
                       .next_sequence = image_->next_sequence(),
                       .same_session = image_->session() == session,
                       .superseded = superseded},
                      now_ns),
       stream, now_ns);
  }

  void Load(SequencedStream& stream, uint64_t now_ns) {
    image_at_ = image_->Read(image_at_, recovery_.options().turn_messages, [this](std::span<const uint8_t> message) {
      state_->ApplyState(message);
      ++counters_->image_messages;
    });
    if (image_at_ != image_->bytes()) return;
    Do(recovery_.Step({.event = Event::kLoaded, .floor = stream.next()}, now_ns), stream, now_ns);
  }

  void Do(const SnapshotRecovery::Actions& actions, SequencedStream& stream, uint64_t now_ns) {
    if (actions.release) channel_->Release();
    switch (actions.what) {
      case SnapshotRecovery::Do::kNothing:
        return;
      case SnapshotRecovery::Do::kAsk:
        return channel_->Ask();
      case SnapshotRecovery::Do::kLoad:
        state_->BeginState(stream.generation());
        image_at_ = 0;
        return;
      case SnapshotRecovery::Do::kFinish:
        return Finish(stream, now_ns);
      case SnapshotRecovery::Do::kGiveUp:
        holding_ = false;
        return stream.Abandon(now_ns);
    }
  }

  void Finish(SequencedStream& stream, uint64_t now_ns) {
    holding_ = false;
    const uint64_t held_ns = now_ns > since_ns_ ? now_ns - since_ns_ : 0;
    state_->EndState(stream.generation(), recovery_.next_sequence());
    const uint64_t skipped = stream.SkipTo(recovery_.next_sequence(), now_ns);
    counters_->skipped_messages += skipped;
    counters_->hold_ns += held_ns;
    counters_->hold_max_ns = std::max(counters_->hold_max_ns, held_ns);
    events_->Push({.kind = FeedEventKind::kSnapshot,
                   .generation = stream.generation(),
                   .time_tai_ns = now_ns,
                   .first_sequence = recovery_.next_sequence(),
                   .messages = skipped,
                   .duration_ns = held_ns});
  }

  SnapshotRecovery recovery_;
  SnapshotChannel* const channel_;
  State* const state_;
  SnapshotCounters* const counters_;
  FeedEventQueue* const events_;
  bool holding_ = false;  // for the need that recovery_ knows of
  uint32_t generation_ = 0;
  uint64_t since_ns_ = 0;
  const SnapshotImage* image_ = nullptr;
  size_t image_at_ = 0;
};

}  // namespace feedfarm
