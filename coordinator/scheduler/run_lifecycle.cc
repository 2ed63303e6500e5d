#include "coordinator/scheduler/run_lifecycle.h"

#include <glog/logging.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "coordinator/scheduler/wanted_build.h"
#include "proto/role_name.h"

namespace feedfarm {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
// No handler recovers for longer than this, whatever its settings multiply to.
constexpr uint64_t kRecoveryMax = 30 * kSecond;

std::string Seconds(uint64_t ns) { return absl::StrCat(static_cast<double>(ns / 1'000'000) / 1e3, "s"); }

// The longest that one gap may take by the handler's own settings: the dwell, then each try with twice the wait before.
uint64_t RecoveryNs(const v1::HandlerConfig& handler) {
  uint64_t total = handler.dwell_ns(), wait = handler.rerequest_timeout_ns();
  for (uint32_t i = 0; i < handler.rerequest_tries() && total < kRecoveryMax; ++i, wait *= 2) total += wait;
  return std::min(total, kRecoveryMax);
}

// What the snapshots of a source that takes its time may take beside.
uint64_t SnapshotsNs(const v1::Scenario& scenario) {
  if (scenario.handler().snapshot() != v1::SNAPSHOT_METHOD_GLIMPSE) return 0;
  const uint64_t tries = std::max(scenario.handler().snapshot_tries(), 1u);
  return std::min(tries * std::min(scenario.traffic().glimpse().delay_ns(), kRecoveryMax), kRecoveryMax);
}

const char* StateName(v1::AgentRunState state) {
  switch (state) {
    case v1::AGENT_RUN_STATE_PREPARING:
      return "preparing";
    case v1::AGENT_RUN_STATE_READY:
      return "ready";
    case v1::AGENT_RUN_STATE_RUNNING:
      return "running";
    case v1::AGENT_RUN_STATE_DONE:
      return "done";
    case v1::AGENT_RUN_STATE_FAILED:
      return "failed";
    case v1::AGENT_RUN_STATE_TORN_DOWN:
      return "torn down";
    default:
      return "not heard of";
  }
}

// For a person who watches: an agent that has not answered yet was asked a moment ago.
const char* PreparingWord(v1::AgentRunState state) {
  return state == v1::AGENT_RUN_STATE_UNSPECIFIED ? "asked" : StateName(state);
}

}  // namespace

RunLifecycle::RunLifecycle(record::RunRecord record, const v1::Scenario* scenario, const RunWaits& waits, Moment now)
    : record_(std::move(record)), scenario_(scenario), roles_(GangOf(*scenario)), waits_(waits), entered_ns_(now.monotonic_ns) {
  for (const v1::Role role : roles_) {
    if (side(role).ended()) view(role).state = v1::AGENT_RUN_STATE_DONE;
  }
}

bool RunLifecycle::Has(v1::Role role) const { return std::find(roles_.begin(), roles_.end(), role) != roles_.end(); }

template <class Holds>
bool RunLifecycle::All(Holds holds) const {
  return std::all_of(roles_.begin(), roles_.end(), holds);
}

std::string RunLifecycle::States(const char* between, const char* (*word)(v1::AgentRunState), bool with_host) const {
  return absl::StrJoin(roles_, ", ", [&](std::string* out, v1::Role role) {
    absl::StrAppend(out, RoleName(role), with_host ? absl::StrCat(" on ", side(role).host()) : "", between,
                    word(view(role).state));
  });
}

v1::Role RunLifecycle::RoleOn(std::string_view host) const {
  if (record_.state() == v1::RUN_STATE_QUEUED || finished()) return v1::ROLE_UNSPECIFIED;
  for (const v1::Role role : roles_) {
    if (side(role).host() == host && !side(role).released()) return role;
  }
  return v1::ROLE_UNSPECIFIED;
}

