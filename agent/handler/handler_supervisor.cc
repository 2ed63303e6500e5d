#include "agent/handler/handler_supervisor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace feedfarm {
namespace {

// Exit codes of feedfarm-handler that accuse somebody else.
constexpr int kExitBadFlags = 2;
constexpr int kExitHostRefused = 11;

constexpr uint64_t kNever = UINT64_MAX;

}  // namespace

std::vector<HandlerAction> HandlerSupervisor::Step(const HandlerEvent& event, uint64_t now_ns) {
  Actions actions;
  if (state_ == State::kEnded) return actions;
  std::visit([&](const auto& each) { Take(each, now_ns, &actions); }, event);
  return actions;
}

uint64_t HandlerSupervisor::next_tick_ns() const {
  if (state_ == State::kEnded) return kNever;
  uint64_t next = deadline_ns_;
  if (state_ == State::kRunning) next = std::min(next, drained_at_ns_);
  if (state_ == State::kRunning && !kill_at_ns_.empty()) next = std::min(next, kill_at_ns_.front());
  return next;
}

bool HandlerSupervisor::living() const { return state_ != State::kIdle && state_ != State::kEnded; }

void HandlerSupervisor::Enter(State state, uint64_t deadline_ns) {
  state_ = state;
  deadline_ns_ = deadline_ns;
}

void HandlerSupervisor::Take(const handler_event::Prepare& event, uint64_t now_ns, Actions* actions) {
  if (state_ != State::kIdle) return;
  one_generation_ = event.one_generation;
  if (event.late) {
    Enter(State::kWaiting, kNever);
    actions->push_back(HandlerAction::kSayPrepared);
    return;
  }
  Enter(State::kStarting, now_ns + options_.ready_timeout_ns);
  actions->push_back(HandlerAction::kSpawn);
}

void HandlerSupervisor::Take(const handler_event::Start& event, uint64_t now_ns, Actions* actions) {
  if (state_ != State::kReady && (state_ != State::kWaiting || started_)) return;
  kill_at_ns_ = event.kill_at_ns;
  std::sort(kill_at_ns_.begin(), kill_at_ns_.end());
  started_ = true;
  if (state_ == State::kWaiting) {
    Enter(State::kWaiting, event.spawn_at_ns);
    actions->push_back(HandlerAction::kSayStarted);
    return;
  }
  Enter(State::kRunning, now_ns + options_.interval_timeout_ns);
  actions->push_back(HandlerAction::kArmCuts);
  actions->push_back(HandlerAction::kSayStarted);
}

void HandlerSupervisor::Take(const handler_event::Stop&, uint64_t now_ns, Actions* actions) {
  switch (state_) {
    case State::kIdle:
      cause_ = v1::FAILURE_CAUSE_UNSPECIFIED;
      failure_ = "stopped before it was prepared";
      return End(actions);
    case State::kWaiting:
      cause_ = v1::FAILURE_CAUSE_UNSPECIFIED;
      failure_ = "stopped before the late handler was started";
      return End(actions);
    case State::kReady:
    case State::kRunning:
      return BeginStop(now_ns, actions);
    case State::kStarting:
      return Trouble(v1::FAILURE_CAUSE_UNSPECIFIED, "stopped while the handler was starting", now_ns, actions);
    case State::kDying:
    case State::kRestarting:
      // The killed one's successor still owes the account: it is stopped as soon as it is ready.
      drained_at_ns_ = now_ns;
      stop_wanted_ = true;
      return;
    case State::kDraining:
    case State::kTerminating:
    case State::kEnding:
    case State::kEnded:
      return;
  }
}

void HandlerSupervisor::BeginStop(uint64_t now_ns, Actions* actions) {
  Enter(State::kDraining, now_ns + options_.stop_timeout_ns);
  actions->push_back(HandlerAction::kSendStop);
}

void HandlerSupervisor::Take(const handler_event::SpawnFailed& event, uint64_t, Actions* actions) {
  if (!living()) return;
  if (cause_ == v1::FAILURE_CAUSE_UNSPECIFIED && failure_.empty()) {
    cause_ = v1::FAILURE_CAUSE_HOST;
    failure_ = event.failure;
  }
  End(actions);
}

void HandlerSupervisor::Take(const handler_event::Ready&, uint64_t now_ns, Actions* actions) {
  if (state_ == State::kStarting && started_) {
    Enter(State::kRunning, now_ns + options_.interval_timeout_ns);
    actions->push_back(HandlerAction::kArmCuts);
  } else if (state_ == State::kStarting) {
    Enter(State::kReady, now_ns + options_.interval_timeout_ns);
    actions->push_back(HandlerAction::kSayPrepared);
  } else if (state_ == State::kRestarting) {
    Enter(State::kRunning, now_ns + options_.interval_timeout_ns);
    actions->push_back(HandlerAction::kArmCuts);
    actions->push_back(HandlerAction::kSayRestarted);
  } else if (state_ == State::kReady || state_ == State::kRunning) {
    Trouble(v1::FAILURE_CAUSE_SUBJECT, "the handler said ready twice", now_ns, actions);
  }
}

void HandlerSupervisor::Take(const handler_event::Interval&, uint64_t now_ns, Actions* actions) {
  if (state_ == State::kReady || state_ == State::kRunning) {
    deadline_ns_ = now_ns + options_.interval_timeout_ns;
  } else if (state_ == State::kStarting || state_ == State::kRestarting) {
    Trouble(v1::FAILURE_CAUSE_SUBJECT, "the handler counted before it was ready", now_ns, actions);
  }
}

