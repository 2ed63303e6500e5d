#include <ctime>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "coordinator/artifact/latency_summary.h"
#include "coordinator/artifact/profile_table.h"
#include "coordinator/artifact/report_writer.h"
#include "coordinator/artifact/run_table.h"
#include "coordinator/artifact/search_table.h"
#include "coordinator/artifact/text_table.h"
#include "coordinator/campaign/units.h"
#include "coordinator/gate/exit_code.h"
#include "coordinator/gate/metric_catalog.h"

namespace feedfarm {
namespace {

std::string FormatUnixNs(uint64_t unix_ns) {
  const time_t seconds = static_cast<time_t>(unix_ns / 1'000'000'000u);
  tm broken_down;
  if (unix_ns == 0 || gmtime_r(&seconds, &broken_down) == nullptr) return "-";
  char text[32];
  strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &broken_down);
  return text;
}

std::string LatencyTable(const CampaignReport& report) {
  constexpr auto kRight = TextTable::Align::kRight;
  TextTable table;
  for (const char* title : {"RUN", "SCENARIO", "LATENCY", "CLASS"}) table.AddColumn(title);
  for (const char* title : {"SAMPLES", "MIN", "P50", "P99", "P99.9", "MAX"}) table.AddColumn(title, kRight);
  for (const ReportRun& run : report.runs) {
    for (const LatencySummary& summary : SummarizeLatencies(run.status.result())) {
      table.AddRow({run.status.run_id(), run.status.scenario(), std::string(LatencyWord(summary.metric)),
                    std::string(TimestampClassWord(summary.timestamp_class)), absl::StrCat(summary.count),
                    FormatQuantile(summary.min), FormatQuantile(summary.p50), FormatQuantile(summary.p99),
                    FormatQuantile(summary.p999), FormatQuantile(summary.max)});
    }
  }
  return table.empty() ? "" : absl::StrCat("Latencies\n", table.ToString(), "\n");
}

std::string Reasons(const CampaignReport& report) {
  std::string out;
  for (const ReportRun& run : report.runs) {
    const v1::RunResult& result = run.status.result();
    if (result.verdict() == v1::VERDICT_PASSED) continue;
    absl::StrAppend(&out, "  ", Printable(run.status.run_id()), " ", Printable(run.status.scenario()), ": ",
                    VerdictName(result.verdict()), "\n");
    for (const std::string& reason : result.reasons()) absl::StrAppend(&out, "    ", Printable(reason), "\n");
  }
  return out.empty() ? "" : absl::StrCat("Reasons\n", out, "\n");
}

// What a run's evidence does not have although it was judged.
std::string Unknown(const CampaignReport& report) {
  std::string out;
  for (const ReportRun& run : report.runs) {
    const v1::HandlerResult& handler = run.status.result().handler();
    if (handler.killed_unsampled_ns() == 0) continue;
    absl::StrAppend(&out, "  ", Printable(run.status.run_id()), " ", Printable(run.status.scenario()),
                    ": of handlers that were killed, up to ", handler.killed_unrecorded_samples(),
                    " samples of each latency, and drops in the kernel, cut packets, pool and page faults of the last ",
                    FormatDurationNs(static_cast<double>(handler.killed_unsampled_ns())), " before a kill\n");
  }
  return out.empty() ? "" : absl::StrCat("Not known\n", out, "\n");
}

std::string Hosts(const CampaignReport& report) {
  TextTable table;
  for (const char* title : {"RUN", "HOSTS", "RECEIVE TIME", "XDP", "FILES"}) table.AddColumn(title);
  for (const ReportRun& run : report.runs) {
    const v1::HandlerResult& handler = run.status.result().handler();
    const std::string xdp =
        handler.xdp_mode().empty() ? "-" : absl::StrCat(handler.xdp_mode(), " ", handler.bind_mode());
    table.AddRow({run.status.run_id(), HostsText(run.status), run.manifest.timestamp_source(), xdp, absl::StrCat("runs/", run.status.run_id())});
  }
  return table.empty() ? "" : absl::StrCat("Runs\n", table.ToString(), "\n");
}

}  // namespace

std::string ReportText(const CampaignReport& report) {
  const v1::CampaignStatus& status = report.status;
  std::vector<v1::RunStatus> runs;
  for (const ReportRun& run : report.runs) runs.push_back(run.status);
  std::string out = absl::StrCat("Campaign ", Printable(status.name()), " (", Printable(status.campaign_id()),
                                 "): ", VerdictName(status.verdict()), "\n");
  absl::StrAppend(&out, "seed ", status.seed(), ", submitted ", FormatUnixNs(status.submitted_unix_ns()), ", finished ",
                  FormatUnixNs(status.finished_unix_ns()), "\n\n", RunTable(runs), "\n", Reasons(report),
                  SearchTables(runs), ProfileTables(runs), LatencyTable(report), Unknown(report), Hosts(report));
  if (!report.reproduce.empty()) absl::StrAppend(&out, "Do it again, in the report folder\n  ", Printable(report.reproduce), "\n");
  return out;
}

}  // namespace feedfarm
