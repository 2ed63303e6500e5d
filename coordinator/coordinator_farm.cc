// Coordinator: what people ask for.
#include <glog/logging.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "coordinator/campaign/campaign_parser.h"
#include "coordinator/campaign/duration_estimate.h"
#include "coordinator/campaign_report.h"
#include "coordinator/coordinator.h"
#include "coordinator/gate/verdict.h"
#include "coordinator/rate_search/search_estimate.h"
#include "coordinator/store/campaigns.h"
#include "coordinator/store/results.h"
#include "coordinator/store/runs.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

constexpr uint32_t kListDefault = 50;
constexpr size_t kKeyMax = 256;

absl::Status StoreFailed() { return absl::UnavailableError("the coordinator's store failed"); }

template <class Reply>
void AddDiagnostics(const CampaignOrDiagnostics& parsed, Reply* reply) {
  for (const v1::Diagnostic& diagnostic : parsed.diagnostics) *reply->add_diagnostics() = diagnostic;
}

const v1::PlacementProblem* ProblemOf(const std::string& scenario, const std::vector<v1::PlacementProblem>& problems) {
  for (const v1::PlacementProblem& problem : problems) {
    if (problem.scenario() == scenario) return &problem;
  }
  return nullptr;
}

std::string ProfileText(const v1::Profile& profile) {
  std::string text = profile.name();
  for (const v1::ProfileArgument& argument : profile.arguments()) {
    absl::StrAppend(&text, " ", argument.name(), "=", argument.value());
  }
  return text;
}

v1::RunResult SkippedResult(const v1::PlacementProblem& problem, uint64_t unix_ns) {
  v1::RunResult result;
  result.set_verdict(v1::VERDICT_SKIPPED);
  for (const std::string& constraint : problem.constraints()) result.add_reasons(absl::StrCat("no host: ", constraint));
  result.set_finished_unix_ns(unix_ns);
  return result;
}

// The answer to a submit whose key is a campaign's already.
absl::StatusOr<v1::SubmitReply> SubmittedBefore(const v1::SubmitRequest& request,
                                                const record::CampaignRecord& campaign) {
  if (campaign.campaign().source_text() != request.text() || campaign.campaign().source_file() != request.file() ||
      campaign.allow_unplaceable() != request.allow_unplaceable()) {
    return absl::AlreadyExistsError(absl::StrCat("key '", request.idempotency_key(), "' is that of ",
                                                 campaign.campaign_id(),
                                                 ", another campaign: a key stands for one submit"));
  }
  v1::SubmitReply reply;
  reply.set_campaign_id(campaign.campaign_id());
  reply.set_first_submitted_unix_ns(campaign.submitted_unix_ns());
  return reply;
}

}  // namespace

Coordinator::CampaignEntry* Coordinator::FindCampaign(const std::string& campaign_id) {
  const auto at = campaigns_.find(CampaignNumber(campaign_id));
  return at != campaigns_.end() ? at->second.get() : nullptr;
}

std::vector<v1::PlacementProblem> Coordinator::Unplaceable(const v1::Campaign& campaign) {
  const std::vector<PlacementHost> hosts = HostsForPlacement(Now());
  std::vector<v1::PlacementProblem> problems;
  for (const v1::Scenario& scenario : campaign.scenarios()) {
    const PlaceSearch search = FindPlaceEver(scenario.placement(), hosts);
    if (search.found()) continue;
    v1::PlacementProblem& problem = problems.emplace_back();
    problem.set_scenario(scenario.name());
    for (const std::string& why : search.problems) problem.add_constraints(why);
  }
  return problems;
}

