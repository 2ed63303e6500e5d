#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "proto/agent_service.pb.h"

namespace feedfarm {

// What happened to one run of one role. Times are CLOCK_MONOTONIC ns, given to Step.
namespace run_event {

// The coordinator wants this. Level-triggered: repeated, late and reordered ones are harmless.
struct Desired {
  v1::DesiredPhase phase = v1::DESIRED_PHASE_UNSPECIFIED;
  uint64_t epoch = 0;
  uint64_t lease_remaining_ns = 0;
  uint64_t start_unix_ns = 0;
  // All that prepare needs is known, and nobody else holds the ports.
  bool can_prepare = false;
};
// The coordinator no longer knows the run: tear down and forget.
struct Absent {};
// A newer lease of the same ports was seen.
struct Overtaken {
  uint64_t epoch = 0;
};
struct Prepared {};
struct Started {};
// The role's part is over and its result is known.
struct RoleDone {};
// Prepare failed, the handler died, the traffic could not go on.
struct RoleFailed {
  v1::FailureCause cause = v1::FAILURE_CAUSE_UNSPECIFIED;
  std::string failure;
};
// Everything made so far is durable at the coordinator.
struct TelemetryCollected {};
// `complete` is false where the coordinator refused them for good.
struct ArtifactsUploaded {
  bool complete = true;
};
struct Undone {
  std::vector<std::string> residue;
};
// Time has passed: looks at the lease and at deadlines.
struct Tick {};
// The agent is being stopped.
struct Shutdown {};

}  // namespace run_event

using RunEvent =
    std::variant<run_event::Desired, run_event::Absent, run_event::Overtaken, run_event::Prepared, run_event::Started,
                 run_event::RoleDone, run_event::RoleFailed, run_event::TelemetryCollected,
                 run_event::ArtifactsUploaded, run_event::Undone, run_event::Tick, run_event::Shutdown>;

// What is to be done about it; each is given at most once in a run's life.
enum class RunAction {
  kPrepare,  // make everything ready; answered by Prepared or RoleFailed
  kStart,    // at start_unix_ns(); answered by Started, later by RoleDone or RoleFailed
  kStop,     // drain and account; answered by RoleDone or RoleFailed
  kUpload,   // logs and artifacts; answered by ArtifactsUploaded
  kUndo,     // end whatever lives, put the host back, compare; answered by Undone
  kForget,   // the run's folder may go
};

// The life of one run of one role at the agent. Pure: no clock, no I/O, one thread.
//   PREPARING -> READY -> RUNNING -> DONE ----> TORN_DOWN
//       |          |         |                    ^
//       +----------+---------+----> FAILED -------+
// Invariants: an action is given at most once; kStart never before Prepared; kUndo only on TEAR_DOWN, on absence, or
// when the lease has run out or was overtaken, or at shutdown; nothing but kUpload, kUndo and kForget once the run has
// DONE, FAILED or its lease lost; a first failure is never replaced by a later one; phases of one epoch only go
// forward.
class RunMachine {
 public:
  // After undoing, TORN_DOWN is held back this long for telemetry and artifacts to reach the coordinator.
  static constexpr uint64_t kCollectGraceNs = 10'000'000'000;

  explicit RunMachine(uint64_t epoch) : epoch_(epoch) {}

  // A run that is never begun because its epoch is older than `epoch_seen`.
  static RunMachine Refused(uint64_t epoch, uint64_t epoch_seen);

  // A run that is never begun because the host cannot.
  static RunMachine Unable(uint64_t epoch, std::string failure);

  // A run found on disk at the agent's start; everything of it has been undone already.
  static RunMachine Recovered(uint64_t epoch, std::vector<std::string> residue);

  std::vector<RunAction> Step(const RunEvent& event, uint64_t now_ns);

  uint64_t epoch() const { return epoch_; }
  v1::AgentRunState state() const { return state_; }
  v1::FailureCause failure_cause() const { return cause_; }
  const std::string& failure() const { return failure_; }
  const std::vector<std::string>& residue() const { return residue_; }
  bool artifacts_uploaded() const { return artifacts_ == Artifacts::kUploaded; }
  uint64_t start_unix_ns() const { return start_unix_ns_; }
  // The role may have something on this host that is not undone.
  bool holds_host() const { return prepare_given_ && !undone_; }
  bool undone() const { return undone_; }
  bool forgotten() const { return forget_given_; }
  // The coordinator (or the lease, or the shutdown) wants everything undone.
  bool tearing_down() const { return tear_down_; }

 private:
  enum class Artifacts { kNone, kUploading, kUploaded, kRefused };

  static RunMachine NeverBegun(uint64_t epoch, v1::FailureCause cause, std::string failure);

  void Take(const run_event::Desired& event, uint64_t now_ns);
  void Take(const run_event::Absent& event, uint64_t now_ns);
  void Take(const run_event::Overtaken& event, uint64_t now_ns);
  void Take(const run_event::Prepared& event, uint64_t now_ns);
  void Take(const run_event::Started& event, uint64_t now_ns);
  void Take(const run_event::RoleDone& event, uint64_t now_ns);
  void Take(const run_event::RoleFailed& event, uint64_t now_ns);
  void Take(const run_event::TelemetryCollected& event, uint64_t now_ns);
  void Take(const run_event::ArtifactsUploaded& event, uint64_t now_ns);
  void Take(const run_event::Undone& event, uint64_t now_ns);
  void Take(const run_event::Tick& event, uint64_t now_ns);
  void Take(const run_event::Shutdown& event, uint64_t now_ns);

  std::vector<RunAction> Advance(uint64_t now_ns);
  void AdvanceRole(std::vector<RunAction>* actions);
  void AdvanceEnd(uint64_t now_ns, std::vector<RunAction>* actions);
  void Fail(v1::FailureCause cause, std::string failure);
  bool ended() const;
  bool collected() const { return telemetry_collected_ && artifacts_ >= Artifacts::kUploaded; }

  uint64_t epoch_;
  v1::AgentRunState state_ = v1::AGENT_RUN_STATE_PREPARING;
  v1::FailureCause cause_ = v1::FAILURE_CAUSE_UNSPECIFIED;
  std::string failure_;
  std::vector<std::string> residue_;

  v1::DesiredPhase phase_ = v1::DESIRED_PHASE_UNSPECIFIED;
  bool can_prepare_ = false;
  uint64_t start_unix_ns_ = 0;
  uint64_t lease_until_ns_ = UINT64_MAX;
  uint64_t collect_until_ns_ = UINT64_MAX;
  bool absent_ = false;
  bool tear_down_ = false;
  bool undone_ = false;
  bool telemetry_collected_ = false;
  Artifacts artifacts_ = Artifacts::kNone;

  bool prepare_given_ = false;
  bool start_given_ = false;
  bool stop_given_ = false;
  bool undo_given_ = false;
  bool forget_given_ = false;
};

}  // namespace feedfarm
