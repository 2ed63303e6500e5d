#include "coordinator/gate/gate_evaluator.h"

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "coordinator/campaign/units.h"

namespace feedfarm {
namespace {

// A side's value, or why there is none.
struct Measured {
  bool available = false;
  MetricValue value;
  std::string reason;
};

Measured NoData(std::string reason) { return {false, {}, std::move(reason)}; }

Measured Measure(const MetricRef& ref, const GateInput& input) {
  const Metric& metric = *ref.metric;
  if (metric.needs_handler && input.results.handler == nullptr) return NoData("the handler gave no result");
  if (metric.needs_source && input.results.source == nullptr) return NoData("the source gave no result");
  if (metric.needs_search && input.results.search == nullptr) return NoData("the rate search gave no result");
  std::optional<MetricValue> value = metric.get(input.results, ref.part);
  if (!value.has_value()) return NoData(absl::StrCat(metric.name, ": ", metric.absence));
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

Measured Measure(const LatencyRef& ref, const GateInput& input) {
  v1::TimestampClass chosen = v1::TIMESTAMP_CLASS_UNSPECIFIED;
  std::string reason;
  if (!ChooseClass(ref, input.latencies, &chosen, &reason)) return NoData(std::move(reason));
  if (input.intervals_missing > 0)
    return NoData(absl::StrCat("incomplete: ", input.intervals_missing, " telemetry intervals are missing"));
  const uint64_t count = input.latencies.Count(ref.metric, chosen);
  switch (ref.statistic) {
    case LatencyRef::Statistic::kMin:
      return {true, {static_cast<double>(input.latencies.Min(ref.metric, chosen)), ""}, ""};
    case LatencyRef::Statistic::kMax:
      return {true, {static_cast<double>(input.latencies.Max(ref.metric, chosen)), ""}, ""};
    case LatencyRef::Statistic::kMean:
      return {true, {input.latencies.Mean(ref.metric, chosen), ""}, ""};
    case LatencyRef::Statistic::kQuantile:
      break;
  }
  if (const uint64_t needed = SamplesNeeded(ref.quantile); count < needed) {
    return NoData(
        absl::StrFormat("insufficient: p%.10g needs %u samples, there are %u", ref.quantile * 100, needed, count));
  }
  return {true, {static_cast<double>(input.latencies.Quantile(ref.metric, chosen, ref.quantile)), ""}, ""};
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
  std::optional<bool> holds = Holds(gate.comparison, left.value, right.value, gate.dimension);
  if (left.value.at_least || right.value.at_least) holds = HoldsAtLeast(gate.comparison, left.value, right.value);
  if (!holds.has_value()) {
    return SetNoData(absl::StrCat("undecided: measured ", result->measured(), ", wanted ", result->expected()), result);
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
