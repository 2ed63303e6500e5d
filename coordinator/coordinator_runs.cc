// Coordinator: how runs are driven, placed, judged and told to agents.
#include <glog/logging.h>

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "coordinator/coordinator.h"
#include "coordinator/gate/verdict.h"
#include "coordinator/rate_search/trial_run.h"
#include "coordinator/store/campaigns.h"
#include "coordinator/store/hosts.h"
#include "coordinator/store/leases.h"
#include "coordinator/store/results.h"
#include "coordinator/store/runs.h"
#include "pipeline/base/status_macros.h"
#include "proto/role_name.h"

namespace feedfarm {
namespace {

std::string Seconds(uint64_t ns) { return absl::StrCat(static_cast<double>(ns / 1'000'000) / 1e3, "s"); }

record::RunSide MakeSide(const RolePlace& place, const v1::HostFacts& facts) {
  record::RunSide side;
  side.set_host(place.host);
  side.set_port_a(place.port_a);
  side.set_port_b(place.port_b);
  // The agent knows best where there are no isolated cores.
  side.set_cpu(place.role == v1::ROLE_HANDLER && facts.isolated_cpus_size() > 0
                   ? static_cast<int32_t>(facts.isolated_cpus(0))
                   : -1);
  *side.mutable_facts() = facts;
  return side;
}

}  // namespace

Coordinator::RunEntry* Coordinator::FindRun(const std::string& run_id) {
  const auto at = runs_.find(run_id);
  return at != runs_.end() ? at->second : nullptr;
}

void Coordinator::Drive(RunEntry* run, const RunEvent& event, Moment now, Change* change) {
  // Counted once, and nothing touches it any more.
  if (run->lifecycle->finished()) return;
  RunActions actions = run->lifecycle->Step(event, now);
  Carry(run, actions, change);
  if (!actions.judge) return;
  absl::StatusOr<Judged> judged = run->scenario().has_rate_search() ? JudgeSearch(run, now) : Judge(run, now);
  if (!judged.ok()) {
    failed_ = judged.status();
    return;
  }
  const v1::Verdict verdict = judged->result.verdict();
  if (run->search == nullptr) {
    LOG(INFO) << run->id() << ": " << v1::Verdict_Name(verdict) << " " << absl::StrJoin(judged->result.reasons(), "; ");
    run->result = std::make_shared<const v1::RunResult>(judged->result);
  }
  change->results[run->id()] = std::move(judged->result);
  actions = run->lifecycle->Step(VerdictReached{verdict, std::move(judged->outcome), std::move(judged->wrong)}, now);
  Carry(run, actions, change);
}

void Coordinator::Carry(RunEntry* run, const RunActions& actions, Change* change) {
  const record::RunRecord& record = run->lifecycle->record();
  if (actions.persist) {
    change->runs.insert(run);
    campaigns_changed_.insert(record.campaign_id());
  }
  for (const v1::Role role : actions.release) {
    const std::string& host = run->lifecycle->side(role).host();
    if (leases_.Release(host, record.epoch())) change->leases.insert(host);
  }
  for (const auto& [role, reason] : actions.quarantine) {
    const std::string& name = run->lifecycle->side(role).host();
    LOG(ERROR) << "host " << name << " goes to quarantine: " << reason;
    leases_.Quarantine(name);
    if (Host* host = hosts_.Find(name); host != nullptr) {
      host->record.add_quarantine(reason);
      host->record.set_quarantine_instance_id(host->record.instance_id());
      change->hosts.insert(name);
    }
  }
  if (actions.desired_changed) {
    for (const v1::Role role : run->lifecycle->roles()) hosts_to_tell_.insert(run->lifecycle->side(role).host());
  }
  if (run->lifecycle->finished()) NoteFinished(run);
}

void Coordinator::NoteFinished(RunEntry* run) {
  active_.erase(run->id());
  if (run->search != nullptr) return;
  CampaignEntry* campaign = run->campaign;
  if (++campaign->runs_finished == campaign->runs.size()) {
    reports_due_.insert(CampaignNumber(campaign->record.campaign_id()));
  }
}

absl::StatusOr<Coordinator::Judged> Coordinator::Judge(RunEntry* run, Moment now) {
  const record::RunRecord& record = run->lifecycle->record();
  RunEvidence evidence;
  for (const record::RunFailure& failure : record.failures()) {
    evidence.failures.push_back({failure.role(), failure.cause(), failure.sentence()});
  }
  evidence.farm_failures.assign(record.farm_failures().begin(), record.farm_failures().end());
  evidence.cancelled = record.cancelled();
  const auto wire = [&](const std::string& from, const std::string& to) {
    return absl::StrCat(record.source().host(), " ", from, " to ", record.handler().host(), " ", to);
  };
  evidence.wires = {wire(record.source().port_a(), record.handler().port_a()),
                    wire(record.source().port_b(), record.handler().port_b())};
  if (record.has_handler_result()) evidence.handler = &record.handler_result();
  if (record.has_source_result()) evidence.source = &record.source_result();
  if (record.has_profile_result()) evidence.profile = &record.profile_result();
  std::map<v1::Role, uint64_t> telemetry_last;
  for (const v1::Role role : run->lifecycle->roles()) telemetry_last[role] = run->lifecycle->TelemetryLast(role);
  FEEDFARM_ASSIGN_OR_RETURN(MergedTelemetry telemetry, telemetry_.Take(run->id(), telemetry_last));
  evidence.latencies = std::move(telemetry.latencies);
  evidence.intervals_merged = telemetry.intervals_merged;
  evidence.intervals_missing = telemetry.intervals_missing;
  evidence.started_unix_ns = record.start_unix_ns();
  evidence.finished_unix_ns = now.unix_ns;
  Judged judged;
  // Before the histograms go into the result.
  if (run->search != nullptr && evidence.failures.empty() && evidence.farm_failures.empty() && !evidence.cancelled &&
      evidence.handler != nullptr && evidence.source != nullptr) {
    judged.outcome = OutcomeOfTrial(run->search->scenario().rate_search(), {record.load_pps(), record.duration_ns()},
                                    *evidence.handler, *evidence.source, evidence.latencies, evidence.intervals_missing);
  }
  if (judged.outcome.has_value()) {
    judged.outcome->set_run_id(run->id());
    judged.outcome->set_wall_ns(now.unix_ns - std::min(now.unix_ns, record.placed_unix_ns()));
    judged.wrong = WrongStream(*judged.outcome, *evidence.handler, *evidence.source);
    LOG(INFO) << run->id() << ": " << judged.outcome->ShortDebugString() << " " << judged.wrong;
  }
  judged.result = JudgeRun(run->scenario(), evidence);
  return judged;
}

void Coordinator::DriveObserved(const Host& host, const v1::AgentState& state, Moment now, Change* change) {
  const Lease* lease = leases_.Find(host.record.name());
  RunEntry* run = lease != nullptr ? FindRun(lease->run_id) : nullptr;
  if (run == nullptr) return;
  const v1::Role role = run->lifecycle->RoleOn(host.record.name());
  if (role == v1::ROLE_UNSPECIFIED) return;
  const auto listed = std::find_if(state.runs().begin(), state.runs().end(), [&](const v1::ObservedRun& observed) {
    return observed.run_id() == run->id() && observed.role() == role;
  });
  if (listed != state.runs().end() && run->lifecycle->record().verdict() == v1::VERDICT_UNSPECIFIED) {
    // What a restart has forgotten, or telemetry's own call was too late to tell.
    absl::StatusOr<uint64_t> through = telemetry_.Through(run->id(), role);
    if (through.ok()) Drive(run, TelemetryStored{role, *through}, now, change);
    campaigns_changed_.insert(run->lifecycle->record().campaign_id());
  }
  RunObserved event{role, state.instance_id(), listed != state.runs().end() ? &*listed : nullptr};
  Drive(run, event, now, change);
}

void Coordinator::ExpireLeases(Moment now, Change* change) {
  for (const auto& [name, lease] : leases_.Expire(now.monotonic_ns)) {
    change->leases.insert(name);
    RunEntry* run = FindRun(lease.run_id);
    if (run == nullptr) continue;
    const v1::Role role = run->lifecycle->RoleOn(name);
    if (role == v1::ROLE_UNSPECIFIED) continue;
    const std::string why = absl::StrCat("no answer from host ", name, " (", RoleName(role), ") for ",
                                         Seconds(options_.lease.length_ns + options_.lease.margin_ns),
                                         ": its lease ran out");
    LOG(WARNING) << run->id() << ": " << why;
    Drive(run, LeaseRanOut{role, why}, now, change);
  }
}

void Coordinator::Schedule(Moment now, Change* change) {
  looked_at_queue_ns_ = now.monotonic_ns;
  if (queued_.empty()) return;
  const std::vector<PlacementHost> hosts = HostsForPlacement(now);
  std::vector<QueuedRun> queue;
  std::vector<CampaignLoad> loads;
  for (auto at = queued_.begin(); at != queued_.end();) {
    CampaignEntry* campaign = campaigns_[*at].get();
    CampaignLoad load{campaign->record.campaign_id(), 0};
    const size_t before = queue.size();
    bool searching = false;
    for (const auto& run : campaign->runs) {
      AdvanceSearch(run.get(), now, change);
      searching |= run->scenario().has_rate_search() && !run->lifecycle->finished();
      const RunEntry* unit = UnitOf(run.get());
      if (unit == nullptr) continue;
      if (unit->lifecycle->record().state() == v1::RUN_STATE_QUEUED) {
        queue.push_back({unit->id(), load.campaign_id, &unit->scenario().placement()});
      } else {
        ++load.active_runs;
      }
    }
    loads.push_back(load);
    // A search comes back with its next trial.
    at = queue.size() == before && !searching ? queued_.erase(at) : std::next(at);
  }
  for (const PlacedRun& placed : PlaceRuns(queue, hosts, loads)) Place(placed, now, change);
  const std::vector<PlacementHost> after = HostsForPlacement(now);
  for (const uint64_t number : queued_) LookAtQueueHead(campaigns_[number].get(), after, now, change);
}

std::vector<PlacementHost> Coordinator::HostsForPlacement(Moment now) {
  std::vector<PlacementHost> hosts = hosts_.ForPlacement(leases_, now);
  const auto hold = [&](const record::RunSide& side, const std::string& run_id) {
    const auto host = std::find_if(hosts.begin(), hosts.end(), [&](const auto& h) { return h.name == side.host(); });
    if (host == hosts.end() || side.released()) return;
    for (const std::string& port : {side.port_a(), side.port_b()}) host->held_ports[port] = run_id;
  };
  for (const auto& [id, run] : active_) {
    for (const v1::Role role : run->lifecycle->roles()) hold(run->lifecycle->side(role), id);
  }
  return hosts;
}

void Coordinator::Place(const PlacedRun& placed, Moment now, Change* change) {
  RunEntry* run = FindRun(placed.run_id);
  std::vector<std::string> hosts;
  RunGranted granted;
  for (const RolePlace& place : placed.places) {
    hosts.push_back(place.host);
    granted.sides.push_back(MakeSide(place, hosts_.Find(place.host)->record.facts()));
  }
  absl::StatusOr<LeaseEpoch> epoch = leases_.Grant(hosts, placed.run_id, now.monotonic_ns);
  CHECK(epoch.ok()) << placed.run_id << ": " << epoch.status();
  granted.epoch = *epoch;
  change->leases.insert(hosts.begin(), hosts.end());
  active_[run->id()] = run;
  LOG(INFO) << run->id() << ": placed on " << absl::StrJoin(hosts, " and ") << ", epoch " << *epoch;
  Drive(run, granted, now, change);
}

void Coordinator::LookAtQueueHead(CampaignEntry* campaign, const std::vector<PlacementHost>& hosts, Moment now,
                                  Change* change) {
  std::vector<RunEntry*> waiting;
  for (const auto& run : campaign->runs) {
    RunEntry* unit = UnitOf(run.get());
    if (unit != nullptr && unit->lifecycle->record().state() == v1::RUN_STATE_QUEUED) waiting.push_back(unit);
  }
  if (waiting.empty()) return;
  const v1::Placement& placement = waiting[0]->scenario().placement();
  const PlaceSearch search = FindPlaceNow(placement, hosts);
  campaign->waits_for = absl::StrJoin(search.problems, "; ");
  // Busy hosts and links come back; others may not.
  std::vector<PlacementHost> present = hosts;
  for (PlacementHost& host : present) {
    const Host* known = hosts_.Find(host.name);
    const v1::HostHealth health = hosts_.HealthOf(*known, leases_, now.monotonic_ns);
    if (health == v1::HOST_HEALTH_FIT || health == v1::HOST_HEALTH_SUSPECT) host.blocked_by.clear();
    host.held_ports.clear();
  }
  if (FindPlaceNow(placement, present).found()) {
    campaign->hostless_since_ns = 0;
    return;
  }
  if (campaign->hostless_since_ns == 0) campaign->hostless_since_ns = now.monotonic_ns;
  if (now.monotonic_ns - campaign->hostless_since_ns <= options_.queue_wait_ns) return;
  const std::string why =
      absl::StrCat("no host for it within ", Seconds(options_.queue_wait_ns), ": ", campaign->waits_for);
  const std::string same = placement.SerializeAsString();
  for (RunEntry* unit : waiting) {
    if (unit->scenario().placement().SerializeAsString() == same) Drive(unit, GivenUp{why}, now, change);
  }
  campaign->hostless_since_ns = 0;
}

record::LeaseRecord Coordinator::LeaseRow(const std::string& host) const {
  record::LeaseRecord row;
  row.set_host(host);
  row.set_epoch(leases_.EpochOf(host));
  if (const Lease* lease = leases_.Find(host); lease != nullptr) row.set_run_id(lease->run_id);
  return row;
}

absl::Status Coordinator::Commit(const Change& change) {
  return store_->Write([&](Database& database) -> absl::Status {
    mutex_.AssertHeld();
    for (const CampaignEntry* campaign : change.campaigns) {
      FEEDFARM_RETURN_IF_ERROR(PutCampaign(database, campaign->record));
    }
    for (const RunEntry* run : change.runs) FEEDFARM_RETURN_IF_ERROR(PutRun(database, run->lifecycle->record()));
    for (const auto& [run_id, result] : change.results) FEEDFARM_RETURN_IF_ERROR(AddResult(database, run_id, result));
    for (const std::string& host : change.hosts) {
      FEEDFARM_RETURN_IF_ERROR(PutHost(database, hosts_.Find(host)->record));
    }
    for (const std::string& host : change.leases) FEEDFARM_RETURN_IF_ERROR(PutLease(database, LeaseRow(host)));
    return absl::OkStatus();
  });
}

void Coordinator::Settle(Change* change, Moment now) {
  if (failed_.ok() && !change->empty()) {
    failed_ = Commit(*change);
    if (!failed_.ok()) LOG(ERROR) << "the store failed, nothing more is done: " << failed_;
  }
  if (!failed_.ok()) return;
  for (const std::string& host : hosts_to_tell_) Tell(host, now);
  hosts_to_tell_.clear();
  for (const std::string& campaign : campaigns_changed_) changes_.Notify(campaign);
  campaigns_changed_.clear();
}

void Coordinator::Tell(const std::string& name, Moment now) {
  const Host* host = hosts_.Find(name);
  if (host != nullptr && host->channel != nullptr) host->channel->Send(DesiredOf(name, now));
}

v1::DesiredState Coordinator::DesiredOf(const std::string& host, Moment now) {
  v1::DesiredState state;
  state.set_heartbeat_interval_ns(options_.heartbeat_ns);
  state.set_coordinator_instance(options_.instance);
  const Lease* lease = leases_.Find(host);
  RunEntry* run = lease != nullptr ? FindRun(lease->run_id) : nullptr;
  if (run == nullptr) return state;
  const v1::Role role = run->lifecycle->RoleOn(host);
  std::optional<v1::DesiredRun> desired = run->lifecycle->Desired(role);
  if (!desired.has_value()) return state;
  desired->set_lease_remaining_ns(leases_.RemainingNs(host, now.monotonic_ns));
  // After the verdict nothing more is taken, so everything may be forgotten.
  if (run->lifecycle->record().verdict() != v1::VERDICT_UNSPECIFIED) {
    desired->set_telemetry_acked(run->lifecycle->TelemetryLast(role));
  } else if (absl::StatusOr<uint64_t> through = telemetry_.Through(run->id(), role); through.ok()) {
    desired->set_telemetry_acked(*through);
  }
  *state.add_runs() = *std::move(desired);
  return state;
}

}  // namespace feedfarm
