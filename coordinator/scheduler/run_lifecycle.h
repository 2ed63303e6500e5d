#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "coordinator/scheduler/gang.h"
#include "coordinator/store/record.pb.h"
#include "proto/agent_service.pb.h"
#include "proto/result.pb.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// One moment on both clocks of the coordinator.
struct Moment {
  // CLOCK_MONOTONIC: waits.
  uint64_t monotonic_ns = 0;
  // Since the Unix epoch: what agents are told and records keep.
  uint64_t unix_ns = 0;
};

// How long a run waits for what. Each wait has an end, so that each run has one.
struct RunWaits {
  // From PREPARE to all READY: reading a large capture is part of it.
  uint64_t prepare_ns = 120'000'000'000;
  // From all READY to START: the word must reach all agents before.
  uint64_t barrier_ns = 300'000'000;
  // From the source's last packet, or the handler's last sign of progress behind it, to STOP for the handler, where it does not
  // say itself that it has the last message. The handler's own time for recovery comes on top while messages are missing.
  uint64_t drain_ns = 1'500'000'000;
  // From STOP to all ended, all telemetry and all files here.
  uint64_t collect_ns = 20'000'000'000;
  // The same for a run that never started: only the log of what failed is to come.
  uint64_t collect_unstarted_ns = 5'000'000'000;
  // From TEAR_DOWN to TORN_DOWN; then the host goes to quarantine.
  uint64_t tear_down_ns = 60'000'000'000;
  // An agent that never listed a run while it was to tear it down, for this long, never had it.
  uint64_t absent_ns = 2'000'000'000;
};

// What happens to a run.
struct RunGranted {
  uint64_t epoch = 0;
  // One for each role of the gang, in its order.
  std::vector<record::RunSide> sides;
};
// One agent's whole state was heard; `run` is what it says of this run, null = it does not have it.
struct RunObserved {
  v1::Role role = v1::ROLE_UNSPECIFIED;
  std::string instance_id;
  const v1::ObservedRun* run = nullptr;
};
// All telemetry of the role up to here is durable.
struct TelemetryStored {
  v1::Role role = v1::ROLE_UNSPECIFIED;
  uint64_t sequence = 0;
};
// The role's lease ran out; `why` is a sentence.
struct LeaseRanOut {
  v1::Role role = v1::ROLE_UNSPECIFIED;
  std::string why;
};
struct CancelRequested {};
// The farm cannot do it: no host for too long.
struct GivenUp {
  std::string why;
};
// A rate search, which is never placed itself, has made its last trial; these are of a trial that ended it.
struct TrialsOver {
  std::vector<record::RunFailure> failures = {};
  std::vector<std::string> farm_failures = {};
};
struct VerdictReached {
  v1::Verdict verdict = v1::VERDICT_UNSPECIFIED;
  // Of a trial.
  std::optional<v1::TrialOutcome> outcome = std::nullopt;
  // Of a trial: what the handler did wrong besides losing packets; empty = nothing.
  std::string wrong = {};
};
struct Passed {};  // Time.
using RunEvent =
    std::variant<RunGranted, RunObserved, TelemetryStored, LeaseRanOut, CancelRequested, GivenUp, TrialsOver, VerdictReached,
                              Passed>;

// What is to be done, in this order, after record() is durable where `persist` is set: nothing may be told before.
struct RunActions {
  bool persist = false;
  // Evaluate the gates, then step with VerdictReached; its result and the record go into one transaction.
  bool judge = false;
  // Sides whose lease is to be given back, in the record's transaction.
  std::vector<v1::Role> release;
  // Hosts that were not put back as they were: reasons a role.
  std::vector<std::pair<v1::Role, std::string>> quarantine;
  // What Desired() says has changed.
  bool desired_changed = false;
};

// One run from QUEUED to FINISHED. Pure: Step(event, now) -> actions; no clock, no I/O. Not thread-safe.
//
// QUEUED -granted-> PREPARING -all READY-> RUNNING -all ended, or any failure-> COLLECTING -all here, or waited enough, judged->
// TEARING_DOWN -all sides released-> FINISHED. Cancel leads to TEARING_DOWN from anywhere before it. The verdict never changes
// once it is in the record; nothing that is found later (residue, a hung teardown) touches it: that quarantines the host.
//
// What must outlive the coordinator is in record(); the rest comes again with the next state of the agents. So a restart is the
// constructor with the stored record.
class RunLifecycle {
 public:
  // `scenario` is borrowed and must outlive this.
  RunLifecycle(record::RunRecord record, const v1::Scenario* scenario, const RunWaits& waits, Moment now);

