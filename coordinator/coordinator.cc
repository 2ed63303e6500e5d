// Coordinator: start, agents and time.
#include "coordinator/coordinator.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "coordinator/gate/verdict.h"
#include "coordinator/store/campaigns.h"
#include "coordinator/store/hosts.h"
#include "coordinator/store/leases.h"
#include "coordinator/store/runs.h"
#include "pipeline/base/status_macros.h"
#include "proto/role_name.h"

namespace feedfarm {
namespace {

// Queues are looked at on every change of a host or run, and this often besides.
constexpr uint64_t kQueueIntervalNs = 1'000'000'000;
// When a host was last seen is stored this often.
constexpr uint64_t kSeenIntervalNs = 5'000'000'000;

// A run that is not placed has epoch 0, which is nobody's.
absl::Status CheckEpoch(const record::RunRecord& record, uint64_t epoch) {
  if (record.epoch() == epoch && epoch != 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("run ", record.run_id(), " has epoch ", record.epoch(), ", not ", epoch));
}

}  // namespace

Coordinator::Coordinator(Options options, Store* store, const Clock* clock, std::unique_ptr<ArtifactInbox> artifacts)
    : options_(std::move(options)),
      store_(store),
      clock_(clock),
      artifacts_(std::move(artifacts)),
      telemetry_(store),
      leases_(options_.lease),
      hosts_(options_.heartbeat_ns) {}

absl::StatusOr<std::unique_ptr<Coordinator>> Coordinator::Create(Options options, Store* store, const Clock* clock) {
  FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<ArtifactInbox> artifacts,
                            ArtifactInbox::Create(options.state_dir / "artifacts", store));
  std::unique_ptr<Coordinator> coordinator(new Coordinator(std::move(options), store, clock, std::move(artifacts)));
  FEEDFARM_RETURN_IF_ERROR(coordinator->Load());
  return coordinator;
}

absl::Status Coordinator::Load() {
  const Moment now = Now();
  std::vector<record::CampaignRecord> campaigns;
  std::vector<record::RunRecord> runs;
  std::vector<record::HostRecord> hosts;
  std::vector<record::LeaseRecord> leases;
  FEEDFARM_RETURN_IF_ERROR(store_->Read([&](Database& database) -> absl::Status {
    FEEDFARM_ASSIGN_OR_RETURN(campaigns, AllCampaigns(database));
    FEEDFARM_ASSIGN_OR_RETURN(runs, AllRuns(database));
    FEEDFARM_ASSIGN_OR_RETURN(hosts, AllHosts(database));
    FEEDFARM_ASSIGN_OR_RETURN(leases, AllLeases(database));
    return absl::OkStatus();
  }));
  absl::MutexLock lock(&mutex_);
  for (const record::HostRecord& host : hosts) {
    hosts_.Restore(host);
    if (!host.quarantine().empty()) leases_.Quarantine(host.name());
  }
  for (const record::LeaseRecord& lease : leases) {
    leases_.Restore(lease.host(), lease.epoch(), lease.run_id(), now.monotonic_ns);
  }
  for (record::CampaignRecord& record : campaigns) {
    auto campaign = std::make_unique<CampaignEntry>();
    if (!record.idempotency_key().empty()) campaign_of_key_[record.idempotency_key()] = record.campaign_id();
    const uint64_t number = CampaignNumber(record.campaign_id());
    campaign->record = std::move(record);
    campaigns_[number] = std::move(campaign);
  }
  // Searches stand before their trials, and those in their order.
  std::stable_sort(runs.begin(), runs.end(), [](const auto& a, const auto& b) { return a.trial() < b.trial(); });
  for (record::RunRecord& record : runs) {
    const uint64_t number = CampaignNumber(record.campaign_id());
    CampaignEntry* campaign = campaigns_[number].get();
    if (!record.search_run_id().empty()) {
      RunEntry* search = runs_[record.search_run_id()];
      RunEntry* trial = AddTrial(search, std::move(record), options_.waits, now);
      runs_[trial->id()] = trial;
      const v1::RunState state = trial->lifecycle->record().state();
      if (state != v1::RUN_STATE_QUEUED && state != v1::RUN_STATE_FINISHED) active_[trial->id()] = trial;
      continue;
    }
    auto run = std::make_unique<RunEntry>();
    run->campaign = campaign;
    const v1::Scenario& scenario = campaign->record.campaign().scenarios(static_cast<int>(record.scenario_index()));
    run->lifecycle = std::make_unique<RunLifecycle>(std::move(record), &scenario, options_.waits, now);
    runs_[run->id()] = run.get();
    if (run->lifecycle->finished()) {
      ++campaign->runs_finished;
    } else if (run->lifecycle->record().state() == v1::RUN_STATE_QUEUED) {
      queued_.insert(number);
    } else {
      active_[run->id()] = run.get();
    }
    campaign->runs.push_back(std::move(run));
  }
  for (const auto& [number, campaign] : campaigns_) {
    if (!campaign->record.finished() && campaign->runs_finished == campaign->runs.size()) reports_due_.insert(number);
  }
  return absl::OkStatus();
}

