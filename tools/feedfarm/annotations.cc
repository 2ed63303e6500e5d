#include "tools/feedfarm/annotations.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "coordinator/artifact/text_table.h"
#include "coordinator/gate/exit_code.h"
#include "tools/feedfarm/units_text.h"

namespace feedfarm {
namespace {

constexpr size_t kAnnotationsMax = 10;

struct Finding {
  bool error = true;
  std::string title;
  std::string message;
};

std::string EscapeMessage(const std::string& text) {
  return absl::StrReplaceAll(text, {{"%", "%25"}, {"\r", "%0D"}, {"\n", "%0A"}});
}

std::string EscapeProperty(const std::string& text) {
  return absl::StrReplaceAll(EscapeMessage(text), {{":", "%3A"}, {",", "%2C"}});
}

std::string Cell(const std::string& text) { return absl::StrReplaceAll(Printable(text), {{"|", "\\|"}}); }

std::vector<Finding> Findings(const v1::CampaignStatus& status) {
  std::vector<Finding> findings;
  for (const auto& run : status.runs()) {
    const bool wrong = run.result().verdict() != v1::VERDICT_SKIPPED && run.result().verdict() != v1::VERDICT_CANCELLED;
    for (const auto& reason : run.result().reasons()) {
      // A broken gate speaks for itself below; of those without data each cause is told once.
      const bool no_data = absl::StrContains(reason, "no data: ");
      if (no_data || !absl::StartsWith(reason, "gate ")) findings.push_back({wrong && !no_data, run.scenario(), reason});
    }
    for (const auto& gate : run.result().gates()) {
      if (gate.outcome() != v1::GATE_OUTCOME_BROKEN) continue;
      // The reason of a broken gate tells what was measured.
      findings.push_back({true, run.scenario(), absl::StrCat("gate ", gate.expression(), ": ",
                                                             gate.reason().empty() ? gate.measured() : gate.reason())});
    }
  }
  // Errors before warnings; among equals, in the runs' order.
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.error > b.error; });
  return findings;
}

}  // namespace

std::string AnnotationsText(const v1::CampaignStatus& status) {
  std::string out;
  const std::vector<Finding> findings = Findings(status);
  for (size_t i = 0; i < std::min(findings.size(), kAnnotationsMax); ++i) {
    absl::StrAppend(&out, findings[i].error ? "::error" : "::warning", " title=", EscapeProperty(findings[i].title),
                    "::", EscapeMessage(findings[i].message), "\n");
  }
  if (findings.size() > kAnnotationsMax) {
    absl::StrAppend(&out, "::notice::", findings.size() - kAnnotationsMax, " more findings in the report\n");
  }
  absl::StrAppend(
      &out, "::group::feedfarm ", EscapeMessage(status.campaign_id()), ": ", VerdictName(status.verdict()),
      "\n| scenario | run | verdict | messages | gaps | duplicates |\n| --- | --- | --- | --- | --- | --- |\n");
  for (const auto& run : status.runs()) {
    const auto& handler = run.result().handler();
    absl::StrAppend(&out, "| ", Cell(run.scenario()), " | ", run.run_id(), " | ", VerdictName(run.result().verdict()),
                    " | ");
    if (run.result().has_handler()) {
      absl::StrAppend(&out, CountText(handler.messages()), " | ", handler.gaps(), " | ", handler.duplicates(), " |\n");
    } else {
      out += "- | - | - |\n";
    }
  }
  return out + "::endgroup::\n";
}

}  // namespace feedfarm
