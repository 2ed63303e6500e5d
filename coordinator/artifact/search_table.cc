#include "coordinator/artifact/search_table.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "coordinator/artifact/text_table.h"
#include "coordinator/campaign/units.h"
#include "coordinator/rate_search/line_rate.h"

namespace feedfarm {
namespace {

std::string LoadCell(double load_pps) { return load_pps > 0 ? LoadText(load_pps) : "-"; }

}  // namespace

std::string SearchTables(const std::vector<v1::RunStatus>& runs) {
  constexpr auto kRight = TextTable::Align::kRight;
  TextTable goals, trials;
  for (const char* title : {"RUN", "SCENARIO", "GOAL"}) goals.AddColumn(title);
  for (const char* title : {"LOAD", "UPPER", "WIDTH", "FORWARDED", "TRIALS", "TRIAL TIME"}) goals.AddColumn(title, kRight);
  goals.AddColumn("END");
  trials.AddColumn("TRIAL");
  for (const char* title : {"LOAD", "TIME", "LOST", "LOSS", "GAP MESSAGES", "LATE P99", "LATE MAX"}) trials.AddColumn(title, kRight);
  trials.AddColumn("OFFERED");
  std::string notes;
  for (const v1::RunStatus& run : runs) {
    const v1::RateSearchResult& search = run.result().rate_search();
    const auto duration = [](uint64_t ns) { return FormatDurationNs(static_cast<double>(ns)); };
    for (const v1::GoalAnswer& goal : search.goals()) {
      goals.AddRow({run.run_id(), run.scenario(), goal.goal(),
                    absl::StrCat(goal.at_least() && goal.lower_pps() > 0 ? ">= " : "", LoadCell(goal.lower_pps())),
                    LoadCell(goal.upper_pps()), absl::StrFormat("%.2f%%", goal.width() * 100), LoadCell(goal.conditional_pps()),
                    absl::StrCat(goal.trials()), duration(goal.trial_ns()), goal.end()});
    }
    for (const v1::TrialOutcome& trial : search.trials()) {
      trials.AddRow({trial.run_id(), LoadText(trial.load_pps()), duration(trial.duration_ns()),
                     absl::StrCat(trial.lost_packets()), absl::StrFormat("%.4f%%", trial.loss_ratio() * 100),
                     absl::StrCat(trial.gap_messages()), duration(trial.lateness_p99_ns()), duration(trial.lateness_max_ns()),
                     trial.generator_limited() ? absl::StrCat("no: ", LoadText(trial.sent_pps())) : "yes"});
    }
    if (search.generator_limit_pps() > 0) {
      absl::StrAppend(&notes, Printable(run.run_id()), ": generator limited at ",
                      LoadText(search.generator_limit_pps()), ": nothing is known of the handler from there on\n");
    }
    if (search.trials_repeated() > 0) {
      absl::StrAppend(&notes, Printable(run.run_id()), ": ", search.trials_repeated(),
                      " trials ended in trouble of the farm and were done again\n");
    }
  }
  if (trials.empty()) return "";
  return absl::StrCat("Rate searches (packets a second on each line)\n", goals.ToString(), notes, "\nTrials\n",
                      trials.ToString(), "\n");
}

}  // namespace feedfarm
