#include "coordinator/gate/gate_docs.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "coordinator/gate/metric_catalog.h"

namespace feedfarm {
namespace {

absl::string_view DimensionWord(Dimension dimension) {
  switch (dimension) {
    case Dimension::kCount:
      return "count";
    case Dimension::kDuration:
      return "duration";
    case Dimension::kRatio:
      return "ratio";
    case Dimension::kHash:
      return "hash";
  }
  return "?";
}

// Of a metric whose parts differ the parts tell.
std::string DimensionCell(const Metric& metric) {
  return metric.part_type != nullptr ? "by part" : std::string(DimensionWord(metric.dimension));
}

std::string KindCell(const Metric& metric) {
  if (metric.part_type != nullptr) return "by part";
  return metric.kind == GateKind::kCorrectness ? "correctness" : "service level";
}

absl::string_view PartWord(Metric::Part part) {
  switch (part) {
    case Metric::Part::kNone:
      return "";
    case Metric::Part::kLine:
      return ".A .B";
    case Metric::Part::kBracket:
    case Metric::Part::kType:
    case Metric::Part::kField:
      return "[ ]";
  }
  return "?";
}

}  // namespace

std::string GateTables() {
  std::string out = "| latency | meaning |\n| --- | --- |\n";
  for (const LatencyName& name : LatencyNames())
    absl::StrAppend(&out, "| `latency.", name.word, "` | ", name.doc, " |\n");
  absl::StrAppend(&out,
                  "\n## Metrics\n| metric | parts | dimension | kind | meaning |\n| --- | --- | --- | --- | --- |\n");
  for (const Metric& metric : MetricCatalog()) {
    absl::StrAppend(&out, "| `", metric.name, "` | ", PartWord(metric.part),
                    metric.part == Metric::Part::kNone ? "" : " ", "| ", DimensionCell(metric), " | ",
                    KindCell(metric), " | ", metric.doc);
    if (!metric.bracket_names.empty()) {
      absl::StrAppend(&out, " `", metric.name, "[REASON]`: ", absl::StrJoin(metric.bracket_names, ", "), ".");
    }
    absl::StrAppend(&out, " |\n");
  }
  return out;
}

}  // namespace feedfarm
