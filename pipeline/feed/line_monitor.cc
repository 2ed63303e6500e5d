#include "pipeline/feed/line_monitor.h"

#include <algorithm>

namespace feedfarm {

void LineMonitor::EndSilence(Line& line, uint64_t receive_ns) {
  const uint64_t silence_ns = receive_ns > line.last_ns ? receive_ns - line.last_ns : 0;
  if (line.silent) line.silence_max_ns = std::max(line.silence_max_ns, silence_ns);
  line.silent = false;
  size_t kept = 0;
  for (size_t i = 0; i < line.cuts; ++i) {
    const Cut cut = line.armed[i];
    if (receive_ns >= cut.start_ns && line.last_ns < cut.end_ns) {
      line.cut_max_ns = std::max(line.cut_max_ns, silence_ns);
    }
    if (receive_ns < cut.end_ns) line.armed[kept++] = cut;
  }
  line.cuts = kept;
}

void LineMonitor::FailOver(size_t line, uint64_t now_ns) {
  Line& self = lines_[line];
  self.silent = true;
  const uint64_t failover_ns = self.taken_over_ns - self.last_ns;
  ++failovers_;
  failover_max_ns_ = std::max(failover_max_ns_, failover_ns);
  events_->Push({.kind = FeedEventKind::kFailover,
                 .line = line == 0 ? 'A' : 'B',
                 .time_tai_ns = now_ns,
                 .duration_ns = failover_ns});
}

void LineMonitor::NoteCut(LineId line, uint64_t start_ns, uint64_t duration_ns) {
  Line& self = lines_[Index(line)];
  if (self.cuts == kCutsMax) {
    std::move(self.armed.begin() + 1, self.armed.end(), self.armed.begin());
    --self.cuts;
  }
  self.armed[self.cuts++] = {start_ns, start_ns + duration_ns};
}

}  // namespace feedfarm