absl::StatusOr<v1::SubmitReply> Coordinator::Submit(const v1::SubmitRequest& request) {
  if (request.idempotency_key().size() > kKeyMax) return absl::InvalidArgumentError("idempotency_key is too long");
  CampaignOrDiagnostics parsed = ParseCampaign(request.file(), request.text());
  v1::SubmitReply reply;
  AddDiagnostics(parsed, &reply);
  if (!parsed.ok()) return reply;
  absl::MutexLock lock(&mutex_);
  if (!failed_.ok()) return StoreFailed();
  if (!request.idempotency_key().empty()) {
    const auto same = campaign_of_key_.find(request.idempotency_key());
    if (same != campaign_of_key_.end()) return SubmittedBefore(request, FindCampaign(same->second)->record);
  }
  const std::vector<v1::PlacementProblem> unplaceable = Unplaceable(parsed.campaign);
  for (const v1::PlacementProblem& problem : unplaceable) *reply.add_unplaceable() = problem;
  if (!unplaceable.empty() && !request.allow_unplaceable()) return reply;

  const Moment now = Now();
  auto campaign = std::make_unique<CampaignEntry>();
  const uint64_t number = campaigns_.empty() ? 1 : campaigns_.rbegin()->first + 1;
  campaign->record.set_campaign_id(CampaignId(number));
  *campaign->record.mutable_campaign() = std::move(parsed.campaign);
  campaign->record.set_submitted_unix_ns(now.unix_ns);
  campaign->record.set_idempotency_key(request.idempotency_key());
  campaign->record.set_allow_unplaceable(request.allow_unplaceable());
  // Nothing of it is in memory before it is durable: a failed submit leaves no trace.
  if (absl::Status stored = Admit(campaign.get(), unplaceable, now); !stored.ok()) {
    LOG(ERROR) << "submit of " << request.file() << ": " << stored;
    return absl::UnavailableError(absl::StrCat("the campaign could not be stored: ", stored.message()));
  }
  reply.set_campaign_id(campaign->record.campaign_id());
  LOG(INFO) << reply.campaign_id() << ": " << request.file() << ", " << campaign->runs.size() << " runs";
  if (!request.idempotency_key().empty()) campaign_of_key_[request.idempotency_key()] = reply.campaign_id();
  for (const auto& run : campaign->runs) runs_[run->id()] = run.get();
  if (campaign->runs_finished == campaign->runs.size()) reports_due_.insert(number);
  queued_.insert(number);
  campaigns_[number] = std::move(campaign);
  Change change;
  Schedule(now, &change);
  Settle(&change, now);
  return reply;
}

absl::Status Coordinator::Admit(CampaignEntry* campaign, const std::vector<v1::PlacementProblem>& unplaceable,
                                Moment now) {
  std::vector<std::pair<std::string, v1::RunResult>> skipped;
  uint32_t index = 0;
  for (int s = 0; s < campaign->record.campaign().scenarios_size(); ++s) {
    const v1::Scenario& scenario = campaign->record.campaign().scenarios(s);
    const v1::PlacementProblem* problem = ProblemOf(scenario.name(), unplaceable);
    for (uint32_t repetition = 1; repetition <= scenario.repetitions(); ++repetition) {
      record::RunRecord record;
      record.set_run_id(absl::StrCat(campaign->record.campaign_id(), ".r", index + 1));
      record.set_campaign_id(campaign->record.campaign_id());
      record.set_index(index++);
      record.set_scenario_index(static_cast<uint32_t>(s));
      record.set_repetition(repetition);
      record.set_seed(RunSeed(campaign->record.campaign().seed(), scenario.name(), repetition));
      record.set_state(v1::RUN_STATE_QUEUED);
      if (problem != nullptr) {
        record.set_state(v1::RUN_STATE_FINISHED);
        record.set_verdict(v1::VERDICT_SKIPPED);
        record.set_finished_unix_ns(now.unix_ns);
        skipped.emplace_back(record.run_id(), SkippedResult(*problem, now.unix_ns));
        ++campaign->runs_finished;
      }
      auto run = std::make_unique<RunEntry>();
      run->campaign = campaign;
      run->lifecycle = std::make_unique<RunLifecycle>(std::move(record), &scenario, options_.waits, now);
      campaign->runs.push_back(std::move(run));
    }
  }
  return store_->Write([&](Database& database) -> absl::Status {
    FEEDFARM_RETURN_IF_ERROR(PutCampaign(database, campaign->record));
    for (const auto& run : campaign->runs) FEEDFARM_RETURN_IF_ERROR(PutRun(database, run->lifecycle->record()));
    for (const auto& [id, result] : skipped) FEEDFARM_RETURN_IF_ERROR(AddResult(database, id, result));
    return absl::OkStatus();
  });
}

