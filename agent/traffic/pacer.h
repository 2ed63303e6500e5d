#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "agent/traffic/line_plan.h"
#include "pipeline/source/packet_source.h"

namespace feedfarm {

// Says what the sender does now. Pure: the clock is an argument, sending is someone else's. A packet's due time never
// moves: a sender that is late sends at once, and the packets behind keep their times, so that a stall shows as
// lateness of every packet that it hit (no coordinated omission). Owned by one thread; the plan outlives it.
class Pacer {
 public:
  // Waits shorter than this are spun: what a timer wakes us too late, at its 99th percentile.
  static constexpr uint64_t kSpinNs = 60'000;
  // Longest sleep: how soon a stop is seen.
  static constexpr uint64_t kSleepNsMax = 20'000'000;

  enum class Action : uint8_t {
    kSend,   // `count` packets of `line`, beginning with `first`; they count as sent
    kSleep,  // until `until_ns`
    kSpin,   // until `until_ns`
  };
  struct Step {
    Action action = Action::kSpin;
    LineId line = LineId::kA;
    size_t count = 0;
    const StreamPacket* first = nullptr;
    uint64_t until_ns = 0;
    // kSend: a packet that the plan has no place for, sent after its end until the source is stopped.
    bool trailing = false;
  };

  // Times of packets count from start_ns.
  Pacer(const LinePlan& plan, uint64_t start_ns, size_t batch_max);

  Step Next(uint64_t now_ns);

  uint64_t start_ns() const { return start_ns_; }
  // Every planned packet was handed out by Next.
  bool planned_done() const;

 private:
  struct Cursor {
    const StreamPacket* next;
    const StreamPacket* end;
    StreamPacket trailing;
  };

  const StreamPacket& Head(const Cursor& cursor) const {
    return cursor.next < cursor.end ? *cursor.next : cursor.trailing;
  }

  uint64_t start_ns_;
  size_t batch_max_;
  uint64_t trailing_interval_ns_;
  std::array<Cursor, kLines> cursors_;
  StreamPacket sent_trailing_;
};

}  // namespace feedfarm
