#include "tools/feedfarm/target_report.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "coordinator/gate/exit_code.h"
#include "coordinator/gate/histogram_set.h"
#include "coordinator/gate/metric_catalog.h"
#include "coordinator/rate_search/line_rate.h"

namespace feedfarm {
namespace {

constexpr uint64_t kLatenessNs = 5'000'000;
// Of the rate asked for: less was not offered.
constexpr double kOfferedMin = 0.99;

HistogramSet HistogramsOf(const v1::RunResult& result) {
  HistogramSet set;
  for (const v1::Histogram& histogram : result.handler().histograms()) (void)set.Add(histogram);
  for (const v1::Histogram& histogram : result.source().histograms()) (void)set.Add(histogram);
  return set;
}

const v1::RunResult& ResultOf(const v1::CampaignStatus& status) {
  return status.runs_size() == 0 ? v1::RunResult::default_instance() : status.runs(0).result();
}

ProfileStatus StatusOf(v1::Verdict verdict) {
  switch (verdict) {
    case v1::VERDICT_PASSED:
      return ProfileStatus::kOk;
    case v1::VERDICT_FAILED:
      return ProfileStatus::kBroken;
    case v1::VERDICT_BREACHED:
      return ProfileStatus::kBreached;
    case v1::VERDICT_INFRASTRUCTURE_ERROR:
      return ProfileStatus::kNoVerdict;
    default:  // open enum: cancelled, not run, and what newer coordinators may say
      return ProfileStatus::kInconclusive;
  }
}

void AddMetric(const std::string& name, const v1::RunResult& result, ProfileReport* report) {
  const Metric* const metric = FindMetric(name);
  if (metric == nullptr || (metric->needs_handler && !result.has_handler()) ||
      (metric->needs_source && !result.has_source())) {
    return;
  }
  const RoleResults roles = {.handler = result.has_handler() ? &result.handler() : nullptr,
                             .source = result.has_source() ? &result.source() : nullptr};
  const auto value = metric->get(roles, "");
  if (!value) return;
  if (metric->dimension == Dimension::kHash) {
    report->Add(name, value->hash);
  } else if (metric->dimension == Dimension::kDuration) {
    report->Add(name, value->number / (metric->plain_unit_ns > 0 ? metric->plain_unit_ns : 1));
  } else {
    report->Add(name, static_cast<uint64_t>(value->number));
  }
}

void AddLatencies(const HistogramSet& histograms, ProfileReport* report) {
  for (const v1::TimestampClass timestamp_class : histograms.Classes(v1::LATENCY_METRIC_DECODE)) {
    const std::string word(TimestampClassWord(timestamp_class));
    report->Add(absl::StrCat("packets.", word), histograms.Count(v1::LATENCY_METRIC_DECODE, timestamp_class));
    const auto quantile = [&](double at) {
      return histograms.Quantile(v1::LATENCY_METRIC_DECODE, timestamp_class, at);
    };
    report->Add(absl::StrCat("decode_p50_ns.", word), quantile(0.5));
    report->Add(absl::StrCat("decode_p99_ns.", word), quantile(0.99));
    report->Add(absl::StrCat("decode_p99.9_ns.", word), quantile(0.999));
  }
}

void AddTarget(const TargetPlan& plan, const OfferedLoad& load, ProfileReport* report) {
  if (plan.rate_pps == 0) return;
  report->Add("link_mbps", plan.link_mbps);
  report->Add("frame_bytes", uint64_t{plan.frame_bytes});
  report->Add("line_rate", plan.line_rate);
  report->Add("target_pps", plan.rate_pps);
  report->Add("target_seconds", plan.seconds);
  report->Add("sent_pps", load.sent_pps);
  report->Add("sent_mpps", load.sent_pps / 1e6);
  report->Add("send_lateness_p99_ns", load.lateness_p99_ns);
  report->Add("send_lateness_max_ns", load.lateness_max_ns);
  if (load.as_asked) return;
  report->Note(ProfileStatus::kInconclusive, absl::StrCat("this farm's sender did not make ", LoadText(plan.rate_pps),
                                                          " on each line, it reached ", LoadText(load.sent_pps)));
}

void AddRun(const TargetPlan& plan, const v1::CampaignStatus& status, ProfileReport* report) {
  const v1::RunResult& result = ResultOf(status);
  report->Add("campaign", status.campaign_id());
  if (status.runs_size() > 0) {
    report->Add("source_host", status.runs(0).source_host());
    report->Add("handler_host", status.runs(0).handler_host());
  }
  report->Add("verdict", std::string(VerdictName(status.verdict())));
  AddTarget(plan, LoadOf(plan, result), report);
  for (const v1::LineResult& line : result.handler().lines()) {
    report->Add(absl::StrCat("packets.", line.line()), line.packets());
  }
  for (const std::string& name : plan.metrics) AddMetric(name, result, report);
  if (result.has_handler()) {
    report->Add("pool_size", result.handler().pool_frames());
    report->Add("pool_available", result.handler().pool_available());
    report->Add("xdp_mode", result.handler().xdp_mode());
    report->Add("bind_mode", result.handler().bind_mode());
  }
  AddLatencies(HistogramsOf(result), report);
}

}  // namespace

void NoteVerdict(v1::Verdict verdict, const v1::RunResult& result, ProfileReport* report) {
  const ProfileStatus status = StatusOf(verdict);
  if (status == ProfileStatus::kOk) return;
  for (const std::string& reason : result.reasons()) report->Note(status, reason);
  if (result.reasons().empty()) report->Note(status, VerdictName(verdict));
}

void AddGates(const v1::RunResult& result, ProfileReport* report) {
  uint64_t held = 0;
  for (const v1::GateResult& gate : result.gates()) {
    held += gate.outcome() == v1::GATE_OUTCOME_HELD ? 1 : 0;
    report->AddProof(gate.expression(),
                     absl::StrCat(gate.measured(), gate.outcome() == v1::GATE_OUTCOME_HELD ? "" : ": ",
                                  gate.outcome() == v1::GATE_OUTCOME_HELD ? "" : gate.reason()));
  }
  report->Add("gates_held", held);
  report->Add("gates", static_cast<uint64_t>(result.gates_size()));
}

OfferedLoad LoadOf(const TargetPlan& plan, const v1::RunResult& result) {
  OfferedLoad load;
  const auto packets = static_cast<double>(result.source().data_packets_a());
  if (packets == 0 || plan.rate_pps == 0) return load;
  const HistogramSet histograms = HistogramsOf(result);
  for (const v1::TimestampClass timestamp_class : histograms.Classes(v1::LATENCY_METRIC_SEND)) {
    load.lateness_p99_ns =
        std::max(load.lateness_p99_ns, histograms.Quantile(v1::LATENCY_METRIC_SEND, timestamp_class, 0.99));
    load.lateness_max_ns = std::max(load.lateness_max_ns, histograms.Max(v1::LATENCY_METRIC_SEND, timestamp_class));
  }
  // A sender that falls behind ends as much later as its last packet was late.
  load.sent_pps = packets / (packets / plan.rate_pps + static_cast<double>(load.lateness_max_ns) * 1e-9);
  // In a short run a stall of less than kLatenessNs would look like a low rate.
  const bool kept_up = load.lateness_max_ns <= kLatenessNs || load.sent_pps >= kOfferedMin * plan.rate_pps;
  load.as_asked = load.lateness_p99_ns <= kLatenessNs && kept_up && result.source().send_errors() == 0;
  return load;
}

ProfileReport ReportOfTarget(const TargetPlan& plan, const v1::CampaignStatus& status) {
  ProfileReport report(plan.profile);
  const v1::RunResult& result = ResultOf(status);
  const OfferedLoad load = LoadOf(plan, result);
  AddRun(plan, status, &report);
  // What a sender that did not make the load did to the handler says nothing of it.
  const bool judged = plan.rate_pps == 0 || load.as_asked;
  if (judged || StatusOf(status.verdict()) == ProfileStatus::kNoVerdict) NoteVerdict(status.verdict(), result, &report);
  if (result.handler().journal_restored_messages() != 0) {
    // More was there than records were replayed: the rest came from a snapshot.
    report.Add("anchored", result.handler().journal_restored_messages() > result.handler().journal_replayed_messages());
    report.Add("non_monotonic_sequences", result.handler().out_of_order() + result.handler().duplicates());
  }
  AddGates(result, &report);
  report.AddProof("state_hash", result.handler().state_hash());
  report.AddProof("state_hash.must_be", result.source().reference_state_hash());
  report.AddProof("stream_hash", result.handler().stream_hash());
  report.AddProof("stream_hash.must_be", result.source().reference_hash());
  return report;
}

ProfileReport ReportOfTrial(const TargetPlan& plan, const v1::CampaignStatus& trial) {
  ProfileReport report(plan.profile);
  AddRun(plan, trial, &report);
  report.Add("trial_only", true);
  const v1::RunResult& result = ResultOf(trial);
  // A sender that cannot make the load may fail in any way; that it sent something is what is asked of it here.
  if (!result.has_source() || result.source().data_packets_a() == 0) {
    report.Note(ProfileStatus::kNoVerdict, VerdictName(trial.verdict()));
    for (const std::string& reason : result.reasons()) report.Note(ProfileStatus::kNoVerdict, reason);
  }
  return report;
}

std::string TimestampSourceOf(const v1::CampaignStatus& status) {
  std::vector<std::string> words;
  for (const v1::TimestampClass timestamp_class : HistogramsOf(ResultOf(status)).Classes(v1::LATENCY_METRIC_DECODE)) {
    words.emplace_back(TimestampClassWord(timestamp_class));
  }
  return words.empty() ? "none" : absl::StrJoin(words, ",");
}

}  // namespace feedfarm