RunActions RunLifecycle::Step(const RunEvent& event, Moment now) {
  actions_ = {};
  std::vector<std::optional<v1::DesiredRun>> before;
  for (const v1::Role role : roles_) before.push_back(Desired(role));
  std::visit([&](const auto& e) { On(e, now); }, event);
  Advance(now);
  for (size_t i = 0; i < roles_.size(); ++i) {
    const std::optional<v1::DesiredRun> after = Desired(roles_[i]);
    if (after.has_value() != before[i].has_value() ||
        (after.has_value() &&
         (after->phase() != before[i]->phase() || after->rerequest().port() != before[i]->rerequest().port() ||
          after->rerequest().address() != before[i]->rerequest().address() ||
          after->glimpse().port() != before[i]->glimpse().port() ||
          after->glimpse().address() != before[i]->glimpse().address()))) {
      actions_.desired_changed = true;
    }
  }
  return std::exchange(actions_, {});
}

void RunLifecycle::Enter(v1::RunState state, Moment now) {
  record_.set_state(state);
  entered_ns_ = now.monotonic_ns;
  actions_.persist = true;
}

void RunLifecycle::Fail(v1::Role role, v1::FailureCause cause, std::string sentence) {
  record::RunFailure* failure = record_.add_failures();
  failure->set_role(role);
  failure->set_cause(cause);
  failure->set_sentence(std::move(sentence));
  actions_.persist = true;
}

void RunLifecycle::FailFarm(std::string sentence) {
  record_.add_farm_failures(std::move(sentence));
  actions_.persist = true;
}

void RunLifecycle::On(const RunGranted& event, Moment now) {
  CHECK_EQ(record_.state(), v1::RUN_STATE_QUEUED) << record_.run_id();
  CHECK_EQ(event.sides.size(), roles_.size()) << record_.run_id();
  record_.set_epoch(event.epoch);
  for (size_t i = 0; i < roles_.size(); ++i) *mutable_side(roles_[i]) = event.sides[i];
  record_.set_placed_unix_ns(now.unix_ns);
  Enter(v1::RUN_STATE_PREPARING, now);
}

void RunLifecycle::On(const RunObserved& event, Moment now) {
  if (!Has(event.role) || side(event.role).released()) return;
  if (event.run == nullptr || event.run->epoch() != record_.epoch()) return Absent(event, now);
  View& seen = view(event.role);
  record::RunSide* side = mutable_side(event.role);
  seen.absent_since_ns = 0;
  if (side->instance_id().empty()) {
    side->set_instance_id(event.instance_id);
    actions_.persist = true;
  }
  const v1::ObservedRun& run = *event.run;
  side->set_telemetry_last(std::max(side->telemetry_last(), run.telemetry_sequence_last()));
  seen.artifacts_uploaded = run.artifacts_uploaded();
  // A handler that still delivers is not waited for in vain.
  if (draining_since_ns_ != 0 && event.role == v1::ROLE_HANDLER && run.messages() > seen.messages) {
    draining_since_ns_ = now.monotonic_ns;
  }
  seen.messages = run.messages();
  seen.progress = std::isfinite(run.progress()) ? run.progress() : 0;
  if (run.rerequest().port() != 0) *side->mutable_rerequest() = run.rerequest();
  if (run.glimpse().port() != 0) *side->mutable_glimpse() = run.glimpse();
  if (!run.handler_digest().empty()) side->set_handler_digest(run.handler_digest());
  if (run.has_handler_build()) *side->mutable_handler_build() = run.handler_build();
  if (run.has_handler_build() || run.state() == v1::AGENT_RUN_STATE_DONE) CheckBuild(event.role);
  // A DONE that was stored stays: the result is in the record.
  if (!side->ended()) seen.state = run.state();
  TakeResult(event);
  if (run.state() == v1::AGENT_RUN_STATE_TORN_DOWN) TakeTornDown(event.role, run);
}

