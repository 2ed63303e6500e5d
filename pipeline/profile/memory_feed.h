#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/feed/framing.h"
#include "pipeline/source/packet_source.h"

namespace feedfarm {

// The messages of one made-up day, one behind the other.
class MessageStream {
 public:
  struct Options {
    uint64_t messages = 200'000;  // at least that many
    uint32_t symbols = 8'000;
    uint64_t live_orders = 50'000;
    uint64_t seed = 1;
  };
  explicit MessageStream(const Options& options);

  uint64_t size() const { return ends_.size() - 1; }
  // Of sequence number `index` + 1.
  std::span<const uint8_t> operator[](uint64_t index) const {
    return std::span(bytes_).subspan(ends_[index], ends_[index + 1] - ends_[index]);
  }

 private:
  std::vector<uint8_t> bytes_;
  std::vector<size_t> ends_{0};
};

// What happens to a feed's packets on their way. Lines A and B never lose one message both, but in the gaps.
struct LineTrouble {
  uint32_t messages_per_packet = 4;
  bool repack_b = false;  // line B cuts the same messages into other packets
  double loss = 0;        // of the packets of a line, where the other has them
  double duplicate = 0;   // packets that come twice
  double reorder = 0;     // packets that come late, by up to reorder_ns
  uint64_t reorder_ns = 0;
  uint64_t skew_b_ns = 30'000;
  uint64_t interval_ns = 20'000;  // between packets of line A
  uint32_t gaps = 0;              // on both lines, spread over the stream
  uint32_t gap_messages = 0;      // of each
  uint64_t seed = 1;
};

// Every packet of both lines in the order of its arrival, and what was left out, counted while they were made.
struct MemoryFeed {
  struct Arrival {
    uint64_t at_ns = 0;  // since the start
    uint64_t offset = 0;
    uint32_t bytes = 0;
    uint32_t order_messages = 0;  // adds, executions, cancels, deletes, replaces
    LineId line = LineId::kA;
  };
  std::vector<uint8_t> bytes;
  std::vector<Arrival> arrivals;
  SessionId session;
  uint64_t lost_packets = 0;
  uint64_t duplicate_packets = 0;
  uint64_t reordered_packets = 0;
  // Messages that came on neither line, walked in the order of their sequence.
  uint64_t gaps = 0;
  uint64_t gap_messages = 0;
};

MemoryFeed MakeMemoryFeed(const MessageStream& stream, const LineTrouble& trouble);

}  // namespace feedfarm
