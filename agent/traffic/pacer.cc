#include "agent/traffic/pacer.h"

#include <algorithm>

namespace feedfarm {

Pacer::Pacer(const LinePlan& plan, uint64_t start_ns, size_t batch_max)
    : start_ns_(start_ns), batch_max_(batch_max), trailing_interval_ns_(plan.trailing_interval_ns) {
  for (size_t line = 0; line < kLines; ++line) {
    const auto& packets = plan.lines[line];
    cursors_[line] = {packets.data(), packets.data() + packets.size(), plan.trailing[line]};
    cursors_[line].trailing.due_ns = (packets.empty() ? 0 : packets.back().due_ns) + trailing_interval_ns_;
  }
}

bool Pacer::planned_done() const {
  return std::all_of(cursors_.begin(), cursors_.end(), [](const Cursor& cursor) { return cursor.next == cursor.end; });
}

Pacer::Step Pacer::Next(uint64_t now_ns) {
  const bool b_first = Head(cursors_[1]).due_ns < Head(cursors_[0]).due_ns;
  const LineId line = b_first ? LineId::kB : LineId::kA;
  Cursor& cursor = cursors_[Index(line)];
  const uint64_t due_ns = start_ns_ + Head(cursor).due_ns;
  if (due_ns > now_ns + kSpinNs) {
    return {.action = Action::kSleep, .until_ns = std::min(due_ns - kSpinNs, now_ns + kSleepNsMax)};
  }
  if (due_ns > now_ns) return {.action = Action::kSpin, .until_ns = due_ns};
  Step step{.action = Action::kSend, .line = line};
  if (cursor.next == cursor.end) {
    sent_trailing_ = cursor.trailing;
    cursor.trailing.due_ns += trailing_interval_ns_;
    step.first = &sent_trailing_;
    step.count = 1;
    step.trailing = true;
    return step;
  }
  step.first = cursor.next;
  while (step.count < batch_max_ && cursor.next < cursor.end && start_ns_ + cursor.next->due_ns <= now_ns) {
    ++step.count;
    ++cursor.next;
  }
  return step;
}

}  // namespace feedfarm
