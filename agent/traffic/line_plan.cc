#include "agent/traffic/line_plan.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/traffic/line_faults.h"
#include "agent/traffic/line_schedule.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

using Kind = StreamPacket::Kind;
using Packets = std::vector<StreamPacket>;

constexpr uint64_t kTrailingNsDefault = 1'000'000'000;

bool OnLine(v1::Line lines, LineId line) {
  if (lines == v1::LINE_UNSPECIFIED || lines == v1::LINE_BOTH) return true;
  return (lines == v1::LINE_A) == (line == LineId::kA);
}

uint64_t LastDueNs(const Packets& packets) { return packets.empty() ? 0 : packets.back().due_ns; }

std::vector<v1::Fault> InOrderOfTime(const v1::Scenario& scenario) {
  std::vector<v1::Fault> faults(scenario.faults().begin(), scenario.faults().end());
  std::stable_sort(faults.begin(), faults.end(), [](const auto& a, const auto& b) { return a.at_ns() < b.at_ns(); });
  return faults;
}

bool IsOurs(const v1::Fault& fault) { return fault.has_gap() || fault.has_duplicate() || fault.has_reorder(); }

absl::Status CheckFaults(const std::vector<v1::Fault>& faults, uint64_t last_due_ns) {
  for (const v1::Fault& fault : faults) {
    if (!IsOurs(fault) || fault.at_ns() <= last_due_ns) continue;
    return absl::InvalidArgumentError(absl::StrCat("fault of line ", fault.line(), " at ", fault.at_ns(),
                                                   " ns is after the last packet, due at ", last_due_ns, " ns"));
  }
  return absl::OkStatus();
}

// Where a line stands after the packets seen so far.
class Published {
 public:
  void See(const StreamPacket& packet) {
    if (packet.kind == Kind::kRaw) return;
    const uint64_t next = packet.sequence + packet.count;
    if (seen_ && std::tie(packet.generation, next) < std::tie(heartbeat_.generation, heartbeat_.sequence)) return;
    const bool same = seen_ && packet.generation == heartbeat_.generation;
    // The newest time on the line so far: a later one would make a late copy of this heartbeat look like a restart.
    heartbeat_.send_time_ns = std::max(same ? heartbeat_.send_time_ns : 0, packet.send_time_ns);
    heartbeat_.generation = packet.generation;
    heartbeat_.sequence = next;
    heartbeat_.first_index = std::max(heartbeat_.first_index, packet.end_index());
    seen_ = true;
  }
  bool any() const { return seen_; }
  StreamPacket HeartbeatAt(uint64_t due_ns, v1::FeedProtocol protocol) const {
    StreamPacket heartbeat = heartbeat_;
    heartbeat.due_ns = due_ns;
    heartbeat.kind = Kind::kHeartbeat;
    heartbeat.bytes = HeaderBytes(protocol);
    return heartbeat;
  }

 private:
  StreamPacket heartbeat_;
  bool seen_ = false;
};

class Planner {
 public:
  Planner(const v1::Scenario& scenario, uint64_t seed, uint64_t packets_max, StreamContent& content)
      : traffic_(scenario.traffic()),
        faults_(InOrderOfTime(scenario)),
        seed_(seed),
        packets_max_(packets_max),
        content_(content) {}

  absl::StatusOr<LinePlan> Plan() {
    if (content_.packets.empty()) return absl::InvalidArgumentError("no packets to send");
    FEEDFARM_RETURN_IF_ERROR(MakeLines());
    FEEDFARM_RETURN_IF_ERROR(CheckFaults(faults_, std::max(LastDueNs(Line(LineId::kA)), LastDueNs(Line(LineId::kB)))));
    const bool faulted = std::any_of(faults_.begin(), faults_.end(), IsOurs);
    const std::array<Packets, kLines> before = faulted ? plan_.lines : std::array<Packets, kLines>();
    MakeGaps();
    MoveAndDouble();
    for (const LineId line : {LineId::kA, LineId::kB}) {
      const Packets& intended = faulted ? before[Index(line)] : Line(line);
      FEEDFARM_RETURN_IF_ERROR(AddHeartbeats(intended, Line(line)));
      AddTail(intended, line);
    }
    return std::move(plan_);
  }

 private:
  Packets& Line(LineId line) { return plan_.lines[Index(line)]; }

  absl::Status MakeLines() {
    Packets& a = Line(LineId::kA);
    a = std::move(content_.packets);
    FEEDFARM_RETURN_IF_ERROR(ScheduleLineA(traffic_, a));
    Line(LineId::kB) = traffic_.repack_b() ? RepackLineB(content_, traffic_, a, PacketBytesMax(traffic_), seed_) : a;
    const int64_t skew_ns = traffic_.skew_b_ns();
    for (StreamPacket& packet : Line(skew_ns < 0 ? LineId::kA : LineId::kB)) {
      packet.due_ns += static_cast<uint64_t>(skew_ns < 0 ? -skew_ns : skew_ns);
    }
    return absl::OkStatus();
  }

