#include "agent/traffic/line_faults.h"

#include <algorithm>
#include <utility>

namespace feedfarm {
namespace {

using Kind = StreamPacket::Kind;

// The packets at and behind the first one that is due at `at_ns` or later.
size_t FirstDue(const std::vector<StreamPacket>& packets, uint64_t at_ns) {
  return std::lower_bound(packets.begin(), packets.end(), at_ns,
                          [](const StreamPacket& packet, uint64_t time) { return packet.due_ns < time; }) -
         packets.begin();
}

// End of the first data packet of each generation; the generation's start where it has none.
std::vector<uint64_t> FirstPacketEnds(const MessageStore& store, const std::vector<StreamPacket>& packets) {
  std::vector<uint64_t> ends;
  for (const StreamGeneration& generation : store.generations()) ends.push_back(generation.first_index);
  for (const StreamPacket& packet : packets) {
    if (packet.kind != Kind::kData) continue;
    const bool first = packet.first_index == store.generations()[packet.generation].first_index;
    if (first) ends[packet.generation] = std::max(ends[packet.generation], packet.end_index());
  }
  return ends;
}

bool MayPass(const StreamPacket& late, const StreamPacket& other) {
  return other.generation == late.generation && other.kind != Kind::kEndOfSession;
}

}  // namespace

std::vector<MessageRange> Normalize(std::vector<MessageRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<MessageRange> joined;
  for (const MessageRange& range : ranges) {
    if (range.first >= range.end) continue;
    if (!joined.empty() && range.first <= joined.back().end) {
      joined.back().end = std::max(joined.back().end, range.end);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

std::vector<MessageRange> Intersect(const std::vector<MessageRange>& a, const std::vector<MessageRange>& b) {
  std::vector<MessageRange> common;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const MessageRange both{std::max(a[i].first, b[j].first), std::min(a[i].end, b[j].end)};
    if (both.first < both.end) common.push_back(both);
    if (a[i].end < b[j].end) {
      ++i;
    } else {
      ++j;
    }
  }
  return common;
}

uint64_t MessagesIn(const std::vector<MessageRange>& ranges) {
  uint64_t messages = 0;
  for (const MessageRange& range : ranges) messages += range.end - range.first;
  return messages;
}

MessageRange ChooseGap(const MessageStore& store, const std::vector<StreamPacket>& packets, uint64_t at_ns,
                       uint64_t messages) {
  const size_t due = FirstDue(packets, at_ns);
  uint64_t first = 0;
  for (size_t i = 0; i < due; ++i) first = std::max(first, packets[i].end_index());
  if (messages == 0 || first >= store.messages()) return {};
  const std::vector<uint64_t> first_packet_ends = FirstPacketEnds(store, packets);
  const std::vector<StreamGeneration>& generations = store.generations();
  for (uint32_t number = store.segment(first).generation;; ++number) {
    const StreamGeneration& generation = generations[number];
    first = std::max(first, first_packet_ends[number]);
    const bool last = generation.end_index == store.messages();
    if (last) return {std::min(first, generation.end_index), std::min(first + messages, generation.end_index)};
    if (first + messages < generation.end_index) return {first, first + messages};
  }
}

void LeaveOut(const StreamContent& content, const std::vector<MessageRange>& ranges,
              std::vector<StreamPacket>& packets) {
  if (ranges.empty()) return;
  std::vector<StreamPacket> left;
  left.reserve(packets.size());
  const auto keep = [&](StreamPacket packet, uint64_t first, uint64_t end) {
    if (first >= end) return;
    packet.sequence += first - packet.first_index;
    packet.first_index = first;
    packet.count = static_cast<uint32_t>(end - first);
    packet.bytes = static_cast<uint16_t>(PayloadBytes(content, first, end - first));
    left.push_back(packet);
  };
  for (const StreamPacket& packet : packets) {
    auto range = std::upper_bound(ranges.begin(), ranges.end(), packet.first_index,
                                  [](uint64_t index, const MessageRange& range) { return index < range.end; });
    if (packet.kind != Kind::kData || range == ranges.end() || range->first >= packet.end_index()) {
      left.push_back(packet);
      continue;
    }
    uint64_t first = packet.first_index;
    for (; range != ranges.end() && range->first < packet.end_index(); ++range) {
      keep(packet, first, range->first);
      first = range->end;
    }
    keep(packet, first, packet.end_index());
  }
  packets = std::move(left);
}

uint64_t Reorder(uint64_t at_ns, uint64_t count, uint32_t distance, std::vector<StreamPacket>& packets) {
  if (distance == 0) return 0;
  uint64_t moved = 0;
  size_t at = FirstDue(packets, at_ns);
  // Whether packets[at]'s generation has had data before it.
  bool begun = std::any_of(packets.begin(), packets.begin() + at, [&](const StreamPacket& packet) {
    return at < packets.size() && packet.kind == Kind::kData && packet.generation == packets[at].generation;
  });
  while (moved < count && at < packets.size() && packets.size() - at > distance) {
    const StreamPacket late = packets[at];
    const auto next = packets.begin() + at + 1;
    const bool possible = late.kind == Kind::kData && begun &&
                          std::all_of(next, next + distance, [&](const auto& other) { return MayPass(late, other); });
    size_t passed = 1;
    if (possible) {
      std::move(next, next + distance, packets.begin() + at);
      packets[at + distance] = late;
      packets[at + distance].due_ns = packets[at + distance - 1].due_ns;
      ++moved;
      passed = distance + 1;
    }
    begun = begun || late.kind == Kind::kData;
    at += passed;
    if (at < packets.size() && packets[at].generation != late.generation) begun = false;
  }
  return moved;
}

uint64_t Duplicate(uint64_t at_ns, uint64_t count, std::vector<StreamPacket>& packets) {
  std::vector<StreamPacket> twice;
  size_t at = FirstDue(packets, at_ns);
  uint64_t doubled = 0;
  const size_t begin = at;
  for (; at < packets.size() && doubled < count; ++at) {
    twice.push_back(packets[at]);
    if (packets[at].kind != Kind::kData) continue;
    twice.push_back(packets[at]);
    ++doubled;
  }
  packets.erase(packets.begin() + begin, packets.begin() + at);
  packets.insert(packets.begin() + begin, twice.begin(), twice.end());
  return doubled;
}

}  // namespace feedfarm
