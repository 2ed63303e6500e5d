#include "agent/profile/profile_supervisor.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace feedfarm {
namespace {

// Exit codes of feedfarm-profile that accuse somebody else.
constexpr int kExitBadArguments = 2;
constexpr int kExitHostRefused = 11;

constexpr uint64_t kNever = UINT64_MAX;

v1::FailureCause CauseOf(const profile_event::Exited& event) {
  if (event.by_signal) return v1::FAILURE_CAUSE_SUBJECT;
  if (event.number == kExitBadArguments) return v1::FAILURE_CAUSE_BAD_INPUT;
  return event.number == kExitHostRefused ? v1::FAILURE_CAUSE_HOST : v1::FAILURE_CAUSE_SUBJECT;
}

}  // namespace

std::vector<ProfileAction> ProfileSupervisor::Step(const ProfileEvent& event, uint64_t now_ns) {
  Actions actions;
  std::visit([&](const auto& each) { Take(each, now_ns, &actions); }, event);
  return actions;
}

void ProfileSupervisor::Take(const profile_event::Prepare&, uint64_t, Actions* actions) {
  if (state_ != State::kIdle) return;
  state_ = State::kReady;
  actions->push_back(ProfileAction::kSayPrepared);
}

void ProfileSupervisor::Take(const profile_event::Start& event, uint64_t, Actions*) {
  if (state_ != State::kReady) return;
  state_ = State::kWaiting;
  deadline_ns_ = event.spawn_at_ns;
}

void ProfileSupervisor::Take(const profile_event::Stop&, uint64_t, Actions* actions) {
  switch (state_) {
    case State::kIdle:
    case State::kReady:
    case State::kWaiting:
      Fail(v1::FAILURE_CAUSE_UNSPECIFIED, "stopped before the profile was started");
      return End(actions);
    case State::kRunning:
      return KillFor(v1::FAILURE_CAUSE_UNSPECIFIED, "stopped before the profile's result", actions);
    case State::kLeaving:
    case State::kKilled:
    case State::kEnded:
      return;
  }
}

void ProfileSupervisor::Take(const profile_event::SpawnFailed& event, uint64_t, Actions* actions) {
  if (state_ != State::kRunning) return;
  Fail(v1::FAILURE_CAUSE_HOST, event.failure);
  End(actions);
}

void ProfileSupervisor::Take(const profile_event::Result&, uint64_t now_ns, Actions* actions) {
  if (state_ == State::kLeaving) return KillFor(v1::FAILURE_CAUSE_SUBJECT, "the profile gave two results", actions);
  if (state_ != State::kRunning) return;
  state_ = State::kLeaving;
  deadline_ns_ = now_ns + kLeaveNs;
}

void ProfileSupervisor::Take(const profile_event::Error& event, uint64_t, Actions*) { error_ = event.message; }

void ProfileSupervisor::Take(const profile_event::Garbage& event, uint64_t, Actions* actions) {
  if (!living()) return;
  KillFor(v1::FAILURE_CAUSE_SUBJECT, absl::StrCat("the profile broke its protocol: ", event.what), actions);
}

void ProfileSupervisor::Take(const profile_event::Exited& event, uint64_t, Actions* actions) {
  if (!living() && state_ != State::kKilled) return;
  const bool clean = !event.by_signal && event.number == 0;
  if (state_ == State::kRunning || !clean) {
    Fail(CauseOf(event), absl::StrCat("the profile ended with ", event.text, clean ? " without its result" : "",
                                      error_.empty() ? "" : ": ", error_));
  }
  End(actions);
}

void ProfileSupervisor::Take(const profile_event::Tick&, uint64_t now_ns, Actions* actions) {
  if (now_ns < deadline_ns_) return;
  deadline_ns_ = kNever;
  if (state_ == State::kWaiting) {
    state_ = State::kRunning;
    actions->push_back(ProfileAction::kSayStarted);
    actions->push_back(ProfileAction::kSpawn);
  } else if (state_ == State::kLeaving) {
    KillFor(v1::FAILURE_CAUSE_SUBJECT, "the profile did not end after its result", actions);
  }
}

// The first failure is the reason; what follows from it is not.
void ProfileSupervisor::Fail(v1::FailureCause cause, std::string failure) {
  if (std::exchange(failed_, true)) return;
  cause_ = cause;
  failure_ = std::move(failure);
}

void ProfileSupervisor::KillFor(v1::FailureCause cause, std::string failure, Actions* actions) {
  Fail(cause, std::move(failure));
  state_ = State::kKilled;
  deadline_ns_ = kNever;
  actions->push_back(ProfileAction::kKill);
}

void ProfileSupervisor::End(Actions* actions) {
  state_ = State::kEnded;
  deadline_ns_ = kNever;
  actions->push_back(failed_ ? ProfileAction::kSayFailed : ProfileAction::kSayDone);
}

}  // namespace feedfarm
