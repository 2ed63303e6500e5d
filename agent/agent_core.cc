#include "agent/agent_core.h"

#include <glog/logging.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "proto/role_name.h"

namespace feedfarm {
namespace {

constexpr size_t kForgottenMax = 256;
constexpr size_t kRunIdBytesMax = 128;

// A run's id names its folder.
bool IsSaneRunId(const std::string& id) {
  if (id.empty() || id.size() > kRunIdBytesMax || id[0] == '.') return false;
  return std::all_of(id.begin(), id.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.'; });
}

// What one host cannot do for both at a time: a profile takes it whole, other runs take their ports.
bool InTheWay(const v1::DesiredRun& a, const v1::DesiredRun& b) {
  if (a.role() == v1::ROLE_PROFILE || b.role() == v1::ROLE_PROFILE) return true;
  for (const std::string& port : {a.port_a(), a.port_b()}) {
    if (!port.empty() && (port == b.port_a() || port == b.port_b())) return true;
  }
  return false;
}

// The handler is told where to ask for what it missed when it starts; so the source comes first.
bool InputsComplete(const v1::DesiredRun& desired) {
  const v1::Traffic& traffic = desired.scenario().traffic();
  const bool asks = traffic.rerequest().port() != 0;
  const bool loads = traffic.glimpse().port() != 0;
  return desired.role() != v1::ROLE_HANDLER ||
         ((!asks || desired.rerequest().port() != 0) && (!loads || desired.glimpse().port() != 0));
}

run_event::Desired ToEvent(const v1::DesiredRun& desired, bool can_prepare) {
  run_event::Desired event;
  event.phase = desired.phase();
  event.epoch = desired.epoch();
  event.lease_remaining_ns = desired.lease_remaining_ns();
  event.start_unix_ns = desired.start_unix_ns();
  event.can_prepare = can_prepare;
  return event;
}

bool HasEnded(v1::AgentRunState state) { return state >= v1::AGENT_RUN_STATE_DONE; }

std::string Name(const RunKey& key) {
  return absl::StrCat(key.run_id, " ", RoleName(key.role));
}

}  // namespace

AgentCore::AgentCore(Options options, EpochStore* epochs, RunWorkFactory* factory, RunEventSink sink)
    : options_(std::move(options)), epochs_(epochs), factory_(factory), sink_(std::move(sink)) {}

void AgentCore::SetHost(v1::HostFacts facts, std::vector<std::string> unfit_reasons) {
  options_.facts = std::move(facts);
  options_.unfit_reasons = std::move(unfit_reasons);
}

void AgentCore::AddRecovered(RecoveredRun run) {
  v1::DesiredRun desired;
  desired.set_run_id(run.key.run_id);
  desired.set_role(run.key.role);
  desired.set_epoch(run.epoch);
  for (const std::string& left : run.residue) {
    left_behind_.push_back(absl::StrCat("run ", run.key.run_id, " could not be undone: ", left));
  }
  Entry entry{std::move(desired), RunMachine::Recovered(run.epoch, std::move(run.residue)), std::move(run.work)};
  runs_.insert_or_assign(run.key, std::move(entry));
}

void AgentCore::OnDesired(const v1::DesiredState& desired, uint64_t now_ns) {
  if (shut_down_) return;
  // Older leases first, so that of two new ones neither is refused.
  std::vector<const v1::DesiredRun*> wanted;
  for (const v1::DesiredRun& run : desired.runs()) wanted.push_back(&run);
  std::stable_sort(wanted.begin(), wanted.end(),
                   [](const v1::DesiredRun* a, const v1::DesiredRun* b) { return a->epoch() < b->epoch(); });
  std::set<RunKey> named;
  for (const v1::DesiredRun* run : wanted) {
    if (!IsSaneRunId(run->run_id()) || !IsRole(run->role())) {
      LOG(ERROR) << "desired run refused: id '" << run->run_id() << "', role " << run->role();
      continue;
    }
    named.insert({run->run_id(), run->role()});
    TakeDesired(*run, now_ns);
  }
  std::vector<RunKey> absent;
  for (const auto& [key, entry] : runs_) {
    if (!named.contains(key)) absent.push_back(key);
  }
  for (const RunKey& key : absent) Step(key, run_event::Absent{}, now_ns);
}

void AgentCore::TakeDesired(const v1::DesiredRun& desired, uint64_t now_ns) {
  const RunKey key{desired.run_id(), desired.role()};
  auto found = runs_.find(key);
  if (found != runs_.end() && found->second.machine.epoch() < desired.epoch()) {
    Step(key, run_event::Overtaken{desired.epoch()}, now_ns);
    // The new lease begins when the old one is undone; the next desired state comes back to it.
    if (!found->second.machine.undone()) return;
    if (found->second.work != nullptr) found->second.work->Forget();
    Erase(key);
    found = runs_.end();
  }
  Entry* entry = found != runs_.end() ? &found->second : Admit(key, desired, now_ns);
  if (entry->machine.epoch() != desired.epoch()) return;
  entry->desired = desired;
  if (entry->work != nullptr) entry->work->TelemetryAcked(desired.telemetry_acked());
  Step(key, ToEvent(desired, CanPrepare(key, desired)), now_ns);
}

AgentCore::Entry* AgentCore::Admit(const RunKey& key, const v1::DesiredRun& desired, uint64_t now_ns) {
  RunMachine machine = AdmitMachine(key, desired);
  std::unique_ptr<RunWork> work;
  if (machine.state() == v1::AGENT_RUN_STATE_PREPARING) {
    OvertakeOthers(key, desired, now_ns);
    absl::StatusOr<std::unique_ptr<RunWork>> made = factory_->Create(desired, sink_);
    if (made.ok()) {
      work = *std::move(made);
    } else {
      machine = RunMachine::Unable(desired.epoch(), made.status().ToString());
    }
  }
  LOG(INFO) << Name(key) << ": epoch " << desired.epoch() << ", " << v1::AgentRunState_Name(machine.state()) << " "
            << machine.failure();
  return &runs_.insert_or_assign(key, Entry{desired, std::move(machine), std::move(work)}).first->second;
}

RunMachine AgentCore::AdmitMachine(const RunKey& key, const v1::DesiredRun& desired) {
  const uint64_t oldest = std::max(epochs_->seen(), ForgottenEpoch(key) + 1);
  if (desired.epoch() < oldest) return RunMachine::Refused(desired.epoch(), oldest);
  absl::Status kept = epochs_->Raise(desired.epoch());
  if (kept.ok()) return RunMachine(desired.epoch());
  LOG(ERROR) << Name(key) << ": the lease's epoch cannot be kept: " << kept;
  return RunMachine::Unable(desired.epoch(), absl::StrCat("the lease's epoch cannot be kept: ", kept.message()));
}

void AgentCore::OvertakeOthers(const RunKey& key, const v1::DesiredRun& desired, uint64_t now_ns) {
  std::vector<RunKey> overtaken;
  for (const auto& [other, entry] : runs_) {
    if (other != key && entry.machine.epoch() < desired.epoch() && InTheWay(entry.desired, desired)) {
      overtaken.push_back(other);
    }
  }
  for (const RunKey& other : overtaken) Step(other, run_event::Overtaken{desired.epoch()}, now_ns);
}

bool AgentCore::CanPrepare(const RunKey& key, const v1::DesiredRun& desired) const {
  if (!InputsComplete(desired)) return false;
  return std::none_of(runs_.begin(), runs_.end(), [&](const auto& other) {
    return other.first != key && other.second.machine.holds_host() && InTheWay(other.second.desired, desired);
  });
}

void AgentCore::OnRunEvent(const RunKey& key, const RunEvent& event, uint64_t now_ns) { Step(key, event, now_ns); }

void AgentCore::Tick(uint64_t now_ns) {
  std::vector<RunKey> keys;
  for (const auto& [key, entry] : runs_) keys.push_back(key);
  for (const RunKey& key : keys) {
    Step(key, run_event::Tick{}, now_ns);
    auto found = runs_.find(key);
    if (found == runs_.end() || !HasEnded(found->second.machine.state())) continue;
    if (found->second.work == nullptr || found->second.work->TelemetryCollected()) {
      Step(key, run_event::TelemetryCollected{}, now_ns);
    }
  }
}

void AgentCore::Shutdown(uint64_t now_ns) {
  shut_down_ = true;
  std::vector<RunKey> keys;
  for (const auto& [key, entry] : runs_) keys.push_back(key);
  for (const RunKey& key : keys) Step(key, run_event::Shutdown{}, now_ns);
}

bool AgentCore::idle() const {
  return std::none_of(runs_.begin(), runs_.end(), [](const auto& run) { return run.second.machine.holds_host(); });
}

void AgentCore::Step(const RunKey& key, const RunEvent& event, uint64_t now_ns) {
  auto found = runs_.find(key);
  if (found == runs_.end()) return;
  Entry& entry = found->second;
  const v1::AgentRunState before = entry.machine.state();
  const std::vector<RunAction> actions = entry.machine.Step(event, now_ns);
  if (entry.machine.state() != before) {
    LOG(INFO) << Name(key) << ": " << v1::AgentRunState_Name(before) << " -> "
              << v1::AgentRunState_Name(entry.machine.state()) << " " << entry.machine.failure();
  }
  if (std::holds_alternative<run_event::Undone>(event)) {
    for (const std::string& left : entry.machine.residue()) {
      left_behind_.push_back(absl::StrCat("run ", key.run_id, " left behind: ", left));
    }
  }
  for (RunAction action : actions) {
    Do(key, &entry, action);
    if (action == RunAction::kForget) return Erase(key);
  }
}

void AgentCore::Do(const RunKey& key, Entry* entry, RunAction action) {
  RunWork* work = entry->work.get();
  if (work == nullptr) return;
  switch (action) {
    case RunAction::kPrepare:
      return work->Prepare(entry->desired);
    case RunAction::kStart:
      return work->Start(entry->machine.start_unix_ns());
    case RunAction::kStop:
      return work->Stop();
    case RunAction::kUpload:
      return work->Upload();
    case RunAction::kUndo:
      return work->Undo();
    case RunAction::kForget:
      LOG(INFO) << Name(key) << ": forgotten";
      return work->Forget();
  }
}

void AgentCore::Erase(const RunKey& key) {
  auto found = runs_.find(key);
  if (found == runs_.end()) return;
  forgotten_.emplace_back(key, found->second.machine.epoch());
  if (forgotten_.size() > kForgottenMax) forgotten_.pop_front();
  runs_.erase(found);
}

uint64_t AgentCore::ForgottenEpoch(const RunKey& key) const {
  uint64_t epoch = 0;
  for (const auto& [other, seen] : forgotten_) {
    if (other == key) epoch = std::max(epoch, seen);
  }
  return epoch;
}

v1::AgentState AgentCore::State(uint64_t unix_ns) const {
  v1::AgentState state;
  state.set_host(options_.host);
  state.set_instance_id(options_.instance_id);
  *state.mutable_facts() = options_.facts;
  state.set_epoch_seen(epochs_->seen());
  for (const std::string& reason : options_.unfit_reasons) state.add_unfit_reasons(reason);
  for (const std::string& left : left_behind_) state.add_unfit_reasons(left);
  state.set_version(options_.version);
  state.set_agent_unix_ns(unix_ns);
  for (const std::string& undone : options_.undone_at_start) state.add_undone_at_start(undone);
  for (const auto& [key, entry] : runs_) {
    v1::ObservedRun* run = state.add_runs();
    if (entry.work != nullptr) entry.work->Describe(run);
    run->set_run_id(key.run_id);
    run->set_epoch(entry.machine.epoch());
    run->set_role(key.role);
    run->set_state(entry.machine.state());
    run->set_failure_cause(entry.machine.failure_cause());
    run->set_failure(entry.machine.failure());
    run->set_artifacts_uploaded(entry.machine.artifacts_uploaded());
    for (const std::string& left : entry.machine.residue()) run->add_residue(left);
  }
  return state;
}

}  // namespace feedfarm
