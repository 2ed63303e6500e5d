#include "tools/feedfarm/progress.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "coordinator/artifact/text_table.h"
#include "coordinator/gate/exit_code.h"
#include "tools/feedfarm/names.h"
#include "tools/feedfarm/units_text.h"

namespace feedfarm {
namespace {

constexpr size_t kBarCells = 24;
// Runs drawn at once: those that are active, and the newest finished ones around them.
constexpr size_t kBarsMax = 12;

bool Finished(const v1::RunStatus& run) { return run.result().verdict() != v1::VERDICT_UNSPECIFIED; }

std::string Bar(double progress) {
  const double share = std::clamp(progress, 0.0, 1.0);
  const auto full = static_cast<size_t>(share * kBarCells);
  return absl::StrCat("[", std::string(full, '#'), std::string(kBarCells - full, '.'), "]");
}

const char* Color(v1::Verdict verdict) {
  if (verdict == v1::VERDICT_PASSED) return "\x1b[32m";
  if (verdict == v1::VERDICT_UNSPECIFIED) return "";
  return verdict == v1::VERDICT_FAILED || verdict == v1::VERDICT_BREACHED || verdict == v1::VERDICT_INFRASTRUCTURE_ERROR
             ? "\x1b[31m"
             : "\x1b[33m";
}

std::string Now(const v1::RunStatus& run) {
  if (Finished(run)) return VerdictName(run.result().verdict());
  const std::string state = StateName(run.state());
  if (run.activity().empty() || run.activity() == state) return state;
  // "preparing: source is not ready" names its state itself.
  return run.activity().rfind(state, 0) == 0 ? Printable(run.activity()) : absl::StrCat(state, ": ", Printable(run.activity()));
}

}  // namespace

std::string Progress::Update(const v1::CampaignStatus& status, uint64_t now_ns) {
  return style_.redraw ? Bars(status) : Lines(status, now_ns);
}

std::string Progress::Bars(const v1::CampaignStatus& status) {
  size_t name_width = 0;
  for (const auto& run : status.runs()) name_width = std::max(name_width, run.scenario().size());
  const auto first_open = std::find_if(status.runs().begin(), status.runs().end(), [](const auto& run) { return !Finished(run); });
  const size_t open = static_cast<size_t>(first_open - status.runs().begin());
  const size_t count = static_cast<size_t>(status.runs_size());
  const size_t begin = count <= kBarsMax ? 0 : std::min(open > 2 ? open - 2 : 0, count - kBarsMax);

  std::string out;
  if (lines_drawn_ > 0) out = absl::StrCat("\x1b[", lines_drawn_, "A");
  size_t drawn = 0;
  for (size_t i = begin; i < std::min(count, begin + kBarsMax); ++i, ++drawn) {
    const v1::RunStatus& run = status.runs(static_cast<int>(i));
    const char* color = style_.color ? Color(run.result().verdict()) : "";
    absl::StrAppend(&out, "\r\x1b[K",
                    absl::StrFormat("%-*s %s %12s messages  %s%s%s", static_cast<int>(name_width), Printable(run.scenario()),
                                    Bar(Finished(run) ? 1 : run.progress()), CountText(run.messages()), color, Now(run),
                                    *color != 0 ? "\x1b[0m" : ""),
                    "\n");
  }
  absl::StrAppend(&out, "\r\x1b[K", status.runs_finished(), "/", status.runs_count(), " runs of ", status.campaign_id(), "\n");
  lines_drawn_ = drawn + 1;
  return out;
}

std::string Progress::Lines(const v1::CampaignStatus& status, uint64_t now_ns) {
  std::string out;
  for (const auto& run : status.runs()) {
    Shown& shown = shown_[run.run_id()];
    // The last state is told once, by its verdict.
    const v1::RunState state = Finished(run) ? v1::RUN_STATE_FINISHED : run.state();
    const bool changed = (state != shown.state || run.trial() != shown.trial) && state != v1::RUN_STATE_QUEUED;
    const bool again = state == v1::RUN_STATE_RUNNING && now_ns - shown.at_ns >= style_.line_interval_ns;
    if (!changed && !again) continue;
    shown = {state, run.trial(), now_ns};
    absl::StrAppend(&out, run.run_id(), " ", Printable(run.scenario()), ": ", Now(run),
                    state == v1::RUN_STATE_RUNNING || state == v1::RUN_STATE_FINISHED
                        ? absl::StrCat(", ", CountText(run.messages()), " messages")
                        : "",
                    "\n");
  }
  return out;
}

}  // namespace feedfarm