  void MakeGaps() {
    std::array<std::vector<MessageRange>, kLines> ranges;
    for (const v1::Fault& fault : faults_) {
      if (!fault.has_gap()) continue;
      const LineId chooser = fault.gap().lines() == v1::LINE_B ? LineId::kB : LineId::kA;
      const MessageRange range = ChooseGap(*content_.store, Line(chooser), fault.at_ns(), fault.gap().messages());
      for (const LineId line : {LineId::kA, LineId::kB}) {
        if (OnLine(fault.gap().lines(), line)) ranges[Index(line)].push_back(range);
      }
    }
    for (const LineId line : {LineId::kA, LineId::kB}) {
      ranges[Index(line)] = Normalize(std::move(ranges[Index(line)]));
      LeaveOut(content_, ranges[Index(line)], Line(line));
    }
    plan_.gap_messages = MessagesIn(Intersect(ranges[0], ranges[1]));
  }

  void MoveAndDouble() {
    for (const LineId line : {LineId::kA, LineId::kB}) {
      for (const v1::Fault& fault : faults_) {
        if (!fault.has_reorder() || !OnLine(fault.reorder().lines(), line)) continue;
        plan_.reordered_packets +=
            Reorder(fault.at_ns(), fault.reorder().packets(), fault.reorder().distance(), Line(line));
      }
      for (const v1::Fault& fault : faults_) {
        if (!fault.has_duplicate() || !OnLine(fault.duplicate().lines(), line)) continue;
        plan_.duplicate_packets += Duplicate(fault.at_ns(), fault.duplicate().packets(), Line(line));
      }
    }
  }

  // `intended`: the line without faults (may be `packets` itself), which says what a heartbeat tells. Heartbeats fill
  // the silence between packets, START included, and not a silence that a gap makes shorter than heartbeat_ns.
  absl::Status AddHeartbeats(const Packets& intended, Packets& packets) {
    const uint64_t every_ns = traffic_.heartbeat_ns();
    Packets filled;
    filled.reserve(packets.size());
    Published published;
    auto next = intended.begin();
    uint64_t last_ns = 0;
    for (const StreamPacket& packet : packets) {
      for (uint64_t at_ns = last_ns + every_ns; every_ns != 0 && at_ns < packet.due_ns; at_ns += every_ns) {
        for (; next != intended.end() && next->due_ns <= at_ns; ++next) published.See(*next);
        if (published.any()) filled.push_back(published.HeartbeatAt(at_ns, content_.protocol));
        if (filled.size() > packets_max_) break;
      }
      filled.push_back(packet);
      last_ns = packet.due_ns;
      if (filled.size() > packets_max_) {
        return absl::InvalidArgumentError(absl::StrCat(
            "more than ", packets_max_, " packets on a line, heartbeats every ", every_ns, " ns included"));
      }
    }
    packets = std::move(filled);
    return absl::OkStatus();
  }

  void AddTail(const Packets& intended, LineId line) {
    Published published;
    for (const StreamPacket& packet : intended) published.See(packet);
    const bool ended = intended.back().kind == Kind::kEndOfSession;
    Packets& packets = Line(line);
    uint64_t at_ns = std::max(LastDueNs(packets), LastDueNs(intended));
    for (int i = 0; i < kTailHeartbeats && !ended; ++i) {
      packets.push_back(published.HeartbeatAt(at_ns += kTailSpacingNs, content_.protocol));
    }
    StreamPacket end = published.HeartbeatAt(0, content_.protocol);
    if (content_.protocol == v1::FEED_PROTOCOL_MOLDUDP64_ITCH50) end.kind = Kind::kEndOfSession;
    const int end_packets = faults_.empty() ? kEndPacketsWithoutFaults : kEndPackets;
    for (int i = 0; i < end_packets; ++i) {
      end.due_ns = at_ns += kEndSpacingNs;
      packets.push_back(end);
    }
    plan_.trailing[Index(line)] = end;
    const uint64_t every_ns = traffic_.heartbeat_ns() == 0 ? kTrailingNsDefault : traffic_.heartbeat_ns();
    plan_.trailing_interval_ns = std::max(every_ns, kEndSpacingNs);
  }

  const v1::Traffic& traffic_;
  const std::vector<v1::Fault> faults_;
  const uint64_t seed_;
  const uint64_t packets_max_;
  StreamContent& content_;
  LinePlan plan_;
};

}  // namespace

absl::StatusOr<LinePlan> PlanLines(const v1::Scenario& scenario, uint64_t seed, uint64_t packets_max,
                                   StreamContent& content) {
  return Planner(scenario, seed, packets_max, content).Plan();
}

}  // namespace feedfarm
