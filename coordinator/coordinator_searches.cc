// Coordinator: rate searches. A search is a run that is never placed: its trials are, one after the other, each a run of its own with a
// lifecycle, telemetry and files. What has been tried is in their records; so a restart goes on with the next one.
#include <glog/logging.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "coordinator/campaign/units.h"
#include "coordinator/coordinator.h"
#include "coordinator/gate/verdict.h"
#include "coordinator/rate_search/line_rate.h"
#include "coordinator/rate_search/search_run.h"
#include "coordinator/rate_search/trial_run.h"
#include "coordinator/store/campaigns.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

template <class Entries>
std::vector<const record::RunRecord*> RecordsOf(const Entries& trials) {
  std::vector<const record::RunRecord*> records;
  for (const auto& trial : trials) records.push_back(&trial->lifecycle->record());
  return records;
}

}  // namespace

Coordinator::RunEntry* Coordinator::UnitOf(RunEntry* run) {
  if (run->lifecycle->finished()) return nullptr;
  if (!run->scenario().has_rate_search()) return run;
  if (run->trials.empty() || run->trials.back()->lifecycle->finished()) return nullptr;
  return run->trials.back().get();
}

Coordinator::RunEntry* Coordinator::AddTrial(RunEntry* search, record::RunRecord record, const RunWaits& waits, Moment now) {
  std::string source_host, handler_host;
  for (const auto& trial : search->trials) {
    if (!trial->lifecycle->record().source().host().empty()) {
      source_host = trial->lifecycle->record().source().host();
      handler_host = trial->lifecycle->record().handler().host();
      break;
    }
  }
  auto trial = std::make_unique<RunEntry>();
  trial->campaign = search->campaign;
  trial->search = search;
  trial->trial_scenario = std::make_unique<const v1::Scenario>(
      TrialScenario(search->scenario(), {record.load_pps(), record.duration_ns()}, source_host, handler_host));
  trial->lifecycle = std::make_unique<RunLifecycle>(std::move(record), trial->trial_scenario.get(), waits, now);
  return search->trials.emplace_back(std::move(trial)).get();
}

void Coordinator::AdvanceSearch(RunEntry* run, Moment now, Change* change) {
  if (!run->scenario().has_rate_search() || run->lifecycle->finished()) return;
  if (UnitOf(run) != nullptr) return;
  const SearchStep step = NextSearchStep(run->scenario().rate_search(), RecordsOf(run->trials));
  if (step.cancelled || run->campaign->record.cancel_requested()) return Drive(run, CancelRequested{}, now, change);
  switch (step.kind) {
    case SearchStep::Kind::kWait:
      return;
    case SearchStep::Kind::kOver:
      return Drive(run, TrialsOver{step.failures, step.farm_failures}, now, change);
    case SearchStep::Kind::kTry:
      break;
  }
  const record::RunRecord& search = run->lifecycle->record();
  record::RunRecord record;
  record.set_trial(static_cast<uint32_t>(run->trials.size()) + 1);
  record.set_run_id(absl::StrCat(search.run_id(), ".t", record.trial()));
  record.set_search_run_id(search.run_id());
  record.set_campaign_id(search.campaign_id());
  record.set_index(search.index());
  record.set_scenario_index(search.scenario_index());
  record.set_repetition(search.repetition());
  record.set_seed(Rng(search.seed()).Fork(record.trial()).Next());
  record.set_state(v1::RUN_STATE_QUEUED);
  record.set_load_pps(step.trial.load_pps);
  record.set_duration_ns(step.trial.duration_ns);
  LOG(INFO) << record.run_id() << ": " << LoadText(step.trial.load_pps) << " for "
            << FormatDurationNs(static_cast<double>(step.trial.duration_ns));
  RunEntry* trial = AddTrial(run, std::move(record), options_.waits, now);
  runs_[trial->id()] = trial;
  change->runs.insert(trial);
  campaigns_changed_.insert(search.campaign_id());
}

absl::StatusOr<Coordinator::Judged> Coordinator::JudgeSearch(RunEntry* run, Moment now) {
  const record::RunRecord& record = run->lifecycle->record();
  const SearchStep step = NextSearchStep(run->scenario().rate_search(), RecordsOf(run->trials));
  RunEvidence evidence;
  for (const record::RunFailure& failure : record.failures()) {
    evidence.failures.push_back({failure.role(), failure.cause(), failure.sentence()});
  }
  evidence.farm_failures.assign(record.farm_failures().begin(), record.farm_failures().end());
  evidence.cancelled = record.cancelled();
  evidence.search = &step.result;
  if (!run->trials.empty()) evidence.started_unix_ns = run->trials.front()->lifecycle->record().start_unix_ns();
  evidence.finished_unix_ns = now.unix_ns;
  Judged judged;
  judged.result = JudgeRun(run->scenario(), evidence);
  return judged;
}

std::string Coordinator::SearchActivity(const RunEntry& search) {
  const record::RunRecord& trial = search.trials.back()->lifecycle->record();
  const std::string now = search.trials.back()->lifecycle->Activity();
  return absl::StrCat("trial ", trial.trial(), " at ", LoadText(trial.load_pps()), " for ",
                      FormatDurationNs(static_cast<double>(trial.duration_ns())), now.empty() ? "" : ": ", now);
}

void Coordinator::DescribeTrial(RunEntry* search, v1::RunStatus* status) {
  if (search->trials.empty()) return;
  const RunEntry& trial = *search->trials.back();
  const record::RunRecord& record = trial.lifecycle->record();
  status->set_trial(record.trial());
  status->set_source_host(record.source().host());
  status->set_handler_host(record.handler().host());
  status->set_epoch(record.epoch());
  if (search->lifecycle->finished()) return;
  status->set_state(v1::RUN_STATE_RUNNING);
  status->set_progress(trial.lifecycle->progress());
  status->set_messages(trial.lifecycle->messages());
  // A queued trial waits for hosts, and says so as any run.
  if (record.state() != v1::RUN_STATE_QUEUED || status->activity().empty()) status->set_activity(SearchActivity(*search));
}

}  // namespace feedfarm
