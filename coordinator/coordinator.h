#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "coordinator/artifact/report_writer.h"
#include "coordinator/change_signal.h"
#include "coordinator/host_registry.h"
#include "coordinator/lease/lease_table.h"
#include "coordinator/scheduler/placement.h"
#include "coordinator/scheduler/run_lifecycle.h"
#include "coordinator/store/artifact_inbox.h"
#include "coordinator/store/record.pb.h"
#include "coordinator/store/store.h"
#include "coordinator/telemetry_inbox.h"
#include "pipeline/base/clock.h"
#include "proto/agent_service.pb.h"
#include "proto/farm_service.pb.h"

namespace feedfarm {

// The farm's one decider, without gRPC: joins the pure parts (registry, lease table, placement, run lifecycles) with the store.
//
// Every call takes the lock, lets the pure parts decide, writes what must be durable in one transaction, and only then
// tells agents and watchers, through channels that never block. No lock is held while anything outside is waited for. A store
// that fails stops everything: nothing more is told or answered but UNAVAILABLE, and health() says why, because memory
// and disk would differ. A restart is Create over the same store. Thread-safe.
class Coordinator {
 public:
  struct Options {
    std::filesystem::path state_dir;
    LeaseTable::Options lease;
    RunWaits waits;
    uint64_t heartbeat_ns = 500'000'000;
    // A queued run is given up when for this long no hosts that could carry it were there, not even busy ones.
    uint64_t queue_wait_ns = 600'000'000'000;
    // WriteReport.
    std::function<absl::Status(const CampaignReport&, const std::filesystem::path&)> write_report;
    // New at each start.
    std::string instance;
  };

  // `store` and `clock` are borrowed. DATA_LOSS and others as the store says.
  static absl::StatusOr<std::unique_ptr<Coordinator>> Create(Options options, Store* store, const Clock* clock);

  // For people. Status codes as farm_service.proto says.
  absl::StatusOr<v1::SubmitReply> Submit(const v1::SubmitRequest& request) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<v1::PlanReply> Plan(const v1::SubmitRequest& request) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Cancel(const std::string& campaign_id) ABSL_LOCKS_EXCLUDED(mutex_);
  v1::ListReply List(uint32_t limit) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<v1::CampaignStatus> Get(const std::string& campaign_id) ABSL_LOCKS_EXCLUDED(mutex_);
  v1::ListHostsReply ListHosts() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<v1::HostStatus> GetHost(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);
  // NOT_FOUND; FAILED_PRECONDITION while unfinished.
  absl::StatusOr<std::filesystem::path> ReportFolder(const std::string& campaign_id) ABSL_LOCKS_EXCLUDED(mutex_);
  ChangeSignal& changes() { return changes_; }

  // For agents. Hear answers over the channel; a status ends the connection with it. Disconnect before the channel goes.
  absl::Status Hear(AgentChannel* channel, const v1::AgentState& state) ABSL_LOCKS_EXCLUDED(mutex_);
  void Disconnect(AgentChannel* channel) ABSL_LOCKS_EXCLUDED(mutex_);
  // Durable when it returns. NOT_FOUND: unknown run. FAILED_PRECONDITION: another epoch.
  absl::StatusOr<v1::TelemetryAck> AddTelemetry(const v1::TelemetryInterval& interval) ABSL_LOCKS_EXCLUDED(mutex_);
  // For the first chunk of a file; its content is not written. NOT_FOUND, FAILED_PRECONDITION, or as ArtifactInbox::Begin.
  absl::StatusOr<std::unique_ptr<ArtifactInbox::Upload>> BeginArtifact(const v1::ArtifactChunk& first)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Leases, waits, the queue. Every 100 ms or so, by one thread.
  void Tick() ABSL_LOCKS_EXCLUDED(mutex_);
  // Writes the reports of campaigns whose last run has ended, without the lock. By one thread, not Tick's.
  void WriteReports() ABSL_LOCKS_EXCLUDED(mutex_);
  // Not OK: the store failed; the process should end.
  absl::Status health() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct CampaignEntry;
  struct RunEntry {
    CampaignEntry* campaign = nullptr;
    std::unique_ptr<RunLifecycle> lifecycle;
    // Null: not judged, or not read from the store yet.
    std::shared_ptr<const v1::RunResult> result;
    // A trial: the search that it belongs to, and its own scenario. A search: its trials, in order.
    RunEntry* search = nullptr;
    std::unique_ptr<const v1::Scenario> trial_scenario;
    std::vector<std::unique_ptr<RunEntry>> trials;
    const std::string& id() const { return lifecycle->record().run_id(); }
    const v1::Scenario& scenario() const {
      if (trial_scenario != nullptr) return *trial_scenario;
      return campaign->record.campaign().scenarios(static_cast<int>(lifecycle->record().scenario_index()));
    }
  };
  struct CampaignEntry {
    record::CampaignRecord record;
    std::vector<std::unique_ptr<RunEntry>> runs;
    uint32_t runs_finished = 0;
    // Its first queued run waits for this, and no host for it was there since then (0 = there is one).
    std::string waits_for;
    uint64_t hostless_since_ns = 0;
  };
  struct Judged {
    v1::RunResult result;
    // Of a trial that gave one.
    std::optional<v1::TrialOutcome> outcome;
    std::string wrong;  // of a trial: VerdictReached.wrong
  };
  // Rows that one call has changed: one transaction.
  struct Change {
    std::set<RunEntry*> runs;
    std::map<std::string, v1::RunResult> results;
    std::set<std::string> hosts;
    // Hosts whose lease row is to be written.
    std::set<std::string> leases;
    std::set<CampaignEntry*> campaigns;
    bool empty() const { return runs.empty() && hosts.empty() && leases.empty() && campaigns.empty(); }
  };

