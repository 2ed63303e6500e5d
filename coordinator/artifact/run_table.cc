#include "coordinator/artifact/run_table.h"

#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "coordinator/artifact/latency_summary.h"
#include "coordinator/artifact/text_table.h"
#include "coordinator/gate/exit_code.h"
#include "coordinator/gate/metric_catalog.h"

namespace feedfarm {
namespace {

// A count or a time in ms from the catalog; "-" where there is none.
std::string Cell(const v1::RunResult& result, absl::string_view name) {
  const Metric& metric = *FindMetric(name);
  if (!result.has_handler()) return "-";
  const std::optional<MetricValue> value = metric.get({&result.handler(), &result.source()}, "");
  if (!value.has_value()) return "-";
  if (metric.dimension == Dimension::kDuration) {
    const double ms = value->number / 1e6;
    return ms < 1000 ? absl::StrFormat("%.3g", ms) : absl::StrFormat("%.0f", ms);
  }
  return absl::StrFormat("%.15g", value->number);
}

std::vector<LatencySummary> DecodeLatencies(const v1::RunResult& result) {
  std::vector<LatencySummary> out;
  for (const LatencySummary& summary : SummarizeLatencies(result)) {
    if (summary.metric == v1::LATENCY_METRIC_DECODE) out.push_back(summary);
  }
  return out;
}

void AddRows(const v1::RunStatus& run, bool repeated, TextTable* table) {
  const v1::RunResult& result = run.result();
  std::vector<std::string> cells = {RunName(run, repeated), VerdictName(result.verdict())};
  for (const char* metric : {"messages", "gaps", "duplicates", "failover_ms", "recovery_ms"})
    cells.push_back(Cell(result, metric));
  const std::vector<LatencySummary> latencies = DecodeLatencies(result);
  if (latencies.empty()) {
    for (int i = 0; i < 4; ++i) cells.push_back("-");
    return table->AddRow(std::move(cells));
  }
  for (const LatencySummary& summary : latencies) {
    cells.push_back(std::string(TimestampClassWord(summary.timestamp_class)));
    for (const auto& quantile : {summary.p50, summary.p99, summary.p999}) cells.push_back(FormatQuantile(quantile));
    table->AddRow(std::move(cells));
    // A second class: the same run, nothing said twice.
    cells.assign(7, "");
  }
}

}  // namespace

std::string RunName(const v1::RunStatus& run, bool repeated) {
  return repeated ? absl::StrCat(run.scenario(), " #", run.repetition()) : run.scenario();
}

std::string RunTable(const std::vector<v1::RunStatus>& runs) {
  constexpr auto kRight = TextTable::Align::kRight;
  TextTable table;
  table.AddColumn("SCENARIO");
  table.AddColumn("VERDICT");
  for (const char* title : {"MESSAGES", "GAPS", "DUPLICATES", "FAILOVER MS", "RECOVERY MS"})
    table.AddColumn(title, kRight);
  table.AddColumn("CLASS");
  for (const char* title : {"DECODE P50", "P99", "P99.9"}) table.AddColumn(title, kRight);
  std::map<std::string, int> repetitions;
  for (const v1::RunStatus& run : runs) ++repetitions[run.scenario()];
  for (const v1::RunStatus& run : runs) AddRows(run, repetitions[run.scenario()] > 1, &table);
  return table.ToString();
}

}  // namespace feedfarm
