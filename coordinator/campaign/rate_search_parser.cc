#include "coordinator/campaign/rate_search_parser.h"

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "coordinator/campaign/map_reader.h"
#include "coordinator/campaign/units.h"
#include "coordinator/rate_search/default_goals.h"
#include "coordinator/rate_search/line_rate.h"
#include "coordinator/rate_search/rate_search.h"
#include "coordinator/rate_search/trial_run.h"

namespace feedfarm {
namespace {

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kHour = 3'600'000'000'000;

// What one source plans at most on a line; and messages beside the symbols that a synthetic session needs.
constexpr double kPacketsMax = 16 << 20;
constexpr uint64_t kMessagesBeside = 40;

void ReadGoals(const YamlNode* node, v1::RateSearch* search, Diagnostics& diagnostics) {
  if (node == nullptr) {
    for (const char* goal : {"ndr", "pdr", "strict"}) search->add_goals(goal);
    return;
  }
  if (node->kind != YamlNode::Kind::kSequence || node->items.empty()) {
    diagnostics.Add(node->position, "goals must be a list of ndr, pdr and strict");
    return;
  }
  for (const YamlPtr& item : node->items) {
    const bool scalar = item->kind == YamlNode::Kind::kScalar;
    if (!scalar || MakeGoal(item->scalar, {}).name.empty()) {
      diagnostics.Add(item->position, absl::StrCat("the goals are ndr, pdr and strict", scalar ? ", not " : "",
                                                   scalar ? Quoted(item->scalar) : ""));
    } else if (std::count(search->goals().begin(), search->goals().end(), item->scalar) > 0) {
      diagnostics.Add(item->position, absl::StrCat("goal ", item->scalar, " is there twice"));
    } else {
      search->add_goals(item->scalar);
    }
  }
}

void ReadTrial(const YamlNode* node, v1::RateSearch* search, Diagnostics& diagnostics) {
  const TrialDefaults defaults;
  uint64_t initial_ns = defaults.initial_ns, final_ns = defaults.final_ns, strict_ns = defaults.strict_ns;
  uint64_t sum_ns = defaults.duration_sum_ns;
  double exceed = defaults.exceed_ratio;
  bool has_sum = false;
  if (node != nullptr) {
    MapReader reader(*node, "trial", diagnostics);
    reader.Duration("initial", 10 * kMillisecond, kHour, &initial_ns);
    reader.Duration("final", 10 * kMillisecond, kHour, &final_ns);
    reader.Duration("strict", 10 * kMillisecond, kHour, &strict_ns);
    has_sum = reader.Duration("sum", 10 * kMillisecond, 24 * kHour, &sum_ns);
    reader.Percent("exceed", &exceed);
    reader.Finish();
  }
  search->set_initial_trial_ns(initial_ns);
  search->set_final_trial_ns(final_ns);
  search->set_strict_trial_ns(strict_ns);
  // As many full-length trials as by default.
  search->set_duration_sum_ns(has_sum ? sum_ns : final_ns * (defaults.duration_sum_ns / defaults.final_ns));
  search->set_exceed_ratio(exceed);
}

// What the scenario says and a search does not have.
void RefuseOthers(const YamlNode& scenario_node, const v1::Scenario& scenario, Diagnostics& diagnostics) {
  const auto refuse = [&](const YamlNode::Entry* entry, absl::string_view why) {
    if (entry != nullptr) diagnostics.Add(entry->key_position, absl::StrCat("a rate search ", why));
  };
  refuse(scenario_node.Find("faults"), "has no faults: their loss would be taken for the handler's");
  const YamlNode::Entry* traffic = scenario_node.Find("traffic");
  if (traffic == nullptr || traffic->value->kind != YamlNode::Kind::kMap) return;
  for (const char* field : {"rate", "speed"}) refuse(traffic->value->Find(field), "sets the rate itself");
  if (scenario.traffic().has_capture()) refuse(traffic->value->Find("capture"), "needs traffic of any length: synthetic");
  const YamlNode::Entry* synthetic = traffic->value->Find("synthetic");
  if (synthetic == nullptr || synthetic->value->kind != YamlNode::Kind::kMap) return;
  refuse(synthetic->value->Find("messages"), "sets the number of messages itself");
}

void CheckSizes(const v1::Scenario& scenario, Position position, Diagnostics& diagnostics) {
  const v1::RateSearch& search = scenario.rate_search();
  const v1::SyntheticFeed& synthetic = scenario.traffic().synthetic();
  uint64_t longest_ns = 0, shortest_ns = UINT64_MAX;
  for (const SearchGoal& goal : SearchSettings(search).goals) {
    longest_ns = std::max(longest_ns, goal.final_trial_ns);
    shortest_ns = std::min(shortest_ns, goal.initial_trial_ns);
  }
  const double most = search.max_pps() * static_cast<double>(longest_ns) / 1e9;
  if (most > kPacketsMax) {
    diagnostics.Add(position, absl::StrCat("a trial of ", FormatDurationNs(static_cast<double>(longest_ns)), " at ",
                                           LoadText(search.max_pps()), " is ", static_cast<uint64_t>(most),
                                           " packets a line; a source plans at most ", static_cast<uint64_t>(kPacketsMax)));
  }
  const double least = search.min_pps() * static_cast<double>(shortest_ns) / 1e9 * synthetic.messages_per_packet();
  const uint64_t needed = synthetic.symbols() + kMessagesBeside;
  if (least < static_cast<double>(needed)) {
    diagnostics.Add(position, absl::StrCat("a trial of ", FormatDurationNs(static_cast<double>(shortest_ns)), " at ",
                                           LoadText(search.min_pps()), " is ", static_cast<uint64_t>(least),
                                           " messages; ", synthetic.symbols(), " symbols need ", needed,
                                           ": give fewer symbols, a longer initial trial or a higher min"));
  }
  if (scenario.timeout_ns() <= longest_ns) {
    diagnostics.Add(position, absl::StrCat("the timeout of a trial, ", FormatDurationNs(static_cast<double>(scenario.timeout_ns())),
                                           ", is not longer than the longest trial, ",
                                           FormatDurationNs(static_cast<double>(longest_ns))));
  }
}

}  // namespace

void ReadRateSearch(const YamlNode& node, const YamlNode& scenario_node, v1::Scenario* scenario, Diagnostics& diagnostics) {
  MapReader reader(node, "rate_search", diagnostics);
  v1::RateSearch* search = scenario->mutable_rate_search();
  const TrialDefaults defaults;
  double min_pps = 10e3, max_pps = 0, width = defaults.width, pdr_loss = defaults.pdr_loss_ratio;
  uint64_t lateness_ns = 5 * kMillisecond, link_mbps = 0;
  uint32_t trials_max = 200, frame_bytes = 0;
  reader.Need("max");
  reader.Rate("min", 1, 1e9, &min_pps);
  reader.Rate("max", 1, 1e9, &max_pps);
  ReadGoals(reader.Find("goals"), search, diagnostics);
  reader.Percent("width", &width);
  reader.Percent("pdr_loss", &pdr_loss);
  ReadTrial(reader.FindMaybeEmpty("trial"), search, diagnostics);
  reader.Count32("trials_max", 1, 10'000, &trials_max);
  reader.Duration("lateness", 10'000, 1000 * kMillisecond, &lateness_ns);
  reader.Count("link_mbps", 1, 10'000'000, &link_mbps);
  reader.Count32("frame_bytes", kFrameBytesMin, kFrameBytesMax, &frame_bytes);
  search->set_min_pps(min_pps);
  search->set_max_pps(max_pps);
  search->set_width(width);
  search->set_pdr_loss_ratio(pdr_loss);
  search->set_trials_max(trials_max);
  search->set_lateness_max_ns(lateness_ns);
  search->set_link_mbps(link_mbps);
  search->set_frame_bytes(frame_bytes);
  reader.Finish();
  RefuseOthers(scenario_node, *scenario, diagnostics);
  if (!diagnostics.empty()) return;
  if ((link_mbps == 0) != (frame_bytes == 0)) {
    reader.Refuse(link_mbps == 0 ? "frame_bytes" : "link_mbps", "give link_mbps and frame_bytes together: they bound the load");
  } else if (link_mbps > 0) {
    if (const absl::Status status = CheckLoadPossible(max_pps, link_mbps, frame_bytes); !status.ok()) {
      reader.Refuse("max", status.message());
    }
  }
  if (const absl::Status status = CheckSettings(SearchSettings(*search)); !status.ok()) {
    diagnostics.Add(node.position, status.message());
  }
  CheckSizes(*scenario, node.position, diagnostics);
  scenario->mutable_traffic()->clear_schedule();
  scenario->mutable_traffic()->mutable_synthetic()->set_messages(0);
}

}  // namespace feedfarm
