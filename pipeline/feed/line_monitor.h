#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

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
    Line& self = lines_[Index(line)];
    // Overdue and only now shown: it had failed over all the same, Check had no occasion.
    if (self.taken_over_ns != 0 && !self.silent) [[unlikely]]
      CheckOverdue(Index(line), receive_ns);
    if (self.seen && (self.silent || self.cuts != 0)) [[unlikely]]
      EndSilence(self, receive_ns);
    self.seen = true;
    self.last_ns = receive_ns;
    self.taken_over_ns = self.gone_on_ns = 0;
    Line& other = lines_[1 - Index(line)];
    if (other.taken_over_ns != 0 && other.gone_on_ns == 0 && receive_ns > other.taken_over_ns + dwell_ns_) {
      other.gone_on_ns = receive_ns;
    }
  }

  // Everything that has arrived was shown: a line whose copy is overdue has failed over. (In the middle of a backlog
  // the overdue copy may be a packet away: one line's packets come out of the source before the other's.)
  void Check() {
    for (size_t i = 0; i < kLines; ++i) {
      if (lines_[i].taken_over_ns != 0 && !lines_[i].silent) CheckOverdue(i, UINT64_MAX);
    }
  }

  // The packet brought messages that the other line had not brought yet. After OnPacket.
  void OnFirstCopy(LineId line, uint64_t receive_ns) {
    Line& other = lines_[1 - Index(line)];
    if (other.taken_over_ns == 0 && other.seen) other.taken_over_ns = receive_ns > other.last_ns ? receive_ns : 0;
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
    uint64_t last_ns = 0;
    uint64_t taken_over_ns = 0;  // the other line's first delivery since last_ns; 0 = none
    uint64_t gone_on_ns = 0;     // the other line's first packet dwell after that; 0 = none
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
  void EndSilence(Line& line, uint64_t receive_ns);
  void FailOver(size_t line, uint64_t now_ns);

  const uint64_t dwell_ns_;
  FeedEventQueue* const events_;
  std::array<Line, kLines> lines_;
  uint64_t failovers_ = 0;
  uint64_t failover_max_ns_ = 0;
};

}  // namespace feedfarm