// What is under test must be what the campaign asks for, whenever the handler says what it is.
void RunLifecycle::CheckBuild(v1::Role role) {
  if (role != v1::ROLE_HANDLER || Failed() || record_.verdict() != v1::VERDICT_UNSPECIFIED) return;
  const std::string why = WrongBuild(scenario_->handler().commit(), side(role).handler_build());
  if (!why.empty()) FailFarm(absl::StrCat("handler on ", side(role).host(), " is not the build under test: ", why));
}

void RunLifecycle::TakeResult(const RunObserved& event) {
  const v1::ObservedRun& run = *event.run;
  record::RunSide* side = mutable_side(event.role);
  if (side->ended() || record_.verdict() != v1::VERDICT_UNSPECIFIED) return;
  const bool restarted = side->instance_id() != event.instance_id;
  if (run.state() == v1::AGENT_RUN_STATE_FAILED) {
    TakeFailure(event.role, run);
  } else if (restarted) {
    Fail(event.role, v1::FAILURE_CAUSE_AGENT_RESTART,
         absl::StrCat("the agent of host ", side->host(), " was started anew in the middle of the run"));
    // The new agent's account of a run that it did not start is not evidence.
    view(event.role).gone = true;
    side->set_ended(true);
    return;
  } else if (run.state() != v1::AGENT_RUN_STATE_DONE) {
    return;
  }
  if (event.role == v1::ROLE_HANDLER && run.has_handler_result()) {
    *record_.mutable_handler_result() = run.handler_result();
  }
  if (event.role == v1::ROLE_SOURCE && run.has_source_result()) *record_.mutable_source_result() = run.source_result();
  if (event.role == v1::ROLE_PROFILE && run.has_profile_result()) {
    *record_.mutable_profile_result() = run.profile_result();
  }
  side->set_ended(true);
  view(event.role).state = v1::AGENT_RUN_STATE_DONE;
  actions_.persist = true;
}

void RunLifecycle::TakeFailure(v1::Role role, const v1::ObservedRun& run) {
  // It was told to stop because of something else: that is the reason, not this.
  if (run.failure_cause() == v1::FAILURE_CAUSE_UNSPECIFIED && record_.state() == v1::RUN_STATE_COLLECTING) return;
  const std::string what = run.failure().empty() ? "failed without a word" : run.failure();
  Fail(role, run.failure_cause() == v1::FAILURE_CAUSE_UNSPECIFIED ? v1::FAILURE_CAUSE_HOST : run.failure_cause(),
       absl::StrCat(RoleName(role), " on ", side(role).host(), ": ", what));
}

void RunLifecycle::TakeTornDown(v1::Role role, const v1::ObservedRun& run) {
  for (const std::string& difference : run.residue()) {
    actions_.quarantine.emplace_back(role, absl::StrCat("left behind by ", record_.run_id(), ": ", difference));
  }
  if (record_.state() == v1::RUN_STATE_TEARING_DOWN) return Release(role);
  // Before its time, as when the lease ran out at the agent alone.
  if (!side(role).ended()) {
    Fail(role, run.failure_cause() == v1::FAILURE_CAUSE_UNSPECIFIED ? v1::FAILURE_CAUSE_LEASE : run.failure_cause(),
         absl::StrCat(RoleName(role), " on ", side(role).host(), " ended by itself",
                      run.failure().empty() ? "" : absl::StrCat(": ", run.failure())));
    mutable_side(role)->set_ended(true);
  }
  view(role).gone = true;
}

void RunLifecycle::Absent(const RunObserved& event, Moment now) {
  record::RunSide* side = mutable_side(event.role);
  View& seen = view(event.role);
  const bool known = !side->instance_id().empty();
  const bool restarted = known && side->instance_id() != event.instance_id;
  if (record_.state() == v1::RUN_STATE_TEARING_DOWN) {
    // Forgotten is as good as torn down: an agent forgets only what it has undone, at its start or after.
    if (known) return Release(event.role);
    if (seen.absent_since_ns == 0) seen.absent_since_ns = now.monotonic_ns;
    return;
  }
  if (!known || seen.gone) return;
  seen.gone = true;
  if (side->ended()) return;
  side->set_ended(true);
  Fail(event.role, restarted ? v1::FAILURE_CAUSE_AGENT_RESTART : v1::FAILURE_CAUSE_HOST,
       restarted ? absl::StrCat("the agent of host ", side->host(), " was started anew in the middle of the run")
                 : absl::StrCat("the agent of host ", side->host(), " no longer has the run"));
}

