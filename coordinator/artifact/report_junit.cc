#include <ctime>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "coordinator/artifact/report_writer.h"
#include "coordinator/artifact/xml_text.h"
#include "coordinator/gate/exit_code.h"

namespace feedfarm {
namespace {

// Where JUnit puts a verdict: failures are facts about the subject, errors are not.
enum class Place { kPassed, kFailure, kError, kSkipped };

Place PlaceOf(v1::Verdict verdict) {
  switch (verdict) {
    case v1::VERDICT_PASSED:
      return Place::kPassed;
    case v1::VERDICT_FAILED:
    case v1::VERDICT_BREACHED:
      return Place::kFailure;
    case v1::VERDICT_NOT_RUN:
    case v1::VERDICT_SKIPPED:
      return Place::kSkipped;
    default:  // infrastructure error, inconclusive, cancelled; unspecified
      return Place::kError;
  }
}

std::string Seconds(uint64_t from_ns, uint64_t to_ns) {
  return absl::StrFormat("%.3f", to_ns > from_ns ? static_cast<double>(to_ns - from_ns) / 1e9 : 0.0);
}

std::string Timestamp(uint64_t unix_ns) {
  const time_t seconds = static_cast<time_t>(unix_ns / 1'000'000'000u);
  tm broken_down;
  char text[32] = "1970-01-01T00:00:00";
  if (gmtime_r(&seconds, &broken_down) != nullptr) strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &broken_down);
  return text;
}

std::string Element(absl::string_view name, const v1::RunResult& result) {
  const std::string reasons = absl::StrJoin(result.reasons(), "\n");
  const std::string first = result.reasons().empty() ? "" : result.reasons(0);
  const std::string verdict = VerdictName(result.verdict());
  if (name == "skipped")
    return absl::StrCat("      <skipped message=\"", XmlEscape(first.empty() ? verdict : first), "\"/>\n");
  return absl::StrCat("      <", name, " type=\"", XmlEscape(verdict), "\" message=\"", XmlEscape(first), "\">",
                      XmlEscape(reasons), "</", name, ">\n");
}

std::string TestCase(const CampaignReport& report, const ReportRun& run) {
  const v1::RunResult& result = run.status.result();
  std::string out = absl::StrCat("    <testcase classname=\"", XmlEscape(report.status.name()), "\" name=\"",
                                 XmlEscape(absl::StrCat(run.status.scenario(), " #", run.status.repetition())),
                                 "\" time=\"", Seconds(result.started_unix_ns(), result.finished_unix_ns()), "\"");
  switch (PlaceOf(result.verdict())) {
    case Place::kPassed:
      return absl::StrCat(out, "/>\n");
    case Place::kFailure:
      absl::StrAppend(&out, ">\n", Element("failure", result));
      break;
    case Place::kError:
      absl::StrAppend(&out, ">\n", Element("error", result));
      break;
    case Place::kSkipped:
      absl::StrAppend(&out, ">\n", Element("skipped", result));
      break;
  }
  return absl::StrCat(out, "    </testcase>\n");
}

}  // namespace

std::string ReportJunitXml(const CampaignReport& report) {
  int failures = 0;
  int errors = 0;
  int skipped = 0;
  std::string cases;
  for (const ReportRun& run : report.runs) {
    const Place place = PlaceOf(run.status.result().verdict());
    failures += place == Place::kFailure;
    errors += place == Place::kError;
    skipped += place == Place::kSkipped;
    absl::StrAppend(&cases, TestCase(report, run));
  }
  const v1::CampaignStatus& status = report.status;
  const std::string name = XmlEscape(status.name());
  const std::string time = Seconds(status.submitted_unix_ns(), status.finished_unix_ns());
  const std::string counts =
      absl::StrCat("tests=\"", report.runs.size(), "\" failures=\"", failures, "\" errors=\"", errors, "\"");
  return absl::StrCat("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"", name, "\" ", counts,
                      " time=\"", time, "\">\n  <testsuite name=\"", name, "\" ", counts, " skipped=\"", skipped,
                      "\" time=\"", time, "\" timestamp=\"", Timestamp(status.submitted_unix_ns()), "\" id=\"",
                      XmlEscape(status.campaign_id()), "\">\n", cases, "  </testsuite>\n</testsuites>\n");
}

}  // namespace feedfarm