  RunActions Step(const RunEvent& event, Moment now);

  // What the role's agent should have; nothing: it should not have the run (any more). Without lease and telemetry fields.
  std::optional<v1::DesiredRun> Desired(v1::Role role) const;

  const record::RunRecord& record() const { return record_; }
  std::span<const v1::Role> roles() const { return roles_; }
  const record::RunSide& side(v1::Role role) const { return SideOf(record_, role); }
  // The role that the run has on this host, unless that side is released.
  v1::Role RoleOn(std::string_view host) const;
  bool finished() const { return record_.state() == v1::RUN_STATE_FINISHED; }
  // Messages delivered and share of the schedule done, as last heard.
  uint64_t messages() const { return view(roles_.back()).messages; }
  double progress() const;
  // What it waits for, one clause.
  std::string Activity() const;
  // Last telemetry sequence that the role says it made.
  uint64_t TelemetryLast(v1::Role role) const { return side(role).telemetry_last(); }

 private:
  // What is known of a role besides the record; lost with the process.
  struct View {
    v1::AgentRunState state = v1::AGENT_RUN_STATE_UNSPECIFIED;
    uint64_t messages = 0;
    double progress = 0;
    uint64_t telemetry_stored = 0;
    bool artifacts_uploaded = false;
    // The agent that had the run has it no more.
    bool gone = false;
    // An agent that never had it was heard first at, during TEARING_DOWN; 0 = not yet.
    uint64_t absent_since_ns = 0;
  };

  View& view(v1::Role role) { return views_.at(static_cast<size_t>(role)); }
  const View& view(v1::Role role) const { return views_.at(static_cast<size_t>(role)); }
  record::RunSide* mutable_side(v1::Role role) { return MutableSideOf(&record_, role); }
  bool Has(v1::Role role) const;
  template <class Holds>
  bool All(Holds holds) const;
  // "source ready, handler asked".
  std::string States(const char* between, const char* (*word)(v1::AgentRunState), bool with_host) const;

  void On(const RunGranted& event, Moment now);
  void On(const RunObserved& event, Moment now);
  void On(const TelemetryStored& event, Moment now);
  void On(const LeaseRanOut& event, Moment now);
  void On(const CancelRequested& event, Moment now);
  void On(const GivenUp& event, Moment now);
  void On(const TrialsOver& event, Moment now);
  void On(const VerdictReached& event, Moment now);
  void On(const Passed& event, Moment now);

  void Absent(const RunObserved& event, Moment now);
  void CheckBuild(v1::Role role);
  void TakeResult(const RunObserved& event);
  void TakeFailure(v1::Role role, const v1::ObservedRun& run);
  void TakeTornDown(v1::Role role, const v1::ObservedRun& run);
  void Fail(v1::Role role, v1::FailureCause cause, std::string sentence);
  void FailFarm(std::string sentence);
  bool Failed() const { return record_.failures_size() > 0 || record_.farm_failures_size() > 0; }

  // Moves on as far as it goes now.
  void Advance(Moment now);
  void AdvancePreparing(Moment now);
  void AdvanceRunning(Moment now);
  void AdvanceDraining(Moment now);
  void AdvanceCollecting(Moment now);
  void AdvanceTearingDown(Moment now);
  void Enter(v1::RunState state, Moment now);
  void Release(v1::Role role);
  bool Ready(v1::Role role) const;
  bool Ended(v1::Role role) const;
  // Ended with nothing more to come, or nothing to wait for.
  bool Collected(v1::Role role) const;
  bool Undelivered() const;
  uint64_t DrainNs() const;
  uint64_t StartMonotonic(Moment now) const;

  record::RunRecord record_;
  const v1::Scenario* scenario_;
  const std::span<const v1::Role> roles_;
  const RunWaits waits_;
  std::array<View, v1::Role_ARRAYSIZE> views_;
  // Monotonic; of the present state.
  uint64_t entered_ns_ = 0;
  // Since when the source is known to have ended and the handler to have delivered nothing more; 0 = the source has not.
  uint64_t draining_since_ns_ = 0;
  bool stop_handler_ = false;
  bool judging_ = false;
  bool trials_over_ = false;
  RunActions actions_;
};

}  // namespace feedfarm