void RunLifecycle::On(const TelemetryStored& event, Moment) {
  // An agent may name any role.
  if (!Has(event.role)) return;
  uint64_t& stored = view(event.role).telemetry_stored;
  stored = std::max(stored, event.sequence);
}

void RunLifecycle::On(const LeaseRanOut& event, Moment) {
  if (!Has(event.role)) return;
  record::RunSide* side = mutable_side(event.role);
  if (side->released() || finished()) return;
  // The table ended it already: nothing to release.
  side->set_released(true);
  actions_.persist = true;
  if (!side->ended() && record_.verdict() == v1::VERDICT_UNSPECIFIED) FailFarm(event.why);
  side->set_ended(true);
  view(event.role).gone = true;
}

void RunLifecycle::On(const CancelRequested&, Moment) {
  if (record_.verdict() != v1::VERDICT_UNSPECIFIED || record_.cancelled()) return;
  record_.set_cancelled(true);
  actions_.persist = true;
}

void RunLifecycle::On(const GivenUp& event, Moment) {
  if (record_.state() == v1::RUN_STATE_QUEUED) FailFarm(event.why);
}

void RunLifecycle::On(const TrialsOver& event, Moment) {
  if (record_.state() != v1::RUN_STATE_QUEUED) return;
  for (const record::RunFailure& failure : event.failures) *record_.add_failures() = failure;
  for (const std::string& failure : event.farm_failures) record_.add_farm_failures(failure);
  trials_over_ = actions_.persist = true;
}

void RunLifecycle::On(const VerdictReached& event, Moment now) {
  CHECK_EQ(record_.verdict(), v1::VERDICT_UNSPECIFIED) << record_.run_id() << ": a verdict never changes";
  CHECK_NE(event.verdict, v1::VERDICT_UNSPECIFIED) << record_.run_id();
  record_.set_verdict(event.verdict);
  if (event.outcome.has_value()) *record_.mutable_outcome() = *event.outcome;
  if (!event.wrong.empty()) {
    record::RunFailure* failure = record_.add_failures();
    failure->set_role(v1::ROLE_HANDLER);
    failure->set_cause(v1::FAILURE_CAUSE_SUBJECT);
    failure->set_sentence(event.wrong);
  }
  judging_ = false;
  if (record_.state() == v1::RUN_STATE_QUEUED) {
    record_.set_finished_unix_ns(now.unix_ns);
    Enter(v1::RUN_STATE_FINISHED, now);
  } else {
    Enter(v1::RUN_STATE_TEARING_DOWN, now);
  }
}

void RunLifecycle::On(const Passed&, Moment) {}

void RunLifecycle::Release(v1::Role role) {
  record::RunSide* side = mutable_side(role);
  if (side->released()) return;
  side->set_released(true);
  actions_.release.push_back(role);
  actions_.persist = true;
}

bool RunLifecycle::Ended(v1::Role role) const { return side(role).ended() || view(role).gone || side(role).released(); }

bool RunLifecycle::Ready(v1::Role role) const {
  const v1::AgentRunState state = view(role).state;
  return state == v1::AGENT_RUN_STATE_READY || state == v1::AGENT_RUN_STATE_RUNNING;
}

bool RunLifecycle::Collected(v1::Role role) const {
  const View& seen = view(role);
  if (seen.gone || side(role).released()) return true;
  // Never started, and it is not the one that failed: it has nothing to say.
  if (!side(role).ended()) return record_.start_unix_ns() == 0;
  return seen.telemetry_stored >= side(role).telemetry_last() && seen.artifacts_uploaded;
}