  Coordinator(Options options, Store* store, const Clock* clock, std::unique_ptr<ArtifactInbox> artifacts);
  absl::Status Load() ABSL_LOCKS_EXCLUDED(mutex_);
  Moment Now() const { return {clock_->Monotonic(), clock_->Unix()}; }

  // coordinator_farm.cc
  std::vector<v1::PlacementProblem> Unplaceable(const v1::Campaign& campaign) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Admit(CampaignEntry* campaign, const std::vector<v1::PlacementProblem>& unplaceable, Moment now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  v1::RunStatus StatusOf(RunEntry* run) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  v1::CampaignStatus StatusOf(CampaignEntry* campaign, bool with_runs) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  CampaignReport ReportOf(CampaignEntry* campaign, Moment now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  CampaignEntry* FindCampaign(const std::string& campaign_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::shared_ptr<const v1::RunResult> ResultOf(RunEntry* run) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // coordinator_runs.cc
  void Drive(RunEntry* run, const RunEvent& event, Moment now, Change* change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Carry(RunEntry* run, const RunActions& actions, Change* change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Judged> Judge(RunEntry* run, Moment now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DriveObserved(const Host& host, const v1::AgentState& state, Moment now, Change* change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ExpireLeases(Moment now, Change* change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Places what fits; gives up what waits in vain.
  void Schedule(Moment now, Change* change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // As the registry has them, with the ports that unfinished runs hold.
  std::vector<PlacementHost> HostsForPlacement(Moment now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Place(const PlacedRun& placed, Moment now, Change* change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LookAtQueueHead(CampaignEntry* campaign, const std::vector<PlacementHost>& hosts, Moment now, Change* change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // coordinator_searches.cc
  // What of the run is placed or waits for a place: itself, or a search's newest trial. Null: nothing.
  static RunEntry* UnitOf(RunEntry* run);
  // A new entry of the search; the scenario is made from the record.
  static RunEntry* AddTrial(RunEntry* search, record::RunRecord record, const RunWaits& waits, Moment now);
  // A search whose last trial has ended makes the next one, or ends. Changes nothing otherwise.
  void AdvanceSearch(RunEntry* run, Moment now, Change* change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Judged> JudgeSearch(RunEntry* run, Moment now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static std::string SearchActivity(const RunEntry& search);
  static void DescribeTrial(RunEntry* search, v1::RunStatus* status);

  // Commits, then tells. After this memory and disk are one, or failed_ is set.
  void Settle(Change* change, Moment now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Commit(const Change& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Tell(const std::string& host, Moment now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  v1::DesiredState DesiredOf(const std::string& host, Moment now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  RunEntry* FindRun(const std::string& run_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteFinished(RunEntry* run) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  record::LeaseRecord LeaseRow(const std::string& host) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  Store* const store_;
  const Clock* const clock_;
  const std::unique_ptr<ArtifactInbox> artifacts_;
  TelemetryInbox telemetry_;
  ChangeSignal changes_;

  absl::Mutex mutex_;
  absl::Status failed_ ABSL_GUARDED_BY(mutex_);
  LeaseTable leases_ ABSL_GUARDED_BY(mutex_);
  HostRegistry hosts_ ABSL_GUARDED_BY(mutex_);
  // By number.
  std::map<uint64_t, std::unique_ptr<CampaignEntry>> campaigns_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, RunEntry*> runs_ ABSL_GUARDED_BY(mutex_);
  // Placed and not finished, by id.
  std::map<std::string, RunEntry*> active_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> campaign_of_key_ ABSL_GUARDED_BY(mutex_);
  // Campaigns with queued runs.
  std::set<uint64_t> queued_ ABSL_GUARDED_BY(mutex_);
  std::set<uint64_t> reports_due_ ABSL_GUARDED_BY(mutex_);
  // To be told at the end of the call.
  std::set<std::string> hosts_to_tell_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> campaigns_changed_ ABSL_GUARDED_BY(mutex_);
  uint64_t looked_at_queue_ns_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace feedfarm
