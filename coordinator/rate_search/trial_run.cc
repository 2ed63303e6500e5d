#include "coordinator/rate_search/trial_run.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "coordinator/gate/line_loss.h"
#include "coordinator/rate_search/default_goals.h"

namespace feedfarm {
namespace {

double Share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : std::min(1.0, static_cast<double>(part) / static_cast<double>(whole));
}

}  // namespace

RateSearchSettings SearchSettings(const v1::RateSearch& search) {
  TrialDefaults trials;
  trials.initial_ns = search.initial_trial_ns();
  trials.final_ns = search.final_trial_ns();
  trials.strict_ns = search.strict_trial_ns();
  trials.duration_sum_ns = search.duration_sum_ns();
  trials.exceed_ratio = search.exceed_ratio();
  trials.pdr_loss_ratio = search.pdr_loss_ratio();
  trials.width = search.width();
  RateSearchSettings settings;
  settings.min_pps = search.min_pps();
  settings.max_pps = search.max_pps();
  settings.trials_max = search.trials_max();
  for (const std::string& name : search.goals()) {
    SearchGoal goal = MakeGoal(name, trials);
    if (!goal.name.empty()) settings.goals.push_back(std::move(goal));
  }
  return settings;
}

v1::Scenario TrialScenario(const v1::Scenario& scenario, const Trial& trial, const std::string& source_host,
                           const std::string& handler_host) {
  v1::Scenario out = scenario;
  out.clear_rate_search();
  out.clear_gates();
  v1::Traffic* traffic = out.mutable_traffic();
  traffic->set_rate_pps(trial.load_pps);
  const double packets = std::max(1.0, std::round(trial.load_pps * static_cast<double>(trial.duration_ns) / 1e9));
  traffic->mutable_synthetic()->set_messages(static_cast<uint64_t>(packets) *
                                             traffic->synthetic().messages_per_packet());
  // Loads are compared with each other: they are tried on the same hosts.
  if (!source_host.empty()) out.mutable_placement()->mutable_source()->set_host(source_host);
  if (!handler_host.empty()) out.mutable_placement()->mutable_handler()->set_host(handler_host);
  return out;
}

std::optional<v1::TrialOutcome> OutcomeOfTrial(const v1::RateSearch& search, const Trial& trial,
                                               const v1::HandlerResult& handler, const v1::SourceResult& source,
                                               const HistogramSet& latencies, uint64_t intervals_missing) {
  if (intervals_missing > 0 || latencies.Classes(v1::LATENCY_METRIC_SEND).empty()) return std::nullopt;
  v1::TrialOutcome out;
  out.set_load_pps(trial.load_pps);
  out.set_duration_ns(trial.duration_ns);
  const uint64_t lost_a = LostOn("A", handler, source);
  const uint64_t lost_b = LostOn("B", handler, source);
  out.set_sent_packets(source.data_packets_a() + source.data_packets_b());
  out.set_lost_packets(lost_a + lost_b);
  out.set_gap_messages(handler.gap_messages());
  out.set_loss_ratio(std::max({Share(lost_a, source.data_packets_a()), Share(lost_b, source.data_packets_b()),
                               Share(handler.gap_messages(), source.messages())}));
  // The source's own lateness has one class only, whichever it calls it.
  const v1::TimestampClass send_class = latencies.Classes(v1::LATENCY_METRIC_SEND)[0];
  out.set_lateness_p99_ns(latencies.Quantile(v1::LATENCY_METRIC_SEND, send_class, 0.99));
  out.set_lateness_max_ns(latencies.Max(v1::LATENCY_METRIC_SEND, send_class));
  // A sender that falls behind ends as much later as its last packet was late.
  const double planned_s = static_cast<double>(trial.duration_ns) / 1e9;
  out.set_sent_pps(trial.load_pps * planned_s / (planned_s + static_cast<double>(out.lateness_max_ns()) / 1e9));
  const bool lost = out.loss_ratio() > 0;
  // What was not sent cannot have been lost.
  const double planned_packets = std::max(1.0, std::round(trial.load_pps * planned_s));
  const bool sent_less =
      static_cast<double>(std::min(source.data_packets_a(), source.data_packets_b())) < planned_packets;
  out.set_generator_limited(sent_less || source.send_errors() > 0 || out.lateness_p99_ns() > search.lateness_max_ns() ||
                            (lost && out.lateness_max_ns() > search.lateness_max_ns()));
  return out;
}

std::string WrongStream(const v1::TrialOutcome& outcome, const v1::HandlerResult& handler,
                        const v1::SourceResult& source) {
  if (handler.duplicates() > 0 || handler.out_of_order() > 0) {
    return absl::StrCat("the stream was wrong: ", handler.duplicates(), " messages were delivered twice, ",
                        handler.out_of_order(), " out of order");
  }
  // What was not sent, or lost, is missing at the end.
  if (outcome.loss_ratio() > 0 || source.send_errors() > 0 || handler.unrecovered_messages() > 0) return "";
  if (handler.messages() != source.messages()) {
    return absl::StrCat("nothing was lost, and yet ", handler.messages(), " of ", source.messages(),
                        " messages were delivered");
  }
  if (handler.stream_hash() != source.reference_hash()) {
    return absl::StrCat("nothing was lost, and yet stream_hash is ", handler.stream_hash(), " instead of ",
                        source.reference_hash());
  }
  if (handler.state_hash() == source.reference_state_hash()) return "";
  return absl::StrCat("nothing was lost, and yet state_hash is ", handler.state_hash(), " instead of ",
                      source.reference_state_hash());
}

TrialResult ResultOfTrial(const v1::TrialOutcome& outcome) {
  TrialResult result;
  result.trial = {outcome.load_pps(), outcome.duration_ns()};
  result.loss_ratio = outcome.loss_ratio();
  result.generator_limited = outcome.generator_limited();
  result.sent_pps = outcome.sent_pps();
  return result;
}

}  // namespace feedfarm
