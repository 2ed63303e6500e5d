#include "tools/feedfarm/campaign_view.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "coordinator/artifact/run_table.h"
#include "coordinator/artifact/text_table.h"
#include "coordinator/gate/exit_code.h"
#include "tools/feedfarm/names.h"
#include "tools/feedfarm/units_text.h"

namespace feedfarm {
namespace {

std::string VerdictOrState(const v1::RunStatus& run) {
  const v1::Verdict verdict = run.result().verdict();
  return verdict == v1::VERDICT_UNSPECIFIED ? StateName(run.state()) : VerdictName(verdict);
}

std::string CampaignState(const v1::CampaignStatus& status) {
  if (status.finished()) return VerdictName(status.verdict());
  return status.cancel_requested() ? "cancelling" : "running";
}

void AppendGates(const v1::RunStatus& run, bool all, std::string* out) {
  for (const auto& gate : run.result().gates()) {
    if (!all && gate.outcome() == v1::GATE_OUTCOME_HELD) continue;
    const char* outcome = gate.outcome() == v1::GATE_OUTCOME_HELD     ? "held"
                          : gate.outcome() == v1::GATE_OUTCOME_BROKEN ? "broken"
                                                                      : "no data";
    absl::StrAppend(out, "  ", run.run_id(), " ", outcome, ": ", Printable(gate.expression()), "  measured ",
                    gate.measured().empty() ? "-" : Printable(gate.measured()),
                    gate.reason().empty() ? "" : absl::StrCat("  (", Printable(gate.reason()), ")"), "\n");
  }
}

}  // namespace

std::string CampaignsTable(const v1::ListReply& reply) {
  TextTable table({"ID", "NAME", "VERDICT", ">RUNS", "SUBMITTED", "FINISHED"});
  for (const auto& campaign : reply.campaigns()) {
    table.AddRow({campaign.campaign_id(), campaign.name(), CampaignState(campaign),
               absl::StrCat(campaign.runs_finished(), "/", campaign.runs_count()), TimeText(campaign.submitted_unix_ns()),
               TimeText(campaign.finished_unix_ns())});
  }
  return table.ToString();
}

std::string CampaignText(const v1::CampaignStatus& status, bool wide) {
  std::string out = absl::StrCat("campaign ", status.campaign_id(), " (", Printable(status.name()), "), seed ", status.seed(), ": ",
                                 CampaignState(status), "\n");
  std::vector<std::string> header = {"RUN", "SCENARIO", "VERDICT", "HOSTS", ">MESSAGES", ">DONE", "NOW"};
  if (wide) header.insert(header.end(), {">EPOCH", "STARTED", "FINISHED"});
  TextTable table(header);
  for (const auto& run : status.runs()) {
    std::vector<std::string> row = {run.run_id(),
                                    run.scenario(),
                                    VerdictOrState(run),
                                    HostsText(run),
                                    CountText(run.messages()),
                                    absl::StrFormat("%.0f%%", run.progress() * 100),
                                    run.activity().empty() ? "-" : run.activity()};
    if (wide) {
      row.insert(row.end(), {absl::StrCat(run.epoch()), TimeText(run.result().started_unix_ns()),
                             TimeText(run.result().finished_unix_ns())});
    }
    table.AddRow(row);
  }
  out += table.ToString();
  for (const auto& run : status.runs()) {
    for (const auto& reason : run.result().reasons()) {
      // A gate speaks for itself below.
      if (absl::StartsWith(reason, "gate ")) continue;
      absl::StrAppend(&out, "  ", run.run_id(), ": ", Printable(reason), "\n");
    }
    AppendGates(run, wide, &out);
  }
  if (!status.report_path().empty()) absl::StrAppend(&out, "report: ", Printable(status.report_path()), "\n");
  if (!status.report_error().empty()) absl::StrAppend(&out, "report failed: ", Printable(status.report_error()), "\n");
  return out;
}

namespace {

std::string SearchEstimateText(const v1::PlannedRun& run) {
  const v1::SearchEstimate& search = run.search();
  return absl::StrCat("  ", run.scenario(), ": about ", search.trials_usual(), " trials in ", DurationText(search.usual_ns()),
                      " on a steady handler, some twice that on a noisy one; at least ", search.trials_least(), " in ",
                      DurationText(search.least_ns()), ", at most ", search.trials_most(), " in ",
                      DurationText(search.most_ns()), "\n");
}

}  // namespace

std::string PlanText(const v1::PlanReply& reply) {
  TextTable table({"SCENARIO", ">REPETITION", "HOSTS", ">ABOUT", ">SEED", ">GATES"});
  uint64_t total_ns = 0;
  int unknown = 0;
  for (const auto& run : reply.runs()) {
    const uint64_t about_ns = run.has_search() ? run.search().usual_ns() : run.duration_estimate_ns();
    total_ns += about_ns;
    unknown += about_ns == 0 && run.profile().empty();
    table.AddRow({run.scenario(), absl::StrCat(run.repetition()), HostsText(run),
               about_ns == 0 ? "-" : DurationText(about_ns),
               absl::StrCat(run.seed()), absl::StrCat(run.gates_size())});
  }
  std::string out = absl::StrCat(table.ToString(), reply.runs_size(), reply.runs_size() == 1 ? " run" : " runs");
  if (total_ns > 0) absl::StrAppend(&out, ", about ", DurationText(total_ns), " one after another");
  // The coordinator does not read captures.
  if (unknown > 0) absl::StrAppend(&out, total_ns > 0 ? ", and " : ", ", unknown, " as long as their capture");
  out += "\n";
  for (const auto& run : reply.runs()) {
    // Repetitions cost the same.
    if (run.has_search() && run.repetition() == 1) absl::StrAppend(&out, SearchEstimateText(run));
    if (!run.profile().empty() && run.repetition() == 1) {
      absl::StrAppend(&out, "  ", run.scenario(), ": profile ", Printable(run.profile()), "\n");
    }
  }
  return out;
}

std::string DiagnosticsText(const google::protobuf::RepeatedPtrField<v1::Diagnostic>& diagnostics) {
  std::string out;
  for (const auto& d : diagnostics) {
    absl::StrAppend(&out, Printable(d.file()));
    if (d.line() != 0) absl::StrAppend(&out, ":", d.line(), ":", d.column());
    absl::StrAppend(&out, ": ", Printable(d.message()), "\n");
  }
  return out;
}

std::string UnplaceableText(const google::protobuf::RepeatedPtrField<v1::PlacementProblem>& problems) {
  std::string out;
  for (const auto& problem : problems) {
    absl::StrAppend(&out, "no hosts can carry scenario '", Printable(problem.scenario()), "':\n");
    for (const auto& constraint : problem.constraints()) absl::StrAppend(&out, "  ", Printable(constraint), "\n");
  }
  return out;
}

}  // namespace feedfarm
