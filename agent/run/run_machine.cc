#include "agent/run/run_machine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace feedfarm {
namespace {

// "PREPARING", without the enum's prefix.
absl::string_view ShortName(v1::AgentRunState state) {
  constexpr absl::string_view kPrefix = "AGENT_RUN_STATE_";
  const absl::string_view name = v1::AgentRunState_Name(state);
  return name.substr(std::min<size_t>(kPrefix.size(), name.size()));
}

uint64_t SaturatingAdd(uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

}  // namespace

RunMachine RunMachine::Refused(uint64_t epoch, uint64_t epoch_seen) {
  return NeverBegun(epoch, v1::FAILURE_CAUSE_LEASE,
                    absl::StrFormat("refused: epoch %d is older than %d", epoch, epoch_seen));
}

RunMachine RunMachine::Unable(uint64_t epoch, std::string failure) {
  return NeverBegun(epoch, v1::FAILURE_CAUSE_HOST, std::move(failure));
}

RunMachine RunMachine::NeverBegun(uint64_t epoch, v1::FailureCause cause, std::string failure) {
  RunMachine machine(epoch);
  machine.Fail(cause, std::move(failure));
  machine.undo_given_ = machine.undone_ = true;
  machine.telemetry_collected_ = true;
  machine.artifacts_ = Artifacts::kRefused;
  return machine;
}

RunMachine RunMachine::Recovered(uint64_t epoch, std::vector<std::string> residue) {
  RunMachine machine(epoch);
  machine.Fail(v1::FAILURE_CAUSE_AGENT_RESTART, "the agent was restarted in the middle of the run");
  machine.undo_given_ = machine.undone_ = true;
  machine.residue_ = std::move(residue);
  return machine;
}

std::vector<RunAction> RunMachine::Step(const RunEvent& event, uint64_t now_ns) {
  std::visit([this, now_ns](const auto& each) { Take(each, now_ns); }, event);
  return Advance(now_ns);
}

void RunMachine::Take(const run_event::Desired& event, uint64_t now_ns) {
  if (event.epoch != epoch_) return;
  absent_ = false;
  // A lease that has been lost is not won back: its ports may be another's by now.
  if (now_ns >= lease_until_ns_) return Take(run_event::Tick{}, now_ns);
  lease_until_ns_ = SaturatingAdd(now_ns, event.lease_remaining_ns);
  phase_ = std::max(phase_, event.phase);
  can_prepare_ = event.can_prepare;
  if (event.start_unix_ns != 0 && !start_given_) start_unix_ns_ = event.start_unix_ns;
  if (phase_ == v1::DESIRED_PHASE_TEAR_DOWN) tear_down_ = true;
}

void RunMachine::Take(const run_event::Absent&, uint64_t) {
  absent_ = true;
  tear_down_ = true;
}

void RunMachine::Take(const run_event::Overtaken& event, uint64_t) {
  Fail(v1::FAILURE_CAUSE_LEASE, absl::StrFormat("lease overtaken: epoch %d, now %d", epoch_, event.epoch));
  tear_down_ = true;
}

void RunMachine::Take(const run_event::Prepared&, uint64_t) {
  if (state_ == v1::AGENT_RUN_STATE_PREPARING && prepare_given_) state_ = v1::AGENT_RUN_STATE_READY;
}

void RunMachine::Take(const run_event::Started&, uint64_t) {
  if (state_ == v1::AGENT_RUN_STATE_READY && start_given_) state_ = v1::AGENT_RUN_STATE_RUNNING;
}

void RunMachine::Take(const run_event::RoleDone&, uint64_t) {
  if (start_given_ && !ended()) state_ = v1::AGENT_RUN_STATE_DONE;
}

void RunMachine::Take(const run_event::RoleFailed& event, uint64_t) {
  if (prepare_given_) Fail(event.cause, event.failure);
}

void RunMachine::Take(const run_event::TelemetryCollected&, uint64_t) {
  if (ended()) telemetry_collected_ = true;
}

void RunMachine::Take(const run_event::ArtifactsUploaded& event, uint64_t) {
  if (artifacts_ == Artifacts::kUploading) artifacts_ = event.complete ? Artifacts::kUploaded : Artifacts::kRefused;
}

void RunMachine::Take(const run_event::Undone& event, uint64_t) {
  if (!undo_given_ || undone_) return;
  undone_ = true;
  residue_ = event.residue;
}

void RunMachine::Take(const run_event::Tick&, uint64_t now_ns) {
  if (now_ns < lease_until_ns_) return;
  Fail(v1::FAILURE_CAUSE_LEASE, absl::StrCat("the lease ran out while ", ShortName(state_)));
  tear_down_ = true;
}

void RunMachine::Take(const run_event::Shutdown&, uint64_t) {
  Fail(v1::FAILURE_CAUSE_AGENT_RESTART, absl::StrCat("the agent was stopped while ", ShortName(state_)));
  tear_down_ = true;
}

bool RunMachine::ended() const {
  switch (state_) {
    case v1::AGENT_RUN_STATE_DONE:
    case v1::AGENT_RUN_STATE_FAILED:
    case v1::AGENT_RUN_STATE_TORN_DOWN:
      return true;
    case v1::AGENT_RUN_STATE_UNSPECIFIED:
    case v1::AGENT_RUN_STATE_PREPARING:
    case v1::AGENT_RUN_STATE_READY:
    case v1::AGENT_RUN_STATE_RUNNING:
    case v1::AgentRunState_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::AgentRunState_INT_MAX_SENTINEL_DO_NOT_USE_:
      return false;
  }
  return false;
}

void RunMachine::Fail(v1::FailureCause cause, std::string failure) {
  if (ended()) return;
  state_ = v1::AGENT_RUN_STATE_FAILED;
  cause_ = cause;
  failure_ = std::move(failure);
}

std::vector<RunAction> RunMachine::Advance(uint64_t now_ns) {
  std::vector<RunAction> actions;
  AdvanceRole(&actions);
  AdvanceEnd(now_ns, &actions);
  return actions;
}

void RunMachine::AdvanceRole(std::vector<RunAction>* actions) {
  const bool stop_wanted = phase_ == v1::DESIRED_PHASE_STOP;
  if (tear_down_) {
    Fail(v1::FAILURE_CAUSE_UNSPECIFIED, absl::StrCat("torn down while ", ShortName(state_)));
  } else if (stop_wanted && prepare_given_ && !stop_given_ && !ended()) {
    stop_given_ = true;
    actions->push_back(RunAction::kStop);
  }
  if (stop_wanted && !start_given_) Fail(v1::FAILURE_CAUSE_UNSPECIFIED, "stopped before it was started");
  if (ended()) return;

  const bool go_wanted = phase_ == v1::DESIRED_PHASE_PREPARE || phase_ == v1::DESIRED_PHASE_RUN;
  if (go_wanted && can_prepare_ && !prepare_given_) {
    prepare_given_ = true;
    actions->push_back(RunAction::kPrepare);
  }
  if (state_ == v1::AGENT_RUN_STATE_READY && phase_ == v1::DESIRED_PHASE_RUN && !start_given_) {
    start_given_ = true;
    actions->push_back(RunAction::kStart);
  }
}

void RunMachine::AdvanceEnd(uint64_t now_ns, std::vector<RunAction>* actions) {
  if (tear_down_ && !undo_given_) {
    undo_given_ = true;
    actions->push_back(RunAction::kUndo);
  }
  if (ended() && !absent_ && artifacts_ == Artifacts::kNone) {
    artifacts_ = Artifacts::kUploading;
    actions->push_back(RunAction::kUpload);
  }
  if (tear_down_ && undone_ && state_ != v1::AGENT_RUN_STATE_TORN_DOWN) {
    if (collect_until_ns_ == UINT64_MAX) collect_until_ns_ = SaturatingAdd(now_ns, kCollectGraceNs);
    // What the coordinator has forgotten, it does not collect.
    if (collected() || absent_ || now_ns >= collect_until_ns_) state_ = v1::AGENT_RUN_STATE_TORN_DOWN;
  }
  if (state_ == v1::AGENT_RUN_STATE_TORN_DOWN && absent_ && !forget_given_) {
    forget_given_ = true;
    actions->push_back(RunAction::kForget);
  }
}

}  // namespace feedfarm
