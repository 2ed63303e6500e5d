// Whatever a network brings, the feed handler neither crashes nor delivers anything twice or out of order.
#include <cstring>
#include <memory>
#include <vector>

#include "glog/logging.h"
#include "gtest/gtest.h"
#include "pipeline/base/rng.h"
#include "pipeline/feed/feed_handler.h"
#include "pipeline/iextp/segment_writer.h"
#include "pipeline/moldudp64/packet_writer.h"

namespace feedfarm {
namespace {

constexpr uint64_t kSeed = 20'250'602;
constexpr int kPackets = 250'000;

struct FakeClock {
  const uint64_t* now_ns;
  uint64_t operator()() const { return *now_ns; }
};

// Gives one packet at a time, in a buffer of exactly its size.
class OnePacketSource final : public PacketSource {
 public:
  void Put(const std::vector<uint8_t>& payload, LineId line) {
    bytes_.reset(new uint8_t[payload.size()]);
    if (!payload.empty()) std::memcpy(bytes_.get(), payload.data(), payload.size());
    packet_ = {.payload = bytes_.get(), .size = static_cast<uint32_t>(payload.size()), .line = line};
    full_ = true;
  }
  size_t Receive(std::span<Packet> out) override {
    if (!full_) return 0;
    out[0] = packet_;
    full_ = false;
    return 1;
  }
  void Release(std::span<const Packet>) override { bytes_.reset(); }
  void Wait(uint64_t) override {}
  SourceCounters Counters() const override { return {}; }

 private:
  std::unique_ptr<uint8_t[]> bytes_;
  Packet packet_;
  bool full_ = false;
};

// Answers with whatever the fuzzer has put there.
class NoisyChannel final : public RerequestChannel {
 public:
  void Send(std::span<const uint8_t>) override {}
  std::span<const uint8_t> Receive() override {
    taken_ = std::move(answer);
    answer.clear();
    return taken_;
  }
  std::vector<uint8_t> answer;

 private:
  std::vector<uint8_t> taken_;
};

template <class Protocol>
class Fuzzed {
 public:
  Fuzzed() {
    FeedHandlerOptions options;
    options.window = {.messages = 256, .bytes = 4 * 65'536};
    options.recovery.ranges_max = 16;
    handler_ = *FeedHandler<Protocol, FakeClock>::Create(options, &source_, &channel_, &events_, &histograms_, nullptr,
                                                         FakeClock{&now_ns_});
  }

  // One packet, and perhaps an answer, into a handler that has seen all those before.
  void FuzzOne(const std::vector<uint8_t>& payload, LineId line, const std::vector<uint8_t>& answer,
               uint64_t pause_ns) {
    now_ns_ += pause_ns;
    source_.Put(payload, line);
    channel_.answer = answer;
    handler_->Poll();
  }

  void Finish() {
    handler_->Finish();
    const FeedCounters counters = handler_->Snapshot();
    EXPECT_EQ(counters.duplicates, 0u);
    EXPECT_EQ(counters.out_of_order, 0u);
    EXPECT_EQ(counters.recovery.gap_messages,
              counters.recovery.recovered_messages + counters.recovery.unrecovered_messages);
    EXPECT_GT(counters.messages, 0u);
    EXPECT_GT(counters.lines[0].malformed_packets, 0u);
  }

 private:
  uint64_t now_ns_ = 1'000'000'000;
  OnePacketSource source_;
  NoisyChannel channel_;
  FeedEventQueue events_;
  LatencyHistograms histograms_;
  std::unique_ptr<FeedHandler<Protocol, FakeClock>> handler_;
};

template <class Writer, class Start>
std::vector<uint8_t> Fill(Rng& rng, Writer& writer, const Start& start) {
  start(writer);
  for (uint64_t count = rng.Below(6); count > 0; --count) {
    std::vector<uint8_t> message(rng.Below(60));
    for (uint8_t& byte : message) byte = static_cast<uint8_t>(rng.Next());
    writer.Append(message);
  }
  const auto view = writer.Finish();
  return {view.begin(), view.end()};
}

// A packet near the place where the stream is, then perhaps damaged.
std::vector<uint8_t> MakePacket(Rng& rng, bool iex, uint64_t& sequence) {
  sequence += rng.Below(4);
  if (rng.Below(2'000) == 0) sequence = 1;
  const uint64_t first = sequence + rng.Below(40) - std::min<uint64_t>(sequence, rng.Below(20));
  std::vector<uint8_t> packet;
  if (rng.Below(20) == 0) {
    packet.resize(rng.Below(120));
    for (uint8_t& byte : packet) byte = static_cast<uint8_t>(rng.Next());
    return packet;
  }
  if (iex) {
    iextp::SegmentWriter writer;
    packet = Fill(rng, writer, [&](auto& w) {
      w.Start({iextp::MakeSession(1, 1 + rng.Below(100) / 99), first, 0, 1'000'000 + first * 10 + rng.Below(200)});
    });
  } else {
    moldudp64::PacketWriter writer;
    packet = Fill(rng, writer,
                  [&](auto& w) { w.Start(moldudp64::MakeSession(rng.Below(500) == 0 ? "TWO" : "ONE"), first); });
    if (rng.Below(300) == 0) {
      const auto end = writer.EndOfSession(moldudp64::MakeSession("ONE"), first);
      packet.assign(end.begin(), end.end());
    }
  }
  if (rng.Below(4) == 0) {
    for (uint64_t edits = 1 + rng.Below(3); edits > 0; --edits) {
      packet[rng.Below(packet.size())] = static_cast<uint8_t>(rng.Next());
    }
  }
  if (rng.Below(10) == 0) packet.resize(rng.Below(packet.size()));
  return packet;
}

template <class Protocol>
void Fuzz(bool iex, uint64_t seed) {
  LOG(INFO) << "seed " << seed;
  Rng rng(seed);
  // Damaged sequences and sessions lead a handler astray for good: begin anew now and then.
  for (int round = 0; round < kPackets / 500; ++round) {
    Fuzzed<Protocol> fuzzed;
    uint64_t sequence = 1;
    fuzzed.FuzzOne({}, LineId::kA, {}, 0);
    for (int i = 0; i < 500; ++i) {
      const auto packet = MakePacket(rng, iex, sequence);
      const auto answer = rng.Below(3) == 0 ? MakePacket(rng, iex, sequence) : std::vector<uint8_t>();
      fuzzed.FuzzOne(packet, static_cast<LineId>(rng.Below(2)), answer, rng.Below(3'000'000));
    }
    fuzzed.Finish();
    if (::testing::Test::HasFailure()) FAIL() << "round " << round;
  }
}

TEST(FeedHandlerFuzz, SurvivesMold) { Fuzz<MoldItchProtocol>(false, kSeed); }
TEST(FeedHandlerFuzz, SurvivesIex) { Fuzz<IexDeepProtocol>(true, kSeed + 1); }

}  // namespace
}  // namespace feedfarm
