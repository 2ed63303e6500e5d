#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "pipeline/base/rng.h"
#include "pipeline/feed/framing.h"
#include "pipeline/feed/rerequest_channel.h"
#include "pipeline/source/packet_source.h"

namespace feedfarm::testing {

// A feed in a test tube: messages of several generations, two lines that lose, double, delay and repack them, and a
// re-request server that loses and shortens its answers; everything from one seed, time is a number.
struct SimulationOptions {
  uint64_t seed = 1;
  bool iex = false;  // IEX-TP with session restarts; otherwise MoldUDP64 with session changes
  uint32_t generations = 1;
  uint32_t messages = 2'000;  // of each generation
  uint32_t packet_messages_max = 8;
  uint64_t packet_interval_ns = 20'000;
  int64_t skew_b_ns = 30'000;
  bool repack_b = false;
  double loss[kLines] = {0, 0};
  double duplicate = 0;  // a packet comes twice
  double delay = 0;      // a packet comes late by up to delay_ns_max
  uint64_t delay_ns_max = 0;
  uint64_t both_gap_at = 0;  // this message and the next both_gap_messages are on no line; 0 = none
  uint64_t both_gap_messages = 0;
  double answer_loss = 0;
  uint32_t answer_messages_max = 20;
  uint64_t answer_delay_ns = 100'000;
  bool server = true;
  uint64_t server_keeps_messages = 0;  // answers only for the newest ones; 0 = for all
  uint64_t join_at = 0;                // packets before this message of the first generation are on no line
  // Well-formed packets that are not of this feed, each once on one line: of other sessions, of far too high sequences,
  // and with IEX-TP one restart and one send time that are none, in the last generation. The third comes before all
  // else.
  uint32_t strays = 0;
  // Packets near the end of each generation are neither lost nor delayed: a lost tail cannot be noticed.
  uint32_t safe_tail_messages = 200;
};

struct SimulatedMessage {
  uint32_t generation = 0;
  uint64_t sequence = 0;
  uint64_t send_time_ns = 0;  // of the packet on line A that holds it
  std::vector<uint8_t> bytes;
};

// Packets in the order of their arrival. Receive gives at most what has arrived by now(); each payload is a heap buffer
// of exactly its size that is freed by Release, so that a use after release is found by the sanitizer.
class SimulatedSource final : public PacketSource {
 public:
  SimulatedSource(const uint64_t* now_ns, Rng rng) : now_ns_(now_ns), rng_(rng) {}
  ~SimulatedSource() override;

  void Add(uint64_t arrival_ns, LineId line, std::vector<uint8_t> payload);
  bool empty() const { return packets_.empty(); }
  uint64_t next_arrival_ns() const { return packets_.begin()->first; }
  size_t outstanding() const { return held_.size(); }

  size_t Receive(std::span<Packet> out) override;
  void Release(std::span<const Packet> packets) override;
  void Wait(uint64_t) override {}
  SourceCounters Counters() const override { return {}; }

 private:
  struct Arrival {
    LineId line;
    std::vector<uint8_t> payload;
  };
  const uint64_t* now_ns_;
  Rng rng_;
  std::multimap<uint64_t, Arrival> packets_;
  std::map<uint64_t, uint8_t*> held_;
  uint64_t next_buffer_ = 1;
};

class FeedSimulation {
 public:
  explicit FeedSimulation(const SimulationOptions& options);

  uint64_t now_ns = 1'000'000'000'000;
  SimulatedSource& source() { return source_; }
  RerequestChannel* channel() { return options_.server ? &server_ : nullptr; }

  // Lets time pass to the next thing that happens, a few microseconds at least. False when nothing will.
  bool Advance(bool handler_busy);

  // StreamHash of all messages in order, once each.
  uint64_t reference_hash() const;
  uint64_t messages() const { return messages_.size(); }
  const SimulatedMessage& message(uint64_t index) const { return messages_[index]; }
  // Messages whose time has come.
  uint64_t sent() const;
  SessionId Session(uint32_t generation) const;
  uint64_t requests() const { return server_.requests; }

 private:
  class Server final : public RerequestChannel {
   public:
    explicit Server(FeedSimulation* simulation) : simulation_(simulation) {}
    void Send(std::span<const uint8_t> request) override;
    std::span<const uint8_t> Receive() override;
    uint64_t requests = 0;
    std::multimap<uint64_t, std::vector<uint8_t>> answers;

   private:
    FeedSimulation* simulation_;
    std::vector<uint8_t> current_;
  };

  // Messages [first, end) of messages_ as one packet.
  std::vector<uint8_t> MakePacket(size_t first, size_t end) const;
  std::vector<uint8_t> MakeControl(PacketKind kind, uint32_t generation, uint64_t next, uint64_t send_time_ns) const;
  void MakeMessages();
  void MakeLine(LineId line, uint64_t start_ns);
  void MakeStrays();
  std::vector<uint8_t> MakeStray(uint32_t number, const SimulatedMessage& now, Rng& rng) const;
  // A packet with a heartbeat where there are no messages.
  std::vector<uint8_t> Write(const SessionId& session, uint64_t first_sequence, uint64_t send_time_ns,
                             const std::vector<std::vector<uint8_t>>& messages) const;
  bool InBothGap(size_t first, size_t end) const;

  SimulationOptions options_;
  Rng rng_;
  std::vector<SimulatedMessage> messages_;
  std::vector<size_t> cuts_a_;    // packet boundaries of line A
  std::vector<uint64_t> due_ns_;  // of each message, since start
  uint64_t start_ns_ = 0;
  SimulatedSource source_;
  Server server_;
};

}  // namespace feedfarm::testing
