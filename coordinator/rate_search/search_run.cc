#include "coordinator/rate_search/search_run.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "coordinator/rate_search/line_rate.h"
#include "coordinator/rate_search/rate_search.h"
#include "coordinator/rate_search/trial_run.h"

namespace feedfarm {
namespace {

v1::GoalAnswer AnswerOf(const GoalResult& goal) {
  v1::GoalAnswer answer;
  answer.set_goal(goal.name);
  answer.set_end(GoalEndText(goal.end));
  answer.set_lower_pps(goal.lower_pps);
  answer.set_upper_pps(goal.upper_pps);
  answer.set_width(goal.width);
  answer.set_conditional_pps(goal.conditional_pps);
  answer.set_trials(goal.trials);
  answer.set_trial_ns(goal.trial_ns);
  // That min load fails is an answer: there is nothing above it.
  const bool fails = goal.end == GoalEnd::kMinLoad;
  answer.set_at_least(goal.at_least() && !fails);
  answer.set_no_data(goal.lower_pps == 0 && !fails);
  return answer;
}

bool SubjectFailed(const record::RunRecord& trial) {
  for (const record::RunFailure& failure : trial.failures()) {
    if (failure.cause() == v1::FAILURE_CAUSE_SUBJECT) return true;
  }
  return false;
}

void Append(const record::RunRecord& trial, SearchStep* step) {
  const std::string where = absl::StrCat("trial ", trial.trial(), " at ", LoadText(trial.load_pps()), ": ");
  for (record::RunFailure failure : trial.failures()) {
    failure.set_sentence(where + failure.sentence());
    step->failures.push_back(std::move(failure));
  }
  for (const std::string& failure : trial.farm_failures()) step->farm_failures.push_back(where + failure);
}

}  // namespace

SearchStep NextSearchStep(const v1::RateSearch& search, std::span<const record::RunRecord* const> trials) {
  SearchStep step;
  std::vector<TrialResult> results;
  uint32_t attempts = 0;
  for (const record::RunRecord* trial : trials) {
    if (trial->state() != v1::RUN_STATE_FINISHED) return step;
    if (trial->cancelled()) {
      step.kind = SearchStep::Kind::kOver;
      step.cancelled = true;
      return step;
    }
    if (trial->has_outcome() && !SubjectFailed(*trial)) {
      attempts = 0;
      *step.result.add_trials() = trial->outcome();
      results.push_back(ResultOfTrial(trial->outcome()));
      continue;
    }
    ++attempts;
    if (SubjectFailed(*trial) || attempts == kTrialAttemptsMax) {
      step.kind = SearchStep::Kind::kOver;
      Append(*trial, &step);
      if (step.failures.empty() && step.farm_failures.empty()) {
        step.farm_failures.push_back(absl::StrCat("trial ", trial->trial(), " gave no result"));
      }
      return step;
    }
    step.result.set_trials_repeated(step.result.trials_repeated() + 1);
  }
  const std::variant<Trial, RateSearchResult> next = NextTrial(SearchSettings(search), results);
  if (const Trial* trial = std::get_if<Trial>(&next)) {
    step.kind = SearchStep::Kind::kTry;
    step.trial = *trial;
    return step;
  }
  step.kind = SearchStep::Kind::kOver;
  const RateSearchResult& result = std::get<RateSearchResult>(next);
  for (const GoalResult& goal : result.goals) *step.result.add_goals() = AnswerOf(goal);
  step.result.set_trial_ns(result.trial_ns);
  step.result.set_generator_limit_pps(result.generator_limit_pps);
  return step;
}

}  // namespace feedfarm
