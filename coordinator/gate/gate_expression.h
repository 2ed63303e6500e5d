#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "coordinator/gate/metric_catalog.h"
#include "proto/result.pb.h"

namespace feedfarm {

enum class Comparison : uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

// "messages", "messages[A]", "malformed_packets.A".
struct MetricRef {
  const Metric* metric = nullptr;
  std::string part;
};

// "p99.9(latency.decode.software)".
struct LatencyRef {
  enum class Statistic : uint8_t { kQuantile, kMin, kMax, kMean };
  Statistic statistic = Statistic::kQuantile;
  double quantile = 0;  // 0..1
  v1::LatencyMetric metric = v1::LATENCY_METRIC_UNSPECIFIED;
  // UNSPECIFIED: the only class that the run has.
  v1::TimestampClass timestamp_class = v1::TIMESTAMP_CLASS_UNSPECIFIED;
};

using Quantity = std::variant<MetricRef, LatencyRef>;

// A gate after parsing and type check: both sides have one dimension.
struct GateExpression {
  Quantity left;
  Comparison comparison = Comparison::kEqual;
  // A quantity, or a constant in the dimension's unit (ns for durations).
  std::variant<Quantity, double> right;
  Dimension dimension = Dimension::kCount;
  GateKind kind = GateKind::kCorrectness;
};

// Why an expression is no gate.
struct GateError {
  // 1-based, in the expression.
  size_t column = 0;
  // With a suggestion where one is near.
  std::string message;
};

// Any bytes in. Grammar and metrics: docs/gates.md. Thread-safe.
std::variant<GateExpression, GateError> ParseGate(absl::string_view expression);

}  // namespace feedfarm
