#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "coordinator/artifact/latency_summary.h"
#include "coordinator/artifact/metrics_json.h"
#include "coordinator/artifact/report_writer.h"
#include "coordinator/gate/exit_code.h"
#include "coordinator/gate/metric_catalog.h"

namespace feedfarm {
namespace {

using Json = nlohmann::ordered_json;

const char* OutcomeName(v1::GateOutcome outcome) {
  switch (outcome) {
    case v1::GATE_OUTCOME_HELD:
      return "held";
    case v1::GATE_OUTCOME_BROKEN:
      return "broken";
    default:  // no data, unspecified, or a newer one
      return "no data";
  }
}

Json GatesJson(const v1::RunResult& result) {
  Json gates = Json::array();
  for (const v1::GateResult& gate : result.gates()) {
    gates.push_back({{"expression", gate.expression()},
                     {"outcome", OutcomeName(gate.outcome())},
                     {"measured", gate.measured()},
                     {"expected", gate.expected()},
                     {"reason", gate.reason()},
                     {"line", gate.line()}});
  }
  return gates;
}

Json Optional(const std::optional<uint64_t>& value) { return value.has_value() ? Json(*value) : Json(nullptr); }

Json LatenciesJson(const v1::RunResult& result) {
  Json latencies = Json::array();
  for (const LatencySummary& summary : SummarizeLatencies(result)) {
    latencies.push_back({{"metric", std::string(LatencyWord(summary.metric))},
                         {"class", std::string(TimestampClassWord(summary.timestamp_class))},
                         {"count", summary.count},
                         {"min_ns", summary.min},
                         {"mean_ns", summary.mean},
                         {"p50_ns", Optional(summary.p50)},
                         {"p99_ns", Optional(summary.p99)},
                         {"p99_9_ns", Optional(summary.p999)},
                         {"max_ns", summary.max}});
  }
  return latencies;
}

Json EventsJson(const v1::HandlerResult& handler) {
  Json events = Json::array();
  for (const v1::HandlerEvent& event : handler.events()) {
    events.push_back({{"kind", v1::HandlerEvent::Kind_Name(event.kind())},
                      {"time_unix_ns", event.time_unix_ns()},
                      {"first_sequence", event.first_sequence()},
                      {"messages", event.messages()},
                      {"duration_ns", event.duration_ns()},
                      {"line", event.line()}});
  }
  return events;
}

Json SearchJson(const v1::RateSearchResult& search) {
  Json goals = Json::array(), trials = Json::array();
  for (const v1::GoalAnswer& goal : search.goals()) {
    goals.push_back({{"goal", goal.goal()},
                     {"end", goal.end()},
                     {"lower_pps", goal.lower_pps()},
                     {"upper_pps", goal.upper_pps()},
                     {"width", goal.width()},
                     {"conditional_pps", goal.conditional_pps()},
                     {"at_least", goal.at_least()},
                     {"no_data", goal.no_data()},
                     {"trials", goal.trials()},
                     {"trial_ns", goal.trial_ns()}});
  }
  for (const v1::TrialOutcome& trial : search.trials()) {
    trials.push_back({{"run_id", trial.run_id()},
                      {"load_pps", trial.load_pps()},
                      {"duration_ns", trial.duration_ns()},
                      {"sent_packets", trial.sent_packets()},
                      {"lost_packets", trial.lost_packets()},
                      {"loss_ratio", trial.loss_ratio()},
                      {"gap_messages", trial.gap_messages()},
                      {"generator_limited", trial.generator_limited()},
                      {"sent_pps", trial.sent_pps()},
                      {"lateness_p99_ns", trial.lateness_p99_ns()},
                      {"lateness_max_ns", trial.lateness_max_ns()},
                      {"wall_ns", trial.wall_ns()}});
  }
  return {{"goals", goals},
          {"trials", trials},
          {"trial_ns", search.trial_ns()},
          {"generator_limit_pps", search.generator_limit_pps()},
          {"trials_repeated", search.trials_repeated()}};
}

Json ProfileJson(const v1::ProfileResult& profile) {
  Json values = Json::object();
  for (const v1::ProfileValue& value : profile.values()) values[value.name()] = value.value();
  return {{"profile", profile.profile()},
          {"status", profile.status()},
          {"reasons", profile.reasons()},
          {"values", values}};
}

Json RunJson(const ReportRun& run) {
  const v1::RunStatus& status = run.status;
  const v1::RunResult& result = status.result();
  Json out = {{"run_id", status.run_id()},
          {"scenario", status.scenario()},
          {"repetition", status.repetition()},
          {"verdict", VerdictName(result.verdict())},
          {"reasons", std::vector<std::string>(result.reasons().begin(), result.reasons().end())},
          {"source_host", status.source_host()},
          {"handler_host", status.handler_host()},
          {"profile_host", status.profile_host()},
          {"epoch", status.epoch()},
          {"seed", run.manifest.seed()},
          {"started_unix_ns", result.started_unix_ns()},
          {"finished_unix_ns", result.finished_unix_ns()},
          {"intervals_merged", result.intervals_merged()},
          {"intervals_missing", result.intervals_missing()},
          {"xdp_mode", result.handler().xdp_mode()},
          {"bind_mode", result.handler().bind_mode()},
          {"gates", GatesJson(result)},
          {"metrics", MetricsJson(result)},
          {"latencies", LatenciesJson(result)},
          {"events", EventsJson(result.handler())},
          {"files", "runs/" + status.run_id()}};
  if (result.has_rate_search()) out["rate_search"] = SearchJson(result.rate_search());
  if (result.has_profile()) out["profile"] = ProfileJson(result.profile());
  return out;
}

}  // namespace

std::string ReportJson(const CampaignReport& report) {
  const v1::CampaignStatus& status = report.status;
  Json runs = Json::array();
  std::map<std::string, int> counts;
  Json failures = Json::array();
  for (const ReportRun& run : report.runs) {
    runs.push_back(RunJson(run));
    const v1::Verdict verdict = run.status.result().verdict();
    ++counts[VerdictName(verdict)];
    if (verdict != v1::VERDICT_PASSED && verdict != v1::VERDICT_SKIPPED) failures.push_back(run.status.run_id());
  }
  const Json out = {{"schema_version", kReportSchemaVersion},
                    {"campaign_id", status.campaign_id()},
                    {"name", status.name()},
                    {"verdict", VerdictName(status.verdict())},
                    {"exit_code", static_cast<int>(ExitCodeOf(status.verdict()))},
                    {"seed", status.seed()},
                    {"submitted_unix_ns", status.submitted_unix_ns()},
                    {"finished_unix_ns", status.finished_unix_ns()},
                    {"source_file", report.campaign.source_file()},
                    {"reproduce", report.reproduce},
                    {"counts", counts},
                    {"failures", failures},
                    {"runs", runs}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace feedfarm
