#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "proto/agent_service.pb.h"

namespace feedfarm {

// What happened to a profile's child. Times are CLOCK_MONOTONIC ns, given to Step.
namespace profile_event {

struct Prepare {};
struct Start {
  uint64_t spawn_at_ns = 0;
};
struct Stop {};
struct SpawnFailed {
  std::string failure;
};
// Its result, taken.
struct Result {};
// It says why it cannot.
struct Error {
  std::string message;
};
// What it says is none of its lines, or comes twice.
struct Garbage {
  std::string what;
};
struct Exited {
  bool by_signal = false;
  int number = 0;
  std::string text;  // "signal 11 (Segmentation fault)"
};
struct Tick {};

}  // namespace profile_event

using ProfileEvent = std::variant<profile_event::Prepare, profile_event::Start, profile_event::Stop,
                                  profile_event::SpawnFailed, profile_event::Result, profile_event::Error,
                                  profile_event::Garbage, profile_event::Exited, profile_event::Tick>;

enum class ProfileAction { kSpawn, kKill, kSayPrepared, kSayStarted, kSayDone, kSayFailed };

// The life of a profile's child. Pure: no clock, no I/O, one thread.
//   IDLE -prepare-> READY -start-> WAITING -its time-> RUNNING -result-> LEAVING -exit 0-> ENDED
// The profile is the subject: that it crashes, says nothing, says what it should not, or stays after its result is a
// fact about it. That the host refused what it needs (it says so itself, or it could not be started) is not. It has all
// the time that the scenario gives it: a hang is the coordinator's timeout. kSayDone or kSayFailed is given once.
class ProfileSupervisor {
 public:
  // It has nothing left to do after its result.
  static constexpr uint64_t kLeaveNs = 5'000'000'000;

  enum class State { kIdle, kReady, kWaiting, kRunning, kLeaving, kKilled, kEnded };

  std::vector<ProfileAction> Step(const ProfileEvent& event, uint64_t now_ns);

  State state() const { return state_; }
  // Tick is wanted then; UINT64_MAX = nothing is waited for.
  uint64_t next_tick_ns() const { return deadline_ns_; }
  v1::FailureCause cause() const { return cause_; }
  const std::string& failure() const { return failure_; }

 private:
  using Actions = std::vector<ProfileAction>;

  void Take(const profile_event::Prepare& event, uint64_t now_ns, Actions* actions);
  void Take(const profile_event::Start& event, uint64_t now_ns, Actions* actions);
  void Take(const profile_event::Stop& event, uint64_t now_ns, Actions* actions);
  void Take(const profile_event::SpawnFailed& event, uint64_t now_ns, Actions* actions);
  void Take(const profile_event::Result& event, uint64_t now_ns, Actions* actions);
  void Take(const profile_event::Error& event, uint64_t now_ns, Actions* actions);
  void Take(const profile_event::Garbage& event, uint64_t now_ns, Actions* actions);
  void Take(const profile_event::Exited& event, uint64_t now_ns, Actions* actions);
  void Take(const profile_event::Tick& event, uint64_t now_ns, Actions* actions);

  bool living() const { return state_ == State::kRunning || state_ == State::kLeaving; }
  void Fail(v1::FailureCause cause, std::string failure);
  void KillFor(v1::FailureCause cause, std::string failure, Actions* actions);
  void End(Actions* actions);

  State state_ = State::kIdle;
  uint64_t deadline_ns_ = UINT64_MAX;
  bool failed_ = false;
  v1::FailureCause cause_ = v1::FAILURE_CAUSE_UNSPECIFIED;
  std::string failure_;
  std::string error_;  // as it said itself
};

}  // namespace feedfarm
