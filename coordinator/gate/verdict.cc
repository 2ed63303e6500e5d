#include "coordinator/gate/verdict.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "coordinator/gate/evidence_check.h"
#include "coordinator/gate/gate_evaluator.h"
#include "coordinator/gate/gate_expression.h"
#include "coordinator/gate/metric_catalog.h"
#include "coordinator/gate/offered_load.h"
#include "proto/role_name.h"

namespace feedfarm {
namespace {

absl::string_view CauseName(v1::FailureCause cause) {
  switch (cause) {
    case v1::FAILURE_CAUSE_BAD_INPUT:
      return "bad input";
    case v1::FAILURE_CAUSE_HOST:
      return "host";
    case v1::FAILURE_CAUSE_SUBJECT:
      return "under test";
    case v1::FAILURE_CAUSE_LEASE:
      return "lease";
    case v1::FAILURE_CAUSE_AGENT_RESTART:
      return "agent restart";
    default:  // unspecified, or a newer agent's
      return "unknown cause";
  }
}

// Only what the program under test did itself is a fact about it.
bool IsSubject(const RoleFailure& failure) { return failure.cause == v1::FAILURE_CAUSE_SUBJECT; }

GateKind KindOf(const std::string& expression) {
  const std::variant<GateExpression, GateError> parsed = ParseGate(expression);
  const GateExpression* gate = std::get_if<GateExpression>(&parsed);
  return gate == nullptr ? GateKind::kCorrectness : gate->kind;
}

bool DependsOnLoad(const Quantity& quantity) {
  const MetricRef* metric = std::get_if<MetricRef>(&quantity);
  return metric == nullptr || DependsOnLoad(*metric->metric);
}

// A gate that the source can break by bursts that nobody asked for.
bool DependsOnLoad(const std::string& expression) {
  const std::variant<GateExpression, GateError> parsed = ParseGate(expression);
  const GateExpression* gate = std::get_if<GateExpression>(&parsed);
  if (gate == nullptr) return false;
  const Quantity* right = std::get_if<Quantity>(&gate->right);
  return DependsOnLoad(gate->left) || (right != nullptr && DependsOnLoad(*right));
}

// Empty: it was offered, or nothing is known.
std::string WhyLoadWasNotOffered(const v1::Scenario& scenario, const RunEvidence& evidence,
                                 const HistogramSet& latencies) {
  if (scenario.has_rate_search() || evidence.source == nullptr) return "";
  // The source's own account of the whole run needs no telemetry.
  HistogramSet own;
  for (const v1::Histogram& histogram : evidence.source->histograms()) (void)own.Add(histogram);
  return WhyNotOffered(scenario, *evidence.source, own.empty() ? latencies : own);
}

// Histograms that the gates are held against: the telemetry's, or without any the results' own.
const HistogramSet& ChooseLatencies(const RunEvidence& evidence, HistogramSet* own, std::vector<std::string>* reasons) {
  if (!evidence.latencies.empty()) return evidence.latencies;
  const auto add = [&](const google::protobuf::RepeatedPtrField<v1::Histogram>& histograms, absl::string_view role) {
    for (const v1::Histogram& histogram : histograms) {
      const absl::Status status = own->Add(histogram);
      if (!status.ok()) reasons->push_back(absl::StrCat(role, ": unreadable histogram: ", status.message()));
    }
  };
  if (evidence.handler != nullptr) add(evidence.handler->histograms(), "handler");
  if (evidence.source != nullptr) add(evidence.source->histograms(), "source");
  return *own;
}

// The judged histograms into the role's result that measured them.
void KeepHistograms(const HistogramSet& latencies, v1::RunResult* result) {
  google::protobuf::RepeatedPtrField<v1::Histogram> all;
  latencies.AppendTo(&all);
  if (result->has_handler()) result->mutable_handler()->clear_histograms();
  if (result->has_source()) result->mutable_source()->clear_histograms();
  for (const v1::Histogram& histogram : all) {
    const bool of_source = histogram.metric() == v1::LATENCY_METRIC_SEND;
    if (of_source && result->has_source()) *result->mutable_source()->add_histograms() = histogram;
    if (!of_source && result->has_handler()) *result->mutable_handler()->add_histograms() = histogram;
  }
}

struct GateTally {
  bool correctness_broken = false;
  bool service_level_broken = false;
  bool no_data = false;
};

GateTally EvaluateGates(const v1::Scenario& scenario, const GateInput& input, bool offered, v1::RunResult* result,
                        std::vector<std::string>* reasons) {
  // A role without a result takes the data of many gates: that is one cause, told once.
  struct NoData {
    std::string expression;
    std::string reason;
    int gates = 0;
  };
  std::vector<NoData> no_data;
  GateTally tally;
  for (const v1::Gate& gate : scenario.gates()) {
    v1::GateResult* outcome = result->add_gates();
    *outcome = EvaluateGate(gate, input);
    if (!offered && outcome->outcome() == v1::GATE_OUTCOME_BROKEN && DependsOnLoad(gate.expression())) {
      outcome->set_outcome(v1::GATE_OUTCOME_NO_DATA);
      outcome->set_reason(absl::StrCat(outcome->reason(), ", but the source did not offer the load"));
    }
    if (outcome->outcome() == v1::GATE_OUTCOME_HELD) continue;
    const bool broken = outcome->outcome() == v1::GATE_OUTCOME_BROKEN;
    const bool correctness = KindOf(gate.expression()) == GateKind::kCorrectness;
    tally.correctness_broken |= broken && correctness;
    tally.service_level_broken |= broken && !correctness;
    tally.no_data |= !broken;
    if (broken) {
      reasons->push_back(absl::StrCat("gate ", gate.expression(), " broke: ", outcome->reason()));
      continue;
    }
    const auto same = std::find_if(no_data.begin(), no_data.end(), [&](const NoData& n) { return n.reason == outcome->reason(); });
    if (same == no_data.end()) {
      no_data.push_back({gate.expression(), outcome->reason(), 1});
    } else {
      ++same->gates;
    }
  }
  for (const NoData& n : no_data) {
    reasons->push_back(n.gates == 1 ? absl::StrCat("gate ", n.expression, " has no data: ", n.reason)
                                    : absl::StrCat(n.gates, " gates have no data: ", n.reason));
  }
  // A run that proves nothing does not pass.
  if (scenario.gates().empty()) {
    tally.no_data = true;
    reasons->push_back("the scenario has no gates");
  }
  return tally;
}

// Packets that the source's host did not take: what they did to the stream is not the handler's doing.
uint64_t SendErrors(const RunEvidence& evidence) {
  return evidence.source == nullptr ? 0 : evidence.source->send_errors();
}

v1::Verdict Decide(const RunEvidence& evidence, const GateTally& gates) {
  const bool subject_failed = std::any_of(evidence.failures.begin(), evidence.failures.end(), IsSubject);
  const bool other_failed = !std::all_of(evidence.failures.begin(), evidence.failures.end(), IsSubject);
  if (evidence.cancelled) return v1::VERDICT_CANCELLED;
  if (other_failed || !evidence.farm_failures.empty() || SendErrors(evidence) > 0) return v1::VERDICT_INFRASTRUCTURE_ERROR;
  if (subject_failed || gates.correctness_broken) return v1::VERDICT_FAILED;
  if (gates.service_level_broken) return v1::VERDICT_BREACHED;
  if (gates.no_data) return v1::VERDICT_INCONCLUSIVE;
  return v1::VERDICT_PASSED;
}

}  // namespace

v1::RunResult JudgeRun(const v1::Scenario& scenario, const RunEvidence& evidence) {
  v1::RunResult result;
  if (evidence.handler != nullptr) *result.mutable_handler() = *evidence.handler;
  if (evidence.source != nullptr) *result.mutable_source() = *evidence.source;
  if (evidence.search != nullptr) *result.mutable_rate_search() = *evidence.search;
  if (evidence.profile != nullptr) *result.mutable_profile() = *evidence.profile;
  result.set_started_unix_ns(evidence.started_unix_ns);
  result.set_finished_unix_ns(evidence.finished_unix_ns);
  result.set_intervals_merged(evidence.intervals_merged);
  result.set_intervals_missing(evidence.intervals_missing);

  std::vector<std::string> reasons;
  if (evidence.cancelled) reasons.push_back("cancelled");
  for (const std::string& failure : evidence.farm_failures) reasons.push_back(failure);
  for (const RoleFailure& failure : evidence.failures)
    reasons.push_back(absl::StrCat(RoleName(failure.role), " (", CauseName(failure.cause), "): ", failure.sentence));

  HistogramSet own;
  const HistogramSet& latencies = ChooseLatencies(evidence, &own, &reasons);
  const GateInput input = {{evidence.handler, evidence.source, evidence.search, evidence.profile}, latencies, evidence.intervals_missing};
  if (SendErrors(evidence) > 0) {
    reasons.push_back(absl::StrCat("source (host): ", SendErrors(evidence), " packets could not be sent"));
  }
  const std::string not_offered = WhyLoadWasNotOffered(scenario, evidence, latencies);
  GateTally gates = EvaluateGates(scenario, input, not_offered.empty(), &result, &reasons);
  gates.no_data |= !not_offered.empty();
  if (!not_offered.empty()) reasons.push_back(not_offered);
  const std::vector<std::string> missing = MissingEvidence(scenario, input.results, evidence.wires);
  gates.no_data |= !missing.empty();
  // Of a run that was cut short it says nothing new.
  if (Decide(evidence, {}) == v1::VERDICT_PASSED) reasons.insert(reasons.end(), missing.begin(), missing.end());
  KeepHistograms(latencies, &result);
  result.set_verdict(Decide(evidence, gates));
  for (std::string& reason : reasons) *result.add_reasons() = std::move(reason);
  return result;
}

v1::Verdict CampaignVerdict(std::span<const v1::Verdict> runs) {
  static constexpr std::array kWorstFirst = {v1::VERDICT_INFRASTRUCTURE_ERROR,
                                             v1::VERDICT_FAILED,
                                             v1::VERDICT_BREACHED,
                                             v1::VERDICT_INCONCLUSIVE,
                                             v1::VERDICT_CANCELLED,
                                             v1::VERDICT_NOT_RUN,
                                             v1::VERDICT_PASSED,
                                             v1::VERDICT_SKIPPED};
  if (runs.empty()) return v1::VERDICT_NOT_RUN;
  const auto rank = [](v1::Verdict verdict) { return std::find(kWorstFirst.begin(), kWorstFirst.end(), verdict); };
  const auto worst =
      std::min_element(runs.begin(), runs.end(), [&](v1::Verdict a, v1::Verdict b) { return rank(a) < rank(b); });
  // A verdict that is none of these cannot be trusted to be better than any of them.
  const bool unknown =
      std::any_of(runs.begin(), runs.end(), [&](v1::Verdict v) { return rank(v) == kWorstFirst.end(); });
  return unknown ? v1::VERDICT_INFRASTRUCTURE_ERROR : *worst;
}

}  // namespace feedfarm
