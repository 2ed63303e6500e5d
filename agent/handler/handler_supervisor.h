#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "proto/agent_service.pb.h"

namespace feedfarm {

// What a supervised handler did or what is wanted of it. Times are CLOCK_MONOTONIC ns, given to Step.
namespace handler_event {

// Wanted by the run.
struct Prepare {
  bool late = false;  // it is to be spawned only after START
  // The stream is known to have one generation: its end of session is the end of all. Of another one only those know
  // who have the source's word; they say Stop.
  bool one_generation = false;
};
struct Start {
  // Of a late one: when it is to be spawned.
  uint64_t spawn_at_ns = 0;
  // When the handler is to be killed and started again.
  std::vector<uint64_t> kill_at_ns;
};
struct Stop {};

// From the process.
struct SpawnFailed {
  std::string failure;
};
struct Ready {};
struct Interval {};
struct EndOfSession {};
// A session change or restart: what ended was not the last.
struct NewGeneration {};
struct Final {};
struct Error {
  std::string message;
};
// It broke the protocol: no record, a line too long, a hole in its sequence.
struct Garbage {
  std::string what;
};
struct Exited {
  bool by_signal = false;
  int number = 0;  // signal or exit code
  std::string text;
};
struct Tick {};

}  // namespace handler_event

using HandlerEvent =
    std::variant<handler_event::Prepare, handler_event::Start, handler_event::Stop, handler_event::SpawnFailed,
                 handler_event::Ready, handler_event::Interval, handler_event::EndOfSession,
                 handler_event::NewGeneration, handler_event::Final, handler_event::Error, handler_event::Garbage,
                 handler_event::Exited, handler_event::Tick>;

enum class HandlerAction {
  kSpawn,       // the first time
  kSpawnAgain,  // after kill_handler: from the first message on
  kArmCuts,     // send the cut commands that are not over
  kSendStop,    // drain and account
  kTerminate,   // SIGTERM
  kKill,        // the whole cgroup
  kSayPrepared,
  kSayStarted,
  kSayRestarted,  // the new instance is ready
  kSayDone,       // with the account
  kSayFailed,     // with cause() and failure()
};

// The life of one run's handler: which instance lives, what it owes us by when, when a fault kills it, and what counts
// as its failure. Pure: no clock, no I/O, one thread.
//   IDLE -> STARTING -> READY -> RUNNING -> DRAINING -> ENDED
//                          late start:   IDLE -> WAITING -> STARTING -> RUNNING
//                          kill_handler: RUNNING -> DYING -> RESTARTING -> RUNNING
//                          trouble:      any -> ENDING -> ENDED
// Invariants: at most one instance at a time; exactly one of kSayDone and kSayFailed, after the last instance has
// exited (or would not, kKillGraceNs after its kill); the first failure stands.
class HandlerSupervisor {
 public:
  struct Options {
    // Loading the XDP program and touching the pool can take seconds.
    uint64_t ready_timeout_ns = 20'000'000'000;
    // Intervals come every 100 ms; longer silence is a hang.
    uint64_t interval_timeout_ns = 5'000'000'000;
    // After the end_of_session of a one-generation stream the other line's last copies still come.
    uint64_t drain_ns = 500'000'000;
    // From `stop` to the end: all re-requests' tries may be in it.
    uint64_t stop_timeout_ns = 10'000'000'000;
    uint64_t terminate_timeout_ns = 2'000'000'000;
  };
  static constexpr uint64_t kKillGraceNs = 5'000'000'000;

  enum class State {
    kIdle,
    kWaiting,
    kStarting,
    kReady,
    kRunning,
    kDying,
    kRestarting,
    kDraining,
    kTerminating,
    kEnding,
    kEnded
  };

  explicit HandlerSupervisor(Options options) : options_(options) {}

  std::vector<HandlerAction> Step(const HandlerEvent& event, uint64_t now_ns);

  State state() const { return state_; }
  uint32_t restarts() const { return restarts_; }
  v1::FailureCause cause() const { return cause_; }
  const std::string& failure() const { return failure_; }
  // When Step wants a Tick; UINT64_MAX = never.
  uint64_t next_tick_ns() const;

 private:
  using Actions = std::vector<HandlerAction>;

  void Take(const handler_event::Prepare& event, uint64_t now_ns, Actions* actions);
  void Take(const handler_event::Start& event, uint64_t now_ns, Actions* actions);
  void Take(const handler_event::Stop& event, uint64_t now_ns, Actions* actions);
  void Take(const handler_event::SpawnFailed& event, uint64_t now_ns, Actions* actions);
  void Take(const handler_event::Ready& event, uint64_t now_ns, Actions* actions);
  void Take(const handler_event::Interval& event, uint64_t now_ns, Actions* actions);
  void Take(const handler_event::EndOfSession& event, uint64_t now_ns, Actions* actions);
  void Take(const handler_event::NewGeneration& event, uint64_t now_ns, Actions* actions);
  void Take(const handler_event::Final& event, uint64_t now_ns, Actions* actions);
  void Take(const handler_event::Error& event, uint64_t now_ns, Actions* actions);
  void Take(const handler_event::Garbage& event, uint64_t now_ns, Actions* actions);
  void Take(const handler_event::Exited& event, uint64_t now_ns, Actions* actions);
  void Take(const handler_event::Tick& event, uint64_t now_ns, Actions* actions);

  bool living() const;
  void Enter(State state, uint64_t deadline_ns);
  void BeginStop(uint64_t now_ns, Actions* actions);
  void GoOn();
  void Missed(uint64_t now_ns, Actions* actions);
  // Ends the instance; the failure is said when it is gone.
  void Trouble(v1::FailureCause cause, std::string failure, uint64_t now_ns, Actions* actions);
  void End(Actions* actions);
  v1::FailureCause CauseOf(const handler_event::Exited& event) const;

  Options options_;
  State state_ = State::kIdle;
  uint64_t deadline_ns_ = UINT64_MAX;
  uint64_t drained_at_ns_ = UINT64_MAX;
  bool one_generation_ = false;
  bool stop_wanted_ = false;          // while there was no instance to tell
  std::vector<uint64_t> kill_at_ns_;  // ascending, what is left
  bool started_ = false;
  bool final_seen_ = false;
  uint32_t restarts_ = 0;
  std::string error_;  // the handler's own last word
  v1::FailureCause cause_ = v1::FAILURE_CAUSE_UNSPECIFIED;
  std::string failure_;
};

}  // namespace feedfarm