bool RunLifecycle::Undelivered() const {
  return record_.has_source_result() && view(v1::ROLE_HANDLER).messages < record_.source_result().messages();
}

uint64_t RunLifecycle::DrainNs() const {
  return waits_.drain_ns + (Undelivered() ? RecoveryNs(scenario_->handler()) + SnapshotsNs(*scenario_) : 0);
}

uint64_t RunLifecycle::StartMonotonic(Moment now) const {
  const int64_t ago = static_cast<int64_t>(now.unix_ns) - static_cast<int64_t>(record_.start_unix_ns());
  return static_cast<uint64_t>(static_cast<int64_t>(now.monotonic_ns) - ago);
}

void RunLifecycle::Advance(Moment now) {
  if (judging_ || finished()) return;
  if (record_.cancelled() && record_.verdict() == v1::VERDICT_UNSPECIFIED) {
    judging_ = actions_.judge = true;
    return;
  }
  switch (record_.state()) {
    case v1::RUN_STATE_QUEUED:
      if (Failed() || trials_over_) judging_ = actions_.judge = true;
      return;
    case v1::RUN_STATE_PREPARING:
      return AdvancePreparing(now);
    case v1::RUN_STATE_RUNNING:
      return AdvanceRunning(now);
    case v1::RUN_STATE_COLLECTING:
      return AdvanceCollecting(now);
    case v1::RUN_STATE_TEARING_DOWN:
      return AdvanceTearingDown(now);
    default:
      return;
  }
}

void RunLifecycle::AdvancePreparing(Moment now) {
  for (const v1::Role role : roles_) {
    // DONE before START: there was nothing that it could have done.
    if (side(role).ended() && !Failed()) {
      FailFarm(absl::StrCat(RoleName(role), " on ", side(role).host(), " ended before the start"));
    }
  }
  if (!Failed() && now.monotonic_ns - entered_ns_ > waits_.prepare_ns) {
    FailFarm(absl::StrCat("not ready within ", Seconds(waits_.prepare_ns), ": ", States(" is ", &StateName, /*with_host=*/true)));
  }
  if (Failed()) {
    Enter(v1::RUN_STATE_COLLECTING, now);
    return AdvanceCollecting(now);
  }
  if (!All([&](v1::Role role) { return Ready(role); })) return;
  record_.set_start_unix_ns(now.unix_ns + waits_.barrier_ns);
  Enter(v1::RUN_STATE_RUNNING, now);
}

void RunLifecycle::AdvanceRunning(Moment now) {
  if (!Failed() && scenario_->timeout_ns() > 0 &&
      static_cast<int64_t>(now.monotonic_ns - StartMonotonic(now)) > static_cast<int64_t>(scenario_->timeout_ns())) {
    FailFarm(absl::StrCat("timeout of ", Seconds(scenario_->timeout_ns()), ": ",
                          States(" is ", &StateName, /*with_host=*/false)));
  }
  if (Failed() || All([&](v1::Role role) { return Ended(role); })) {
    Enter(v1::RUN_STATE_COLLECTING, now);
    return AdvanceCollecting(now);
  }
  AdvanceDraining(now);
}

// A handler that does not see the end itself is stopped a while after its source.
void RunLifecycle::AdvanceDraining(Moment now) {
  if (!Has(v1::ROLE_SOURCE) || !Ended(v1::ROLE_SOURCE)) return;
  if (draining_since_ns_ == 0) draining_since_ns_ = now.monotonic_ns;
  if (now.monotonic_ns - draining_since_ns_ > DrainNs()) stop_handler_ = true;
}

void RunLifecycle::AdvanceCollecting(Moment now) {
  const bool collected = All([&](v1::Role role) { return Collected(role); });
  const uint64_t wait_ns = record_.start_unix_ns() == 0 ? waits_.collect_unstarted_ns : waits_.collect_ns;
  if (!collected && now.monotonic_ns - entered_ns_ <= wait_ns) return;
  for (const v1::Role role : roles_) {
    if (Ended(role) || record_.start_unix_ns() == 0) continue;
    FailFarm(absl::StrCat(RoleName(role), " on ", side(role).host(), " gave no result within ", Seconds(waits_.collect_ns),
                          " of being told to stop"));
  }
  judging_ = actions_.judge = true;
}

