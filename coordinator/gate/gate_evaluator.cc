#include "coordinator/gate/gate_evaluator.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "coordinator/campaign/units.h"

namespace feedfarm {
namespace {

// A side's value, or why there is none.
struct Measured {
  bool available = false;
  MetricValue value;
  std::string reason;
  // Of a latency with missing samples: the lowest and highest that it can be (`value` is of those that are there), and how many.
  uint64_t missing = 0;
  double lowest = 0;
  double highest = 0;
};

Measured NoData(std::string reason) { return {false, {}, std::move(reason)}; }

// The value of the samples that are there, and between what the value of all of them is.
Measured Between(double value, uint64_t missing, double lowest, double highest) {
  return {true, {value, ""}, "", missing, missing == 0 ? value : lowest, missing == 0 ? value : highest};
}

// "drops[ring_full]".
std::string NameOf(const MetricRef& ref) {
  const std::string name(ref.metric->name);
  if (ref.part.empty()) return name;
  return ref.metric->part == Metric::Part::kLine ? absl::StrCat(name, ".", ref.part)
                                                 : absl::StrCat(name, "[", ref.part, "]");
}

Measured Measure(const MetricRef& ref, const GateInput& input) {
  const Metric& metric = *ref.metric;
  if (metric.needs_handler && input.results.handler == nullptr) return NoData("the handler gave no result");
  if (metric.needs_source && input.results.source == nullptr) return NoData("the source gave no result");
  if (metric.needs_search && input.results.search == nullptr) return NoData("the rate search gave no result");
  if (metric.needs_profile && input.results.profile == nullptr) return NoData("the profile gave no result");
  std::optional<MetricValue> value = metric.get(input.results, ref.part);
  if (!value.has_value()) return NoData(absl::StrCat(NameOf(ref), ": ", metric.absence));
  return {true, *std::move(value), ""};
}

std::string NameOf(const LatencyRef& ref, v1::TimestampClass timestamp_class) {
  return absl::StrCat("latency.", LatencyWord(ref.metric), ".", TimestampClassWord(timestamp_class));
}

// The class that a gate means: the one it names, or the only one there is.
bool ChooseClass(const LatencyRef& ref, const HistogramSet& latencies, v1::TimestampClass* chosen,
                 std::string* reason) {
  const std::vector<v1::TimestampClass> classes = latencies.Classes(ref.metric);
  *chosen = ref.timestamp_class;
  if (ref.timestamp_class != v1::TIMESTAMP_CLASS_UNSPECIFIED) {
    if (latencies.Count(ref.metric, ref.timestamp_class) > 0) return true;
    *reason = absl::StrCat(NameOf(ref, ref.timestamp_class), " has no samples");
    return false;
  }
  if (classes.size() == 1) {
    *chosen = classes[0];
    return true;
  }
  if (classes.empty()) {
    *reason = absl::StrCat("latency.", LatencyWord(ref.metric), " has no samples");
    return false;
  }
  std::string names;
  for (const v1::TimestampClass one : classes) absl::StrAppend(&names, names.empty() ? "" : " and ", NameOf(ref, one));
  *reason = absl::StrCat("ambiguous: there are ", names, ", and classes are never mixed: name one");
  return false;
}

// Samples that a killed handler took with it. The source is never killed.
uint64_t MissingSamples(const LatencyRef& ref, const GateInput& input) {
  const bool of_handler = ref.metric != v1::LATENCY_METRIC_SEND && input.results.handler != nullptr;
  return of_handler ? input.results.handler->killed_unrecorded_samples() : 0;
}

// Why a latency is not believed although it was measured: stamps from the future show that its two clocks differ, and
// the others may be as wrong. Decode and deliver count from the same stamps. Empty = nothing speaks against it. A gate
// that names no class means all.
std::string WhyClocksDiffer(const LatencyRef& ref, const GateInput& input) {
  if (ref.metric == v1::LATENCY_METRIC_SEND || input.results.handler == nullptr) return "";
  const bool of_send_time = ref.metric == v1::LATENCY_METRIC_END_TO_END;
  const std::string end_to_end(LatencyWord(v1::LATENCY_METRIC_END_TO_END));
  uint64_t sum = 0;
  for (const v1::ReasonCount& samples : input.results.handler->future_stamps()) {
    const std::pair<std::string, std::string> name = absl::StrSplit(samples.reason(), absl::MaxSplits('.', 1));
    const bool same_class = ref.timestamp_class == v1::TIMESTAMP_CLASS_UNSPECIFIED ||
                            name.second == TimestampClassWord(ref.timestamp_class);
    if (same_class && (name.first == end_to_end) == of_send_time) sum += samples.count();
  }
  if (sum == 0) return "";
  return of_send_time ? absl::StrCat("clocks differ: ", sum,
                                     " messages were delivered before their send time, by the clocks of the two hosts")
                      : absl::StrCat("clocks differ: ", sum,
                                     " samples have a receive time that was yet to come by the host's own clock");
}

Measured Measure(const LatencyRef& ref, const GateInput& input) {
  v1::TimestampClass chosen = v1::TIMESTAMP_CLASS_UNSPECIFIED;
  std::string reason = WhyClocksDiffer(ref, input);
  if (!reason.empty()) return NoData(std::move(reason));
  if (!ChooseClass(ref, input.latencies, &chosen, &reason)) return NoData(std::move(reason));
  if (input.intervals_missing > 0)
    return NoData(absl::StrCat("incomplete: ", input.intervals_missing, " telemetry intervals are missing"));
  const HistogramSet& latencies = input.latencies;
  const uint64_t count = latencies.Count(ref.metric, chosen);
  const uint64_t missing = MissingSamples(ref, input);
  const auto number = [](uint64_t ns) { return static_cast<double>(ns); };
  constexpr double kAnything = std::numeric_limits<double>::infinity();
  switch (ref.statistic) {
    case LatencyRef::Statistic::kMin:
      return Between(number(latencies.Min(ref.metric, chosen)), missing, 0, number(latencies.Min(ref.metric, chosen)));
    case LatencyRef::Statistic::kMax:
      return Between(number(latencies.Max(ref.metric, chosen)), missing, number(latencies.Max(ref.metric, chosen)), kAnything);
    case LatencyRef::Statistic::kMean: {
      const double mean = latencies.Mean(ref.metric, chosen);
      return Between(mean, missing, mean * number(count) / number(count + missing), kAnything);
    }
    case LatencyRef::Statistic::kQuantile:
      break;
  }
  if (const uint64_t needed = SamplesNeeded(ref.quantile); count < needed) {
    return NoData(
        absl::StrFormat("insufficient: p%.10g needs %u samples, there are %u", ref.quantile * 100, needed, count));
  }
  const auto quantile = [&](double q) { return number(latencies.Quantile(ref.metric, chosen, q)); };
  // The missing ones may all lie below the others, or all above.
  const double rank = ref.quantile * number(count + missing);
  const double below = (rank - number(missing)) / number(count);
  const double above = rank / number(count);
  return Between(quantile(ref.quantile), missing, below <= 0 ? 0 : quantile(below),
                 above > 1 ? kAnything : quantile(above));
}

Measured Measure(const Quantity& quantity, const GateInput& input) {
  return std::visit([&](const auto& ref) { return Measure(ref, input); }, quantity);
}

bool Holds(Comparison comparison, const MetricValue& left, const MetricValue& right, Dimension dimension) {
  if (dimension == Dimension::kHash) return (left.hash == right.hash) == (comparison == Comparison::kEqual);
  switch (comparison) {
    case Comparison::kEqual:
      return left.number == right.number;
    case Comparison::kNotEqual:
      return left.number != right.number;
    case Comparison::kLess:
      return left.number < right.number;
    case Comparison::kLessEqual:
      return left.number <= right.number;
    case Comparison::kGreater:
      return left.number > right.number;
    case Comparison::kGreaterEqual:
      return left.number >= right.number;
  }
  return false;
}

// Whether a value that may be higher decides the comparison, and how.
std::optional<bool> HoldsAtLeast(Comparison comparison, const MetricValue& left, const MetricValue& right) {
  if (right.at_least) return std::nullopt;
  switch (comparison) {
    case Comparison::kGreater:
    case Comparison::kGreaterEqual:
      if (Holds(comparison, left, right, Dimension::kCount)) return true;
      return std::nullopt;
    case Comparison::kLess:
    case Comparison::kLessEqual:
      if (!Holds(comparison, left, right, Dimension::kCount)) return false;
      return std::nullopt;
    case Comparison::kEqual:
    case Comparison::kNotEqual:
      return std::nullopt;
  }
  return std::nullopt;
}

// With a latency that lies between two values: what the comparison gives wherever it lies; nothing where that differs.
std::optional<bool> HoldsBetween(Comparison comparison, const Measured& left, const Measured& right) {
  if (comparison == Comparison::kEqual || comparison == Comparison::kNotEqual) return std::nullopt;
  const auto holds = [&](double l, double r) { return Holds(comparison, {l, ""}, {r, ""}, Dimension::kDuration); };
  const auto lowest = [](const Measured& side) { return side.missing > 0 ? side.lowest : side.value.number; };
  const auto highest = [](const Measured& side) { return side.missing > 0 ? side.highest : side.value.number; };
  const bool low = holds(lowest(left), highest(right));
  const bool high = holds(highest(left), lowest(right));
  return low == high ? std::optional(low) : std::nullopt;
}

absl::string_view SignOf(Comparison comparison) {
  switch (comparison) {
    case Comparison::kEqual:
      return "==";
    case Comparison::kNotEqual:
      return "!=";
    case Comparison::kLess:
      return "<";
    case Comparison::kLessEqual:
      return "<=";
    case Comparison::kGreater:
      return ">";
    case Comparison::kGreaterEqual:
      return ">=";
  }
  return "?";
}

std::string Print(const MetricValue& value, Dimension dimension) {
  switch (dimension) {
    case Dimension::kCount:
      return absl::StrFormat("%.15g", value.number);
    case Dimension::kDuration:
      return FormatDurationNs(value.number);
    case Dimension::kRatio:
      return absl::StrFormat("%.6g%%", value.number * 100);
    case Dimension::kHash:
      return value.hash;
  }
  return "?";
}

Measured MeasureRight(const GateExpression& gate, const GateInput& input) {
  if (const double* constant = std::get_if<double>(&gate.right)) return {true, {*constant, ""}, ""};
  return Measure(std::get<Quantity>(gate.right), input);
}

void SetNoData(std::string reason, v1::GateResult* result) {
  result->set_outcome(v1::GATE_OUTCOME_NO_DATA);
  result->set_reason(std::move(reason));
}

// Of a killed handler; empty for a rate search.
std::string WhyUndecided(uint64_t missing, const GateInput& input) {
  if (missing > 0) return absl::StrCat("; up to ", missing, " samples of a killed handler are in no histogram");
  if (input.results.handler == nullptr || input.results.handler->killed_unsampled_ns() == 0) return "";
  return absl::StrCat("; the last ",
                      FormatDurationNs(static_cast<double>(input.results.handler->killed_unsampled_ns())),
                      " before a kill are not in it");
}

// A message type that neither side knows: that none was sent and none delivered holds of any name.
const MetricRef* TypeOf(const Quantity& quantity) {
  const MetricRef* ref = std::get_if<MetricRef>(&quantity);
  return ref != nullptr && ref->metric->part == Metric::Part::kType && !ref->part.empty() ? ref : nullptr;
}

bool OfNoMessages(const GateExpression& gate, const Measured& left, const Measured& right) {
  const Quantity* other = std::get_if<Quantity>(&gate.right);
  return other != nullptr && TypeOf(gate.left) != nullptr && TypeOf(*other) != nullptr && left.value.number == 0 &&
         right.value.number == 0;
}

void Evaluate(const GateExpression& gate, const GateInput& input, v1::GateResult* result) {
  const Measured left = Measure(gate.left, input);
  const Measured right = MeasureRight(gate, input);
  const auto print = [&](const MetricValue& value) {
    return absl::StrCat(value.at_least ? "at least " : "", Print(value, gate.dimension));
  };
  if (left.available) result->set_measured(print(left.value));
  if (right.available) result->set_expected(absl::StrCat(SignOf(gate.comparison), " ", print(right.value)));
  if (!left.available) return SetNoData(left.reason, result);
  if (!right.available) return SetNoData(right.reason, result);
  if (OfNoMessages(gate, left, right)) return SetNoData("there was no message of this type on either side", result);
  std::optional<bool> holds = Holds(gate.comparison, left.value, right.value, gate.dimension);
  if (left.value.at_least || right.value.at_least) holds = HoldsAtLeast(gate.comparison, left.value, right.value);
  const uint64_t missing = std::max(left.missing, right.missing);
  if (missing > 0) holds = HoldsBetween(gate.comparison, left, right);
  if (!holds.has_value()) {
    return SetNoData(absl::StrCat("undecided: measured ", result->measured(), ", wanted ", result->expected(),
                                  WhyUndecided(missing, input)),
                     result);
  }
  if (*holds) {
    result->set_outcome(v1::GATE_OUTCOME_HELD);
    return;
  }
  result->set_outcome(v1::GATE_OUTCOME_BROKEN);
  result->set_reason(absl::StrCat("measured ", result->measured(), ", wanted ", result->expected()));
}

}  // namespace

uint64_t SamplesNeeded(double quantile) {
  constexpr double kBeyond = 10;
  const double rarer = std::min(quantile, 1 - quantile);
  // Rounded first: 1 - 0.999 is not quite a thousandth.
  return static_cast<uint64_t>(std::ceil(std::round(kBeyond / rarer * 1e6) / 1e6));
}

v1::GateResult EvaluateGate(const v1::Gate& gate, const GateInput& input) {
  v1::GateResult result;
  result.set_expression(gate.expression());
  result.set_line(gate.line());
  const std::variant<GateExpression, GateError> parsed = ParseGate(gate.expression());
  if (const GateError* error = std::get_if<GateError>(&parsed)) {
    SetNoData(absl::StrCat("not a gate: ", error->message), &result);
  } else {
    Evaluate(std::get<GateExpression>(parsed), input, &result);
  }
  return result;
}

}  // namespace feedfarm
