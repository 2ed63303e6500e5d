#include "pipeline/control/cut_schedule.h"

#include <algorithm>

namespace feedfarm {

void CutSchedule::Add(const CutCommand& cut) {
  std::vector<CutCommand>& waiting = lines_[Index(cut.line)].waiting;
  waiting.push_back(cut);
  std::sort(waiting.begin(), waiting.end(),
            [](const CutCommand& a, const CutCommand& b) { return a.start_tai_ns > b.start_tai_ns; });
}

std::optional<CutCommand> CutSchedule::Due(uint64_t now_ns) {
  for (Line& line : lines_) {
    if (line.waiting.empty() || now_ns < line.free_at_ns) continue;
    const CutCommand cut = line.waiting.back();
    line.waiting.pop_back();
    line.free_at_ns = cut.start_tai_ns + cut.duration_ns;
    return cut;
  }
  return std::nullopt;
}

uint64_t CutSchedule::NextNs() const {
  uint64_t next_ns = UINT64_MAX;
  for (const Line& line : lines_) {
    if (!line.waiting.empty()) next_ns = std::min(next_ns, line.free_at_ns);
  }
  return next_ns;
}

}  // namespace feedfarm