void RunLifecycle::AdvanceTearingDown(Moment now) {
  for (const v1::Role role : roles_) {
    if (side(role).released()) continue;
    const uint64_t absent_since_ns = view(role).absent_since_ns;
    if (absent_since_ns != 0 && now.monotonic_ns - absent_since_ns > waits_.absent_ns) {
      Release(role);
    } else if (now.monotonic_ns - entered_ns_ > waits_.tear_down_ns) {
      actions_.quarantine.emplace_back(
          role, absl::StrCat("did not tear ", record_.run_id(), " down within ", Seconds(waits_.tear_down_ns)));
      Release(role);
    }
  }
  if (!All([&](v1::Role role) { return side(role).released(); })) return;
  record_.set_finished_unix_ns(now.unix_ns);
  Enter(v1::RUN_STATE_FINISHED, now);
}

std::optional<v1::DesiredRun> RunLifecycle::Desired(v1::Role role) const {
  const record::RunSide& side = this->side(role);
  if (record_.state() == v1::RUN_STATE_QUEUED || finished() || side.released()) return std::nullopt;
  // An agent that has it no more must not begin it again.
  if (view(role).gone) return std::nullopt;
  v1::DesiredRun run;
  run.set_run_id(record_.run_id());
  run.set_epoch(record_.epoch());
  run.set_role(role);
  run.set_seed(record_.seed());
  run.set_port_a(side.port_a());
  run.set_port_b(side.port_b());
  run.set_cpu(side.cpu());
  run.set_start_unix_ns(record_.start_unix_ns());
  *run.mutable_scenario() = *scenario_;
  if (role == v1::ROLE_HANDLER && record_.source().has_rerequest()) {
    *run.mutable_rerequest() = record_.source().rerequest();
  }
  if (role == v1::ROLE_HANDLER && record_.source().has_glimpse()) *run.mutable_glimpse() = record_.source().glimpse();
  switch (record_.state()) {
    case v1::RUN_STATE_PREPARING:
      // The handler is told where to ask for what is missing: the source comes first.
      if (role == v1::ROLE_HANDLER && !Ready(v1::ROLE_SOURCE) && this->side(role).instance_id().empty()) return std::nullopt;
      run.set_phase(v1::DESIRED_PHASE_PREPARE);
      break;
    case v1::RUN_STATE_RUNNING:
      run.set_phase(role == v1::ROLE_HANDLER && stop_handler_ ? v1::DESIRED_PHASE_STOP : v1::DESIRED_PHASE_RUN);
      break;
    case v1::RUN_STATE_COLLECTING:
      run.set_phase(v1::DESIRED_PHASE_STOP);
      break;
    default:
      run.set_phase(v1::DESIRED_PHASE_TEAR_DOWN);
      break;
  }
  return run;
}

double RunLifecycle::progress() const {
  if (record_.verdict() != v1::VERDICT_UNSPECIFIED) return 1;
  return std::clamp(view(roles_.front()).progress, 0.0, 1.0);
}

std::string RunLifecycle::Activity() const {
  switch (record_.state()) {
    case v1::RUN_STATE_PREPARING:
      return absl::StrCat("preparing: ", States(" ", &PreparingWord, /*with_host=*/false));
    case v1::RUN_STATE_RUNNING:
      if (Has(v1::ROLE_PROFILE)) return scenario_->profile().name();
      return Ended(v1::ROLE_SOURCE) ? "draining" : "traffic";
    case v1::RUN_STATE_COLLECTING:
      return "collecting results";
    case v1::RUN_STATE_TEARING_DOWN:
      return "tearing down";
    default:
      return "";
  }
}

}  // namespace feedfarm