absl::StatusOr<v1::PlanReply> Coordinator::Plan(const v1::SubmitRequest& request) {
  const CampaignOrDiagnostics parsed = ParseCampaign(request.file(), request.text());
  v1::PlanReply reply;
  AddDiagnostics(parsed, &reply);
  if (!parsed.ok()) return reply;
  // Before the lock: a search is played through.
  std::vector<v1::SearchEstimate> searches;
  for (const v1::Scenario& scenario : parsed.campaign.scenarios()) {
    searches.push_back(scenario.has_rate_search() ? EstimateSearch(scenario.rate_search()) : v1::SearchEstimate());
  }
  absl::MutexLock lock(&mutex_);
  for (const v1::PlacementProblem& problem : Unplaceable(parsed.campaign)) *reply.add_unplaceable() = problem;
  const std::vector<PlacementHost> hosts = HostsForPlacement(Now());
  for (int i = 0; i < parsed.campaign.scenarios_size(); ++i) {
    const v1::Scenario& scenario = parsed.campaign.scenarios(i);
    const PlaceSearch search = FindPlaceNow(scenario.placement(), hosts);
    for (uint32_t repetition = 1; repetition <= scenario.repetitions(); ++repetition) {
      v1::PlannedRun* run = reply.add_runs();
      run->set_scenario(scenario.name());
      run->set_repetition(repetition);
      run->set_source_host(search.HostOf(v1::ROLE_SOURCE));
      run->set_handler_host(search.HostOf(v1::ROLE_HANDLER));
      run->set_profile_host(search.HostOf(v1::ROLE_PROFILE));
      run->set_seed(RunSeed(parsed.campaign.seed(), scenario.name(), repetition));
      if (scenario.has_profile()) {
        run->set_profile(ProfileText(scenario.profile()));
      } else if (scenario.has_rate_search()) {
        *run->mutable_search() = searches[static_cast<size_t>(i)];
      } else {
        run->set_duration_estimate_ns(EstimateTrafficNs(scenario).value_or(0));
      }
      for (const v1::Gate& gate : scenario.gates()) run->add_gates(gate.expression());
    }
  }
  return reply;
}

absl::Status Coordinator::Cancel(const std::string& campaign_id) {
  absl::MutexLock lock(&mutex_);
  if (!failed_.ok()) return StoreFailed();
  CampaignEntry* campaign = FindCampaign(campaign_id);
  if (campaign == nullptr) return absl::NotFoundError(absl::StrCat("no campaign ", campaign_id));
  if (campaign->record.finished()) return absl::FailedPreconditionError(absl::StrCat(campaign_id, " is finished"));
  const Moment now = Now();
  Change change;
  campaign->record.set_cancel_requested(true);
  change.campaigns.insert(campaign);
  campaigns_changed_.insert(campaign_id);
  for (const auto& run : campaign->runs) {
    // A search ends with the trial that is under way.
    RunEntry* unit = UnitOf(run.get());
    Drive(unit != nullptr ? unit : run.get(), CancelRequested{}, now, &change);
  }
  Schedule(now, &change);
  Settle(&change, now);
  return failed_.ok() ? absl::OkStatus() : StoreFailed();
}

std::shared_ptr<const v1::RunResult> Coordinator::ResultOf(RunEntry* run) {
  if (run->result != nullptr || run->lifecycle->record().verdict() == v1::VERDICT_UNSPECIFIED) return run->result;
  const absl::Status read = store_->Read([&](Database& database) -> absl::Status {
    FEEDFARM_ASSIGN_OR_RETURN(v1::RunResult result, feedfarm::ResultOf(database, run->lifecycle->record().run_id()));
    // The lambda runs in this thread, under the lock of its caller.
    run->result = std::make_shared<const v1::RunResult>(std::move(result));
    return absl::OkStatus();
  });
  if (!read.ok()) LOG(ERROR) << run->id() << ": result: " << read;
  return run->result;
}

v1::RunStatus Coordinator::StatusOf(RunEntry* run) {
  const record::RunRecord& record = run->lifecycle->record();
  v1::RunStatus status;
  status.set_run_id(record.run_id());
  status.set_scenario(run->scenario().name());
  status.set_repetition(record.repetition());
  status.set_state(record.state());
  status.set_source_host(record.source().host());
  status.set_handler_host(record.handler().host());
  status.set_profile_host(record.profile().host());
  status.set_epoch(record.epoch());
  status.set_activity(record.state() == v1::RUN_STATE_QUEUED && !run->campaign->waits_for.empty()
                          ? absl::StrCat("waiting: ", run->campaign->waits_for)
                          : run->lifecycle->Activity());
  status.set_progress(run->lifecycle->progress());
  status.set_messages(run->lifecycle->messages());
  if (run->scenario().has_rate_search()) DescribeTrial(run, &status);
  if (const auto result = ResultOf(run); result != nullptr) {
    *status.mutable_result() = *result;
    status.set_messages(result->handler().messages());
  }
  return status;
}

