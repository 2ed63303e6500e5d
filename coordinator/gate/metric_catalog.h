#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proto/result.pb.h"

namespace feedfarm {

// What a metric counts. Only equal dimensions can be compared.
enum class Dimension : uint8_t { kCount, kDuration, kHash };

// Which verdict a gate over the metric gives when it breaks: failed, or breached.
enum class GateKind : uint8_t { kCorrectness, kServiceLevel };

// A metric's value: `hash` for kHash, `number` otherwise (durations in ns).
struct MetricValue {
  double number = 0;
  std::string hash;
};

// What both roles of a run have told; null = that role gave no result.
struct RoleResults {
  const v1::HandlerResult* handler = nullptr;
  const v1::SourceResult* source = nullptr;
};

// One metric that a gate may name.
struct Metric {
  std::string_view name;
  Dimension dimension = Dimension::kCount;
  GateKind kind = GateKind::kCorrectness;
  // For docs/gates.md, one sentence.
  std::string_view doc;
  // In a gate a plain number compared with it means this many ns; 0 = a plain number only fits counts.
  double plain_unit_ns = 0;
  // "malformed_packets.A": the part behind the dot is given to `get`.
  bool per_line = false;
  // "messages[A]": likewise.
  bool per_type = false;
  // Nothing where its role gave no result. `part`: "A"/"B" for a line, a type, or empty for the total.
  std::optional<MetricValue> (*get)(const RoleResults& results, std::string_view part) = nullptr;
};

// Every metric, in the order of docs/gates.md.
std::span<const Metric> MetricCatalog();

// Null where there is none of this name.
const Metric* FindMetric(std::string_view name);

}  // namespace feedfarm
