#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "absl/strings/string_view.h"
#include "proto/result.pb.h"

namespace feedfarm {

// What a metric counts. Only equal dimensions can be compared.
enum class Dimension : uint8_t { kCount, kDuration, kRatio, kHash };

// Which verdict a gate over the metric gives when it breaks: failed, or breached.
enum class GateKind : uint8_t { kCorrectness, kServiceLevel };

// A metric's value: `hash` for kHash, `number` otherwise (durations in ns, ratios 0..1).
struct MetricValue {
  double number = 0;
  std::string hash;
  // The truth may be higher than `number`. Why: what a rate search did not try, or what a killed process did last.
  bool at_least = false;
};

// What a run's roles have told; null = that role gave no result. Of a rate search: what it found, and no role.
struct RoleResults {
  const v1::HandlerResult* handler = nullptr;
  const v1::SourceResult* source = nullptr;
  const v1::RateSearchResult* search = nullptr;
  const v1::ProfileResult* profile = nullptr;
};

// Which kind of run has a metric.
enum class RunKind : uint8_t { kFeed, kRateSearch, kProfile };

// What a part of a metric is, where that depends on the part.
struct PartType {
  Dimension dimension = Dimension::kCount;
  GateKind kind = GateKind::kCorrectness;
};

// One metric that a gate may name.
struct Metric {
  absl::string_view name;
  Dimension dimension = Dimension::kCount;
  GateKind kind = GateKind::kCorrectness;
  // For docs/gates.md, one sentence.
  absl::string_view doc;
  // In a gate a plain number compared with it means this many ns; 0 = a plain number only fits counts.
  double plain_unit_ns = 0;
  // What may stand behind the name to ask for a share of the total: "malformed_packets.A", "drops[ring_full]",
  // "messages[A]" (a message type, whichever the feed has); or for what there is no total of: "profile[events]".
  enum class Part : uint8_t { kNone, kLine, kBracket, kType, kField };
  Part part = Part::kNone;
  // kBracket: what may stand in the brackets.
  std::span<const absl::string_view> bracket_names = {};
  // kField: what the field is; nothing where there is no such one.
  std::optional<PartType> (*part_type)(absl::string_view part) = nullptr;
  bool needs_handler = false;
  bool needs_source = false;
  bool needs_search = false;
  bool needs_profile = false;
  // Why there may be no value although the roles gave their results: "no gap was recovered". Empty = there is always
  // one.
  absl::string_view absence = {};
  // `part`: "A" or "B" for a line, what stood in the brackets, or empty for the total. The needed results are not null.
  std::optional<MetricValue> (*get)(const RoleResults& results, absl::string_view part) = nullptr;

  RunKind run_kind() const {
    return needs_search ? RunKind::kRateSearch : needs_profile ? RunKind::kProfile : RunKind::kFeed;
  }
};

// Every metric, in the order of docs/gates.md.
std::span<const Metric> MetricCatalog();

// Whether the handler may call a message type so: one letter or digit, else the byte as "0x1f".
bool IsMessageType(absl::string_view text);

// Whether a source that does not keep its schedule can break a gate over it: what a burst that nobody asked for does to rings, lines and
// times. Not what must hold at any load: that each message is delivered once, in order.
bool DependsOnLoad(const Metric& metric);

// Null where there is none of this name.
const Metric* FindMetric(absl::string_view name);

// "latency.decode" and the others of that kind, with the word behind "latency.".
struct LatencyName {
  absl::string_view word;
  v1::LatencyMetric metric;
  absl::string_view doc;
};
std::span<const LatencyName> LatencyNames();
absl::string_view LatencyWord(v1::LatencyMetric metric);

// "none", "software", "hardware".
struct TimestampClassName {
  absl::string_view word;
  v1::TimestampClass timestamp_class;
};
std::span<const TimestampClassName> TimestampClassNames();
absl::string_view TimestampClassWord(v1::TimestampClass timestamp_class);

}  // namespace feedfarm