v1::CampaignStatus Coordinator::StatusOf(CampaignEntry* campaign, bool with_runs) {
  const record::CampaignRecord& record = campaign->record;
  v1::CampaignStatus status;
  status.set_campaign_id(record.campaign_id());
  status.set_name(record.campaign().name());
  status.set_seed(record.campaign().seed());
  status.set_submitted_unix_ns(record.submitted_unix_ns());
  status.set_finished_unix_ns(record.finished_unix_ns());
  status.set_finished(record.finished());
  status.set_cancel_requested(record.cancel_requested());
  status.set_verdict(record.verdict());
  status.set_report_path(record.report_path());
  status.set_report_error(record.report_error());
  status.set_runs_count(static_cast<uint32_t>(campaign->runs.size()));
  status.set_runs_finished(campaign->runs_finished);
  if (!with_runs) return status;
  for (const auto& run : campaign->runs) *status.add_runs() = StatusOf(run.get());
  return status;
}

CampaignReport Coordinator::ReportOf(CampaignEntry* campaign, Moment now) {
  CampaignReport report;
  const std::filesystem::path folder = options_.state_dir / "reports" / campaign->record.campaign_id();
  report.status = StatusOf(campaign, false);
  report.campaign = campaign->record.campaign();
  std::vector<v1::Verdict> verdicts;
  for (const auto& run : campaign->runs) verdicts.push_back(run->lifecycle->record().verdict());
  const bool skipped = std::count(verdicts.begin(), verdicts.end(), v1::VERDICT_SKIPPED) > 0;
  report.reproduce = ReproduceCommand(report.campaign, skipped);
  for (const auto& run : campaign->runs) {
    ReportRun& entry = report.runs.emplace_back();
    entry.status = StatusOf(run.get());
    // Of a search, its last trial stands for all: same hosts, same build.
    record::RunRecord record = run->lifecycle->record();
    if (!run->trials.empty()) {
      *record.mutable_source() = run->trials.back()->lifecycle->record().source();
      *record.mutable_handler() = run->trials.back()->lifecycle->record().handler();
    }
    entry.manifest = ManifestOf(campaign->record, record, entry.status.result(), folder, report.reproduce);
    entry.artifacts = artifacts_->FolderOf(run->trials.empty() ? run->id() : run->trials.back()->id());
  }
  report.status.set_finished(true);
  report.status.set_finished_unix_ns(now.unix_ns);
  report.status.set_verdict(CampaignVerdict(verdicts));
  report.status.set_report_path(folder.string());
  return report;
}

v1::ListReply Coordinator::List(uint32_t limit) {
  if (limit == 0) limit = kListDefault;
  absl::MutexLock lock(&mutex_);
  v1::ListReply reply;
  for (auto at = campaigns_.rbegin(); at != campaigns_.rend() && limit > 0; ++at, --limit) {
    *reply.add_campaigns() = StatusOf(at->second.get(), false);
  }
  return reply;
}

absl::StatusOr<v1::CampaignStatus> Coordinator::Get(const std::string& campaign_id) {
  absl::MutexLock lock(&mutex_);
  CampaignEntry* campaign = FindCampaign(campaign_id);
  if (campaign == nullptr) return absl::NotFoundError(absl::StrCat("no campaign ", campaign_id));
  return StatusOf(campaign, true);
}

v1::ListHostsReply Coordinator::ListHosts() {
  absl::MutexLock lock(&mutex_);
  const Moment now = Now();
  v1::ListHostsReply reply;
  for (const auto& [name, host] : hosts_.hosts()) *reply.add_hosts() = hosts_.StatusOf(host, leases_, now);
  return reply;
}

absl::StatusOr<v1::HostStatus> Coordinator::GetHost(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  const Host* host = hosts_.Find(name);
  if (host == nullptr) return absl::NotFoundError(absl::StrCat("no host ", name));
  return hosts_.StatusOf(*host, leases_, Now());
}

absl::StatusOr<std::filesystem::path> Coordinator::ReportFolder(const std::string& campaign_id) {
  absl::MutexLock lock(&mutex_);
  CampaignEntry* campaign = FindCampaign(campaign_id);
  if (campaign == nullptr) return absl::NotFoundError(absl::StrCat("no campaign ", campaign_id));
  if (!campaign->record.finished()) {
    return absl::FailedPreconditionError(absl::StrCat(campaign_id, " is not finished"));
  }
  return std::filesystem::path(campaign->record.report_path());
}

}  // namespace feedfarm