absl::Status Coordinator::Hear(AgentChannel* channel, const v1::AgentState& state) {
  absl::MutexLock lock(&mutex_);
  if (!failed_.ok()) return absl::UnavailableError("the coordinator's store failed");
  const Moment now = Now();
  bool changed = false;
  const Host* known = hosts_.Find(state.host());
  const bool was_undoing = known != nullptr && !known->listed_runs.empty();
  FEEDFARM_ASSIGN_OR_RETURN(Host* const host, hosts_.Hear(channel, state, now, &changed));
  Change change;
  if (changed) {
    change.hosts.insert(state.host());
    host->stored_seen_unix_ns = now.unix_ns;
    if (host->record.quarantine().empty()) leases_.EndQuarantine(state.host());
    looked_at_queue_ns_ = 0;
  }
  if (was_undoing && host->listed_runs.empty()) looked_at_queue_ns_ = 0;
  leases_.ObserveEpoch(state.host(), state.epoch_seen());
  leases_.Renew(state.host(), now.monotonic_ns);
  DriveObserved(*host, state, now, &change);
  // Each heartbeat is answered: that renews the lease at the agent.
  hosts_to_tell_.insert(state.host());
  if (!change.empty() || looked_at_queue_ns_ == 0) Schedule(now, &change);
  Settle(&change, now);
  return failed_.ok() ? absl::OkStatus() : absl::UnavailableError("the coordinator's store failed");
}

void Coordinator::Disconnect(AgentChannel* channel) {
  absl::MutexLock lock(&mutex_);
  hosts_.Disconnect(channel);
}

absl::StatusOr<v1::TelemetryAck> Coordinator::AddTelemetry(const v1::TelemetryInterval& interval) {
  v1::TelemetryAck ack;
  ack.set_run_id(interval.run_id());
  ack.set_role(interval.role());
  {
    absl::MutexLock lock(&mutex_);
    if (!failed_.ok()) return absl::UnavailableError("the coordinator's store failed");
    RunEntry* run = FindRun(interval.run_id());
    if (run == nullptr) return absl::NotFoundError(absl::StrCat("no run ", interval.run_id()));
    const record::RunRecord& record = run->lifecycle->record();
    FEEDFARM_RETURN_IF_ERROR(CheckEpoch(record, interval.epoch()));
    if (record.verdict() != v1::VERDICT_UNSPECIFIED) {
      ack.set_sequence(interval.sequence());
      return ack;
    }
  }
  FEEDFARM_ASSIGN_OR_RETURN(const uint64_t through, telemetry_.Add(interval));
  ack.set_sequence(through);
  absl::MutexLock lock(&mutex_);
  RunEntry* run = FindRun(interval.run_id());
  if (run->lifecycle->record().verdict() != v1::VERDICT_UNSPECIFIED) {
    telemetry_.Forget(interval.run_id());
    return ack;
  }
  const Moment now = Now();
  Change change;
  Drive(run, TelemetryStored{interval.role(), through}, now, &change);
  campaigns_changed_.insert(run->lifecycle->record().campaign_id());
  Settle(&change, now);
  return ack;
}

absl::StatusOr<std::unique_ptr<ArtifactInbox::Upload>> Coordinator::BeginArtifact(const v1::ArtifactChunk& first) {
  {
    absl::MutexLock lock(&mutex_);
    if (!failed_.ok()) return absl::UnavailableError("the coordinator's store failed");
    RunEntry* run = FindRun(first.run_id());
    if (run == nullptr) return absl::NotFoundError(absl::StrCat("no run ", first.run_id()));
    FEEDFARM_RETURN_IF_ERROR(CheckEpoch(run->lifecycle->record(), first.epoch()));
    if (!IsRole(first.role())) return absl::InvalidArgumentError("an artifact needs a role");
    if (run->campaign->record.finished()) {
      return absl::FailedPreconditionError(absl::StrCat("run ", first.run_id(), " is over and reported"));
    }
  }
  return artifacts_->Begin(first.run_id(), first.role(), first.name());
}

void Coordinator::Tick() {
  absl::MutexLock lock(&mutex_);
  if (!failed_.ok()) return;
  const Moment now = Now();
  Change change;
  ExpireLeases(now, &change);
  // A run may leave the map while it is driven.
  const std::map<std::string, RunEntry*> active = active_;
  for (const auto& [id, run] : active) Drive(run, Passed{}, now, &change);
  if (!change.empty() || now.monotonic_ns - looked_at_queue_ns_ >= kQueueIntervalNs) Schedule(now, &change);
  for (auto& [name, host] : hosts_.hosts()) {
    if (host.record.last_seen_unix_ns() < host.stored_seen_unix_ns + kSeenIntervalNs) continue;
    host.stored_seen_unix_ns = host.record.last_seen_unix_ns();
    change.hosts.insert(name);
  }
  Settle(&change, now);
}

void Coordinator::WriteReports() {
  for (;;) {
    CampaignReport report;
    uint64_t number = 0;
    {
      absl::MutexLock lock(&mutex_);
      if (!failed_.ok() || reports_due_.empty()) return;
      number = *reports_due_.begin();
      reports_due_.erase(reports_due_.begin());
      report = ReportOf(campaigns_[number].get(), Now());
    }
    const absl::Status written = options_.write_report(report, report.status.report_path());
    if (!written.ok()) LOG(ERROR) << report.status.campaign_id() << ": report: " << written;
    absl::MutexLock lock(&mutex_);
    CampaignEntry* campaign = campaigns_[number].get();
    campaign->record.set_finished(true);
    campaign->record.set_finished_unix_ns(report.status.finished_unix_ns());
    campaign->record.set_verdict(report.status.verdict());
    campaign->record.set_report_path(report.status.report_path());
    if (!written.ok()) campaign->record.set_report_error(std::string(written.message()));
    Change change;
    change.campaigns.insert(campaign);
    campaigns_changed_.insert(campaign->record.campaign_id());
    Settle(&change, Now());
  }
}

absl::Status Coordinator::health() {
  absl::MutexLock lock(&mutex_);
  return failed_;
}

}  // namespace feedfarm
