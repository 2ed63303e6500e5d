#include "pipeline/feed/snapshot_recovery.h"

#include <algorithm>

namespace feedfarm {
namespace {

constexpr uint32_t kBackoffShiftMax = 20;  // beyond it kBackoffMaxNs holds anyway

}  // namespace

SnapshotRecovery::Actions SnapshotRecovery::Step(const Input& input, uint64_t now_ns) {
  switch (input.event) {
    case Event::kAwaited:
      if (state_ == State::kRefused) {
        ++counters_->given_up;
        return {.what = Do::kGiveUp};
      }
      if (state_ == State::kOrphaned) {
        // What is under way may serve this hole as well.
        state_ = State::kAsked;
        tries_ = 1;
        return {};
      }
      if (state_ != State::kIdle) return {};
      tries_ = 0;
      return Ask();
    case Event::kNoLongerAwaited: {
      const bool loading = state_ == State::kLoading;
      if (state_ == State::kAsked) {
        state_ = State::kOrphaned;
      } else if (state_ == State::kWaiting || loading) {
        state_ = State::kIdle;
      }
      return {.release = loading};
    }
    case Event::kArrived:
    case Event::kFailed:
      if (state_ == State::kOrphaned) {
        state_ = State::kIdle;
        return {.release = true};
      }
      if (state_ != State::kAsked) return {};
      return input.event == Event::kFailed ? Fail(input.failure, /*hopeless=*/false, now_ns) : TakeImage(input, now_ns);
    case Event::kLoaded:
      return state_ == State::kLoading ? Finish(input, now_ns) : Actions();
    case Event::kTick:
      return state_ == State::kWaiting && now_ns >= ask_at_ns_ ? Ask() : Actions();
  }
  return {};
}

SnapshotRecovery::Actions SnapshotRecovery::Ask() {
  if (options_.tries == 0) {
    ++counters_->given_up;
    return {.what = Do::kGiveUp};
  }
  ++tries_;
  ++counters_->asked;
  state_ = State::kAsked;
  return {.what = Do::kAsk};
}

SnapshotRecovery::Actions SnapshotRecovery::TakeImage(const Input& input, uint64_t now_ns) {
  if (!input.same_session) return Fail(SnapshotFailure::kOtherSession, input.superseded, now_ns);
  if (input.next_sequence < input.floor) return Fail(SnapshotFailure::kTooOld, /*hopeless=*/false, now_ns);
  next_sequence_ = input.next_sequence;
  state_ = State::kLoading;
  return {.what = Do::kLoad};
}

SnapshotRecovery::Actions SnapshotRecovery::Finish(const Input& input, uint64_t now_ns) {
  if (next_sequence_ < input.floor) return Fail(SnapshotFailure::kTooOld, /*hopeless=*/false, now_ns);
  ++counters_->loaded;
  state_ = State::kIdle;
  return {.what = Do::kFinish, .release = true};
}

SnapshotRecovery::Actions SnapshotRecovery::Fail(SnapshotFailure failure, bool hopeless, uint64_t now_ns) {
  ++counters_->failed[static_cast<size_t>(failure)];
  last_failure_ = failure;
  if (!IsFinal(failure) && !hopeless && tries_ < options_.tries) {
    const uint64_t wait_ns = options_.backoff_ns << std::min(tries_ - 1, kBackoffShiftMax);
    ask_at_ns_ = now_ns + std::min(std::max(wait_ns, options_.backoff_ns), kBackoffMaxNs);
    state_ = State::kWaiting;
    return {.release = true};
  }
  ++counters_->given_up;
  state_ = IsFinal(failure) ? State::kRefused : State::kIdle;
  return {.what = Do::kGiveUp, .release = true};
}

}  // namespace feedfarm
