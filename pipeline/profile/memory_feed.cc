#include "pipeline/profile/memory_feed.h"

#include <algorithm>

#include "pipeline/base/rng.h"
#include "pipeline/itch/synthetic_day.h"
#include "pipeline/moldudp64/moldudp64.h"
#include "pipeline/moldudp64/packet_writer.h"

namespace feedfarm {
namespace {

// Messages of one zone may be lost on one line only: even zones on A, odd ones on B.
constexpr uint64_t kZoneMessages = 256;
// No packet near the end is lost or late: nobody can notice a lost tail.
constexpr uint64_t kSafeTail = 1'000;

bool OrderByOrder(uint8_t type) {
  constexpr uint8_t kTypes[] = {'A', 'F', 'E', 'C', 'X', 'D', 'U'};
  return std::ranges::find(kTypes, type) != std::end(kTypes);
}

class FeedMaker {
 public:
  FeedMaker(const MessageStream& stream, const LineTrouble& trouble)
      : stream_(stream), trouble_(trouble), rng_(trouble.seed), came_(stream.size()) {
    feed_.session = moldudp64::MakeSession("PROFILE");
  }

  MemoryFeed Make() {
    for (const LineId line : {LineId::kA, LineId::kB}) MakeLine(line);
    std::ranges::stable_sort(feed_.arrivals, {}, &MemoryFeed::Arrival::at_ns);
    for (uint64_t i = 0; i < came_.size(); ++i) {
      if (came_[i]) continue;
      ++feed_.gap_messages;
      if (i == 0 || came_[i - 1]) ++feed_.gaps;
    }
    return std::move(feed_);
  }

 private:
  // Gap n is [first, first + gap_messages).
  uint64_t GapFirst(uint32_t n) const { return (n + 1) * stream_.size() / (trouble_.gaps + 1); }

  // Where the next gap's edge cuts a packet that begins at `first`; sets *inside where it begins within the gap.
  uint64_t EdgeBehind(uint64_t first, bool* inside) const {
    *inside = false;
    for (uint32_t n = 0; n < trouble_.gaps; ++n) {
      if (first < GapFirst(n)) return GapFirst(n);
      if (first < GapFirst(n) + trouble_.gap_messages) {
        *inside = true;
        return GapFirst(n) + trouble_.gap_messages;
      }
    }
    return stream_.size();
  }

  bool MayBeLost(LineId line, uint64_t first, uint64_t end) const {
    const uint64_t zone = first / kZoneMessages;
    return zone == (end - 1) / kZoneMessages && zone % kLines == Index(line) && end + kSafeTail < stream_.size();
  }

  void MakeLine(LineId line) {
    Rng rng = rng_.Fork(Index(line));
    uint64_t at_ns = line == LineId::kB ? trouble_.skew_b_ns : 0;
    for (uint64_t first = 0; first < stream_.size();) {
      bool gap = false;
      const uint64_t edge = EdgeBehind(first, &gap);
      const uint64_t wanted = line == LineId::kB && trouble_.repack_b ? 1 + rng.Below(2 * trouble_.messages_per_packet)
                                                                      : trouble_.messages_per_packet;
      const uint64_t end = std::min(edge, first + wanted);
      // Both lines go on at one pace, whatever their packets hold.
      at_ns = end * trouble_.interval_ns / trouble_.messages_per_packet + (line == LineId::kB ? trouble_.skew_b_ns : 0);
      if (gap) {
        first = end;
        continue;
      }
      first = PutPacket(line, first, end, at_ns, rng);
    }
    moldudp64::PacketWriter writer;
    Put(line, writer.Heartbeat(feed_.session, stream_.size() + 1), 0, at_ns + trouble_.interval_ns);
    Put(line, writer.EndOfSession(feed_.session, stream_.size() + 1), 0, at_ns + 2 * trouble_.interval_ns);
  }

  // Messages [first, end) or as many as fit; returns where it ended.
  uint64_t PutPacket(LineId line, uint64_t first, uint64_t end, uint64_t at_ns, Rng& rng) {
    writer_.Start(feed_.session, first + 1);
    uint32_t order_messages = 0;
    uint64_t next = first;
    while (next < end && writer_.Append(stream_[next])) order_messages += OrderByOrder(stream_[next++][0]) ? 1 : 0;
    // Always drawn, so that one setting does not change what another one does.
    const bool lost = rng.Uniform() < trouble_.loss && MayBeLost(line, first, next);
    const bool twice = rng.Uniform() < trouble_.duplicate;
    const bool late = rng.Uniform() < trouble_.reorder && next + kSafeTail < stream_.size();
    const uint64_t late_ns = rng.Below(trouble_.reorder_ns + 1);
    if (lost) {
      ++feed_.lost_packets;
      return next;
    }
    if (late) at_ns += late_ns;
    feed_.reordered_packets += late ? 1 : 0;
    feed_.duplicate_packets += twice ? 1 : 0;
    for (int copy = 0; copy < (twice ? 2 : 1); ++copy) Put(line, writer_.Finish(), order_messages, at_ns);
    std::fill(came_.begin() + static_cast<std::ptrdiff_t>(first), came_.begin() + static_cast<std::ptrdiff_t>(next),
              true);
    return next;
  }

  void Put(LineId line, std::span<const uint8_t> packet, uint32_t order_messages, uint64_t at_ns) {
    feed_.arrivals.push_back({.at_ns = at_ns,
                              .offset = feed_.bytes.size(),
                              .bytes = static_cast<uint32_t>(packet.size()),
                              .order_messages = order_messages,
                              .line = line});
    feed_.bytes.insert(feed_.bytes.end(), packet.begin(), packet.end());
  }

  const MessageStream& stream_;
  const LineTrouble trouble_;
  const Rng rng_;
  std::vector<bool> came_;  // a message, on either line
  moldudp64::PacketWriter writer_;
  MemoryFeed feed_;
};

}  // namespace

MessageStream::MessageStream(const Options& options) {
  itch::SyntheticDay day({.symbols = options.symbols, .live_orders = options.live_orders, .seed = options.seed},
                         [this](std::span<const uint8_t> message) {
                           bytes_.insert(bytes_.end(), message.begin(), message.end());
                           ends_.push_back(bytes_.size());
                         });
  day.Open();
  day.Run(options.messages > size() ? options.messages - size() : 1);
  day.Close();
}

MemoryFeed MakeMemoryFeed(const MessageStream& stream, const LineTrouble& trouble) {
  return FeedMaker(stream, trouble).Make();
}

}  // namespace feedfarm
