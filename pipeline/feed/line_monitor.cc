#include "pipeline/feed/line_monitor.h"

#include <algorithm>

namespace feedfarm {

void LineMonitor::OnAnyPacket(LineId line, uint64_t receive_ns) {
  Line& self = lines_[Index(line)];
  // Overdue and only now shown: it had failed over all the same, Check had no occasion.
  if (taken_over_ns_[Index(line)] != 0 && !self.silent) CheckOverdue(Index(line), receive_ns);
  if (self.seen && (self.silent || self.cuts != 0)) EndSilence(line, receive_ns);
  self.seen = true;
  self.gone_on_ns = 0;
  last_ns_[Index(line)] = receive_ns;
  taken_over_ns_[Index(line)] = 0;
  const size_t other = Index(line) ^ 1;
  if (taken_over_ns_[other] != 0 && lines_[other].gone_on_ns == 0 && receive_ns > taken_over_ns_[other] + dwell_ns_) {
    lines_[other].gone_on_ns = receive_ns;
  }
  calm_ = std::all_of(lines_.begin(), lines_.end(), [](const Line& each) {
    return each.seen && !each.silent && each.gone_on_ns == 0 && each.cuts == 0;
  });
}

void LineMonitor::OnRun(std::span<const Packet> packets, std::span<const uint32_t> fresh, Span span) {
  const uint64_t earliest_ns = std::min({span.earliest_ns, last_ns_[0], last_ns_[1]});
  if (calm_ && span.latest_ns <= earliest_ns + dwell_ns_) {
    EndCalmRun(LineId::kA, packets, fresh);
    EndCalmRun(LineId::kB, packets, fresh);
    return;
  }
  for (size_t i = 0; i < packets.size(); ++i) {
    OnPacket(packets[i].line, packets[i].receive_tai_ns);
    if (fresh[i] != 0) OnFirstCopy(packets[i].line, packets[i].receive_tai_ns);
  }
}

void LineMonitor::OnRun(std::span<const Packet> packets, std::span<const uint32_t> fresh, uint64_t receive_ns) {
  for (size_t i = 0; i < packets.size(); ++i) {
    OnPacket(packets[i].line, receive_ns);
    if (fresh[i] != 0) OnFirstCopy(packets[i].line, receive_ns);
  }
}

void LineMonitor::EndCalmRun(LineId line, std::span<const Packet> packets, std::span<const uint32_t> fresh) {
  uint64_t& last_ns = last_ns_[Index(line)];
  uint64_t& taken_over_ns = taken_over_ns_[Index(line)];
  size_t behind = packets.size();  // its own last packet
  while (behind != 0 && packets[behind - 1].line != line) --behind;
  if (behind != 0) {
    last_ns = packets[behind - 1].receive_tai_ns;
    taken_over_ns = 0;
  }
  for (size_t i = behind; i < packets.size() && taken_over_ns == 0; ++i) {
    if (fresh[i] != 0 && packets[i].receive_tai_ns > last_ns) taken_over_ns = packets[i].receive_tai_ns;
  }
}

void LineMonitor::EndSilence(LineId id, uint64_t receive_ns) {
  Line& line = lines_[Index(id)];
  const uint64_t last_ns = last_ns_[Index(id)];
  const uint64_t silence_ns = receive_ns > last_ns ? receive_ns - last_ns : 0;
  if (line.silent) line.silence_max_ns = std::max(line.silence_max_ns, silence_ns);
  line.silent = false;
  size_t kept = 0;
  for (size_t i = 0; i < line.cuts; ++i) {
    const Cut cut = line.armed[i];
    if (receive_ns >= cut.start_ns && last_ns < cut.end_ns) {
      line.cut_max_ns = std::max(line.cut_max_ns, silence_ns);
    }
    if (receive_ns < cut.end_ns) line.armed[kept++] = cut;
  }
  line.cuts = kept;
}

void LineMonitor::FailOver(size_t line, uint64_t now_ns) {
  Line& self = lines_[line];
  self.silent = true;
  const uint64_t failover_ns = taken_over_ns_[line] - last_ns_[line];
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
  calm_ = false;
}

}  // namespace feedfarm
