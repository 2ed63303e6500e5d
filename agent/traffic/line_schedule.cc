#include "agent/traffic/line_schedule.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

constexpr double kSecondNs = 1e9;
constexpr uint64_t kPart = 0xB11E;
// A year: longer than any schedule, and far from where sums of times overflow.
constexpr uint64_t kDueNsMax = uint64_t{365} * 24 * 3600 * 1'000'000'000;

uint64_t Clamped(double due_ns) {
  return due_ns >= static_cast<double>(kDueNsMax) ? kDueNsMax : static_cast<uint64_t>(std::llround(due_ns));
}

// Walks line A's data packets in the order of their messages and says when each message is due.
class MessageTimes {
 public:
  MessageTimes(const std::vector<StreamPacket>& line_a, uint64_t interval_ns) : interval_ns_(interval_ns) {
    for (const StreamPacket& packet : line_a) {
      if (packet.kind == StreamPacket::Kind::kData) packets_.push_back(&packet);
    }
    std::stable_sort(packets_.begin(), packets_.end(),
                     [](const auto* a, const auto* b) { return a->first_index < b->first_index; });
  }

  // `index` rises from call to call.
  uint64_t DueNs(uint64_t index) {
    const StreamPacket& packet = Holder(index);
    const uint64_t behind = packet.end_index() - 1 - index;
    const uint64_t early = interval_ns_ * behind / packet.count;
    return packet.due_ns - std::min(packet.due_ns, early);
  }
  const StreamPacket& Holder(uint64_t index) {
    while (packets_[at_]->end_index() <= index) ++at_;
    return *packets_[at_];
  }

 private:
  std::vector<const StreamPacket*> packets_;
  uint64_t interval_ns_;
  size_t at_ = 0;
};

// What comes first on a line: earlier, then what needs fewer messages before it; data follows a control packet that
// names it as the next.
bool Before(const StreamPacket& a, const StreamPacket& b) {
  const auto key = [](const StreamPacket& packet) {
    return std::tuple(packet.due_ns, packet.generation, packet.first_index, packet.kind == StreamPacket::Kind::kData);
  };
  return key(a) < key(b);
}

}  // namespace

absl::Status ScheduleLineA(const v1::Traffic& traffic, std::vector<StreamPacket>& packets) {
  const bool fixed = traffic.schedule_case() == v1::Traffic::kRatePps;
  const double value = fixed ? traffic.rate_pps() : traffic.speed();
  if (!(value > 0) || !std::isfinite(value)) {
    return absl::InvalidArgumentError(absl::StrCat("traffic needs a rate_pps or a speed above 0, not ", value));
  }
  uint64_t number = 0, newest_ns = 0;
  for (StreamPacket& packet : packets) {
    const double due_ns =
        fixed ? static_cast<double>(number) * kSecondNs / value : static_cast<double>(packet.due_ns) / value;
    newest_ns = packet.due_ns = std::max(newest_ns, Clamped(due_ns));
    ++number;
  }
  return absl::OkStatus();
}

std::vector<StreamPacket> RepackLineB(const StreamContent& content, const v1::Traffic& traffic,
                                      const std::vector<StreamPacket>& line_a, uint32_t bytes_max, uint64_t seed) {
  const MessageStore& store = *content.store;
  const bool fixed = traffic.schedule_case() == v1::Traffic::kRatePps;
  MessageTimes times(line_a, fixed ? Clamped(kSecondNs / traffic.rate_pps()) : 0);
  Rng rng = Rng(seed).Fork(kPart);
  std::vector<StreamPacket> data;
  uint64_t newest_ns = 0;
  for (const StreamSegment& segment : store.segments()) {
    const uint64_t end = store.segment_end(segment);
    for (uint64_t first = segment.first_index; first < end;) {
      const uint64_t most = std::min<uint64_t>(1 + rng.Below(2 * times.Holder(first).count), end - first);
      const uint64_t first_due_ns = times.DueNs(first);
      uint64_t due_ns = first_due_ns, count = 1;
      for (; count < most && PayloadBytes(content, first, count + 1) <= bytes_max; ++count) {
        const uint64_t next_due_ns = times.DueNs(first + count);
        if (next_due_ns > first_due_ns + kRepackSpanNs) break;
        due_ns = std::max(due_ns, next_due_ns);
      }
      newest_ns = std::max(newest_ns, due_ns);
      data.push_back({.due_ns = newest_ns,
                      .first_index = first,
                      .sequence = segment.first_sequence + (first - segment.first_index),
                      .send_time_ns = store.send_time(first),
                      .count = static_cast<uint32_t>(count),
                      .generation = segment.generation,
                      .bytes = static_cast<uint16_t>(PayloadBytes(content, first, count))});
      first += count;
    }
  }
  std::vector<StreamPacket> control;
  std::copy_if(line_a.begin(), line_a.end(), std::back_inserter(control),
               [](const StreamPacket& packet) { return packet.kind != StreamPacket::Kind::kData; });
  std::vector<StreamPacket> line_b(data.size() + control.size());
  std::merge(data.begin(), data.end(), control.begin(), control.end(), line_b.begin(), Before);
  return line_b;
}

}  // namespace feedfarm
