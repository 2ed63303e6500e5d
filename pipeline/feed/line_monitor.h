#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "pipeline/feed/feed_event_queue.h"
#include "pipeline/source/packet_source.h"

namespace feedfarm {

// Watches whether each line is alive, by receive times. Pure, one thread; a few compares a packet.
//
// A line has failed over when the other line delivered something that it had not brought, and went on for longer than
// dwell, and it has still not brought anything: then its copy is overdue. (Silence alone says nothing: an idle feed is
// silent on both lines.)
// failover_ns runs from its last packet to the other line's first delivery after it. The failover ends with its next
// packet. Silences that overlap an armed cut are measured from the last packet before to the first after.
class LineMonitor {
 public:
  // events is borrowed.
  LineMonitor(uint64_t dwell_ns, FeedEventQueue* events) : dwell_ns_(dwell_ns), events_(events) {}

  // A well-formed packet of `line` at `receive_ns`.
  void OnPacket(LineId line, uint64_t receive_ns) {
    // What took over from the other line came behind its last packet: less than dwell later it is not overdue yet.
    if (calm_ && receive_ns <= last_ns_[Index(line) ^ 1] + dwell_ns_) [[likely]] {
      last_ns_[Index(line)] = receive_ns;
      taken_over_ns_[Index(line)] = 0;
      return;
    }
    OnAnyPacket(line, receive_ns);
  }

  // Between the earliest and the latest receive time of some packets.
  struct Span {
    uint64_t earliest_ns = UINT64_MAX;
    uint64_t latest_ns = 0;
  };
  // Packets that came one behind the other, `span` of their receive times; packets[i] brought fresh[i] messages that
  // the other line had not brought yet. The same as OnPacket and, where it brought some, OnFirstCopy for each of them.
  // Cost: a few compares in all, where both lines are alive.
  void OnRun(std::span<const Packet> packets, std::span<const uint32_t> fresh, Span span);
  // The same, all received at `receive_ns`.
  void OnRun(std::span<const Packet> packets, std::span<const uint32_t> fresh, uint64_t receive_ns);

  // Everything that has arrived was shown: a line whose copy is overdue has failed over. (In the middle of a backlog
  // the overdue copy may be a packet away: one line's packets come out of the source before the other's.)
  void Check() {
    for (size_t i = 0; i < kLines; ++i) {
      if (taken_over_ns_[i] != 0 && !lines_[i].silent) CheckOverdue(i, UINT64_MAX);
    }
  }

  // The packet brought messages that the other line had not brought yet. After OnPacket.
  void OnFirstCopy(LineId line, uint64_t receive_ns) {
    const size_t other = Index(line) ^ 1;
    if (taken_over_ns_[other] == 0 && lines_[other].seen) {
      taken_over_ns_[other] = receive_ns > last_ns_[other] ? receive_ns : 0;
    }
  }

  // The cut rule drops packets of `line` in [start_ns, start_ns + duration_ns). The last kCutsMax are remembered.
  void NoteCut(LineId line, uint64_t start_ns, uint64_t duration_ns);

  bool silent(LineId line) const { return lines_[Index(line)].silent; }
  uint64_t failovers() const { return failovers_; }
  uint64_t failover_max_ns() const { return failover_max_ns_; }
  // The longest silence around a cut; where there was no cut, the longest of a failover; 0 = none.
  uint64_t cut_measured_ns(LineId line) const {
    const Line& self = lines_[Index(line)];
    return self.cut_max_ns != 0 ? self.cut_max_ns : self.silence_max_ns;
  }

 private:
  static constexpr size_t kCutsMax = 16;
  struct Cut {
    uint64_t start_ns = 0;
    uint64_t end_ns = 0;
  };
  struct Line {
    bool seen = false;
    bool silent = false;
    uint64_t gone_on_ns = 0;  // the other line's first packet dwell after that; 0 = none
    uint64_t cut_max_ns = 0;
    uint64_t silence_max_ns = 0;
    size_t cuts = 0;
    std::array<Cut, kCutsMax> armed;
  };

  // `line` brought nothing before `until_ns`: did the other one go on for dwell after it took over?
  void CheckOverdue(size_t line, uint64_t until_ns) {
    const Line& self = lines_[line];
    if (self.gone_on_ns != 0 && self.gone_on_ns < until_ns) [[unlikely]]
      FailOver(line, self.gone_on_ns);
  }
  void OnAnyPacket(LineId line, uint64_t receive_ns);
  // `line` after a run during which nothing can be overdue.
  void EndCalmRun(LineId line, std::span<const Packet> packets, std::span<const uint32_t> fresh);
  void EndSilence(LineId line, uint64_t receive_ns);
  void FailOver(size_t line, uint64_t now_ns);

  const uint64_t dwell_ns_;
  FeedEventQueue* const events_;
  // Both lines were seen, neither is silent, overdue or about to be cut.
  bool calm_ = false;
  std::array<uint64_t, kLines> last_ns_{};
  std::array<uint64_t, kLines> taken_over_ns_{};  // the other line's first delivery since last_ns_; 0 = none
  std::array<Line, kLines> lines_;
  uint64_t failovers_ = 0;
  uint64_t failover_max_ns_ = 0;
};

}  // namespace feedfarm
