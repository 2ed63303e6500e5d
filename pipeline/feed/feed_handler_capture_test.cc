// The real IEX capture through the feed handler: as one line, and as two lines of which each loses packets.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"
#include "pipeline/capture/capture_reader.h"
#include "pipeline/feed/feed_handler.h"

namespace feedfarm {
namespace {

constexpr uint64_t kMessages = 391'999;
constexpr uint64_t kPackets = 121'314;
constexpr uint64_t kRestarts = 11;

struct FakeClock {
  const uint64_t* now_ns;
  uint64_t operator()() const { return *now_ns; }
};

// Plays payloads on two lines, 20 us apart, line B a little behind; some packets of a line are lost, never both copies.
class PairSource final : public PacketSource {
 public:
  PairSource(const std::vector<std::vector<uint8_t>>* payloads, bool lossy) : payloads_(payloads), lossy_(lossy) {}

  size_t Receive(std::span<Packet> out) override {
    if (at_ == 2 * payloads_->size()) return 0;
    const auto& payload = (*payloads_)[at_ / 2];
    const auto line = static_cast<LineId>(at_ % 2);
    now_ns += line == LineId::kA ? 14'000 : 6'000;
    if (line == LineId::kA) lost_ = lossy_ ? static_cast<int>(rng_.Below(10)) : -1;
    ++at_;
    if (lost_ == static_cast<int>(line)) return 0;
    out[0] = {.payload = payload.data(),
              .size = static_cast<uint32_t>(payload.size()),
              .line = line,
              .timestamp_class = TimestampClass::kSoftware,
              .receive_tai_ns = now_ns};
    return 1;
  }
  void Release(std::span<const Packet>) override {}
  void Wait(uint64_t) override {}
  bool exhausted() const override { return at_ == 2 * payloads_->size(); }
  SourceCounters Counters() const override { return {}; }

  uint64_t now_ns = 1'000'000'000;

 private:
  const std::vector<std::vector<uint8_t>>* payloads_;
  const bool lossy_;
  Rng rng_{7};
  size_t at_ = 0;
  int lost_ = -1;
};

class IexCapture : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("FEEDFARM_DATA");
    if (folder == nullptr) GTEST_SKIP() << "FEEDFARM_DATA is not set";
    auto reader = CaptureReader::Open(std::string(folder) + "/iex-deep10-20170425.pcap.gz");
    if (!reader.ok()) GTEST_SKIP() << reader.status();
    for (;;) {
      auto record = (*reader)->Next();
      ASSERT_TRUE(record.ok()) << record.status();
      if (!*record) break;
      payloads_.emplace_back((*record)->payload.begin(), (*record)->payload.end());
    }
  }

  FeedCounters Play(bool lossy) {
    PairSource source(&payloads_, lossy);
    FeedEventQueue events;
    LatencyHistograms histograms;
    FeedHandlerOptions options;
    options.arbiter.first_sequence = 0;
    auto handler = FeedHandler<IexDeepProtocol, FakeClock>::Create(options, &source, nullptr, &events, &histograms,
                                                                   nullptr, FakeClock{&source.now_ns});
    EXPECT_TRUE(handler.ok());
    while (!source.exhausted()) (*handler)->Poll();
    (*handler)->Finish();
    return (*handler)->Snapshot();
  }

  // What the capture holds, by the framing alone: whole packets in their order.
  uint64_t ReferenceHash() {
    StreamHash hash;
    uint32_t generation = 0;
    uint64_t expected = 0;
    BlockIndex blocks;
    for (const auto& payload : payloads_) {
      const PacketHeader header = iextp::IexTp::ParseHeader(payload);
      if (header.kind == PacketKind::kMalformed) continue;
      if (header.first_sequence < expected) ++generation;
      expected = header.first_sequence + header.count;
      if (header.kind != PacketKind::kData || !iextp::IexTp::IndexBlocks(payload, header, blocks)) continue;
      for (uint32_t i = 0; i < header.count; ++i) {
        hash.Add(generation, header.first_sequence + i, std::span(payload).subspan(blocks[i].offset, blocks[i].length));
      }
    }
    return hash.value();
  }

  std::vector<std::vector<uint8_t>> payloads_;
};

TEST_F(IexCapture, ComesThroughWholeOnTwoLines) {
  const FeedCounters counters = Play(/*lossy=*/false);
  EXPECT_EQ(counters.messages, kMessages);
  EXPECT_EQ(counters.arbiter.session_restarts, kRestarts);
  EXPECT_EQ(counters.arbiter.session_changes, 0u);
  EXPECT_EQ(counters.stream_hash, ReferenceHash());
  EXPECT_EQ(counters.duplicates + counters.out_of_order + counters.malformed_messages, 0u);
  EXPECT_EQ(counters.recovery.gaps, 0u);
  EXPECT_EQ(counters.window_full, 0u);
  const std::map<char, uint64_t> types = {{'H', 93'638}, {'O', 93'638}, {'P', 93'636}, {'T', 83'343}, {'5', 14'627},
                                          {'8', 12'941}, {'B', 73},     {'E', 59},     {'S', 44}};
  for (const auto& [type, messages] : types) EXPECT_EQ(counters.types[static_cast<uint8_t>(type)], messages) << type;
  for (const LineCounters& line : counters.lines) {
    EXPECT_EQ(line.packets, kPackets + 1);
    EXPECT_EQ(line.malformed_packets, 1u);  // the last one is cut short
    EXPECT_EQ(line.heartbeats, 7'937u);
    EXPECT_EQ(line.stale_packets, 0u);
  }
}

TEST_F(IexCapture, ComesThroughWholeWhereEachLineLoses) {
  const FeedCounters counters = Play(/*lossy=*/true);
  EXPECT_EQ(counters.messages, kMessages);
  EXPECT_EQ(counters.stream_hash, ReferenceHash());
  EXPECT_EQ(counters.arbiter.session_restarts, kRestarts);
  EXPECT_EQ(counters.recovery.gaps, 0u);
  EXPECT_GT(counters.lines[1].first_copies, 10'000u);
}

}  // namespace
}  // namespace feedfarm