void HandlerSupervisor::Take(const handler_event::EndOfSession&, uint64_t now_ns, Actions*) {
  if (one_generation_ && state_ == State::kRunning && drained_at_ns_ == kNever) {
    drained_at_ns_ = now_ns + options_.drain_ns;
  }
}

void HandlerSupervisor::Take(const handler_event::NewGeneration&, uint64_t, Actions*) { GoOn(); }

// There is more to deliver than an end of session made believe.
void HandlerSupervisor::GoOn() {
  if (!stop_wanted_) drained_at_ns_ = kNever;
}

void HandlerSupervisor::Take(const handler_event::Final&, uint64_t now_ns, Actions* actions) {
  if (state_ == State::kDraining || state_ == State::kTerminating) {
    final_seen_ = true;
    // It has nothing left to do but to end.
    Enter(state_, std::min(deadline_ns_, now_ns + options_.terminate_timeout_ns));
  } else if (state_ == State::kReady || state_ == State::kRunning) {
    Trouble(v1::FAILURE_CAUSE_SUBJECT, "the handler ended its account without being told to stop", now_ns, actions);
  }
}

void HandlerSupervisor::Take(const handler_event::Error& event, uint64_t, Actions*) { error_ = event.message; }

void HandlerSupervisor::Take(const handler_event::Garbage& event, uint64_t now_ns, Actions* actions) {
  if (state_ == State::kDying || state_ == State::kEnding) return;
  Trouble(v1::FAILURE_CAUSE_SUBJECT, absl::StrCat("the handler broke its protocol: ", event.what), now_ns, actions);
}

v1::FailureCause HandlerSupervisor::CauseOf(const handler_event::Exited& event) const {
  const bool accuses = !event.by_signal && (event.number == kExitBadFlags || event.number == kExitHostRefused);
  return accuses ? v1::FAILURE_CAUSE_HOST : v1::FAILURE_CAUSE_SUBJECT;
}

void HandlerSupervisor::Take(const handler_event::Exited& event, uint64_t now_ns, Actions* actions) {
  if (!living()) return;
  if (state_ == State::kDying) {
    Enter(State::kRestarting, now_ns + options_.ready_timeout_ns);
    ++restarts_;
    // The new instance has the end still before it.
    GoOn();
    actions->push_back(HandlerAction::kSpawnAgain);
    return;
  }
  const bool clean = !event.by_signal && event.number == 0;
  const bool stopping = state_ == State::kDraining || state_ == State::kTerminating;
  if (failure_.empty() && !(stopping && final_seen_ && clean)) {
    cause_ = CauseOf(event);
    failure_ = absl::StrCat("the handler ended with ", event.text);
    if (stopping && clean) absl::StrAppend(&failure_, " without its account");
    if (!error_.empty()) absl::StrAppend(&failure_, ": ", error_);
  }
  End(actions);
}

void HandlerSupervisor::Take(const handler_event::Tick&, uint64_t now_ns, Actions* actions) {
  if (state_ == State::kRunning && !kill_at_ns_.empty() && now_ns >= kill_at_ns_.front()) {
    kill_at_ns_.erase(kill_at_ns_.begin());
    Enter(State::kDying, now_ns + kKillGraceNs);
    actions->push_back(HandlerAction::kKill);
  } else if (state_ == State::kWaiting && now_ns >= deadline_ns_) {
    Enter(State::kStarting, now_ns + options_.ready_timeout_ns);
    actions->push_back(HandlerAction::kSpawn);
  } else if (state_ == State::kRunning && now_ns >= drained_at_ns_) {
    BeginStop(now_ns, actions);
  } else if (now_ns >= deadline_ns_) {
    Missed(now_ns, actions);
  }
}

void HandlerSupervisor::Missed(uint64_t now_ns, Actions* actions) {
  switch (state_) {
    case State::kStarting:
    case State::kRestarting:
      return Trouble(v1::FAILURE_CAUSE_SUBJECT, "the handler did not get ready in time", now_ns, actions);
    case State::kReady:
    case State::kRunning:
      return Trouble(v1::FAILURE_CAUSE_SUBJECT, "the handler hangs: no interval for too long", now_ns, actions);
    case State::kDraining:
      Enter(State::kTerminating, now_ns + options_.terminate_timeout_ns);
      failure_ = final_seen_ ? "the handler did not end after its account" : "the handler did not stop when told to";
      cause_ = v1::FAILURE_CAUSE_SUBJECT;
      actions->push_back(HandlerAction::kTerminate);
      return;
    case State::kTerminating:
      return Trouble(cause_, failure_, now_ns, actions);
    case State::kDying:
    case State::kEnding:
      if (failure_.empty()) {
        cause_ = v1::FAILURE_CAUSE_HOST;
        failure_ = "a killed handler did not go away";
      }
      return End(actions);
    case State::kIdle:
    case State::kWaiting:
    case State::kEnded:
      return;
  }
}

void HandlerSupervisor::Trouble(v1::FailureCause cause, std::string failure, uint64_t now_ns, Actions* actions) {
  if (!living() || state_ == State::kEnding) return;
  if (failure_.empty()) {
    cause_ = cause;
    failure_ = std::move(failure);
  }
  Enter(State::kEnding, now_ns + kKillGraceNs);
  actions->push_back(HandlerAction::kKill);
}

void HandlerSupervisor::End(Actions* actions) {
  Enter(State::kEnded, kNever);
  actions->push_back(failure_.empty() ? HandlerAction::kSayDone : HandlerAction::kSayFailed);
}

}  // namespace feedfarm
