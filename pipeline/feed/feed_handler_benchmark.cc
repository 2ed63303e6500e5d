// Decode only: frames that lie in memory, both lines interleaved, through framing, arbiter, hash and
// histograms. One iteration is a batch of 64 frames; prints Google Benchmark's JSON with
// --benchmark_format=json.
#include <memory>
#include <vector>

#include "benchmark/benchmark.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/rng.h"
#include "pipeline/feed/feed_handler.h"
#include "pipeline/moldudp64/moldudp64.h"
#include "pipeline/moldudp64/packet_writer.h"

namespace feedfarm {
namespace {

constexpr uint64_t kReceiveNs = 1'000'000'000;

struct FixedClock {
  uint64_t operator()() const { return kReceiveNs + 700; }
};

// Frames that fit the cache, each handed out on line A and then on line B, again and again: their sequences are written
// anew each round, so that the stream has no end. That one store a frame is in the measurement.
class MemorySource final : public PacketSource {
 public:
  explicit MemorySource(uint32_t messages_per_packet) : messages_per_packet_(messages_per_packet) {
    Rng rng(1);
    for (size_t i = 0; i < kFrames; ++i) {
      moldudp64::PacketWriter writer;
      writer.Start(moldudp64::MakeSession("BENCH"), 1);
      for (uint32_t k = 0; k < messages_per_packet; ++k) {
        // The mix of a real day: mostly adds and deletes.
        std::vector<uint8_t> message(rng.Below(2) == 0 ? 36 : 19);
        for (uint8_t& byte : message) byte = static_cast<uint8_t>(rng.Next());
        message[0] = message.size() == 36 ? 'A' : 'D';
        writer.Append(message);
      }
      const auto view = writer.Finish();
      frames_.emplace_back(view.begin(), view.end());
    }
  }

  size_t Receive(std::span<Packet> out) override {
    for (size_t i = 0; i + 2 <= out.size(); i += 2, ++sent_) {
      std::vector<uint8_t>& frame = frames_[sent_ % kFrames];
      StoreBig<uint64_t>(frame.data() + moldudp64::kSequenceOffset, 1 + sent_ * messages_per_packet_);
      for (LineId line : {LineId::kA, LineId::kB}) {
        out[i + Index(line)] = {.payload = frame.data(),
                                .size = static_cast<uint32_t>(frame.size()),
                                .line = line,
                                .timestamp_class = TimestampClass::kSoftware,
                                .receive_tai_ns = kReceiveNs + (sent_ & 255),
                                .intended_tai_ns = kReceiveNs};
      }
    }
    return out.size();
  }
  void Release(std::span<const Packet>) override {}
  void Wait(uint64_t) override {}
  SourceCounters Counters() const override { return {}; }

 private:
  static constexpr size_t kFrames = 1024;
  const uint32_t messages_per_packet_;
  std::vector<std::vector<uint8_t>> frames_;
  uint64_t sent_ = 0;
};

void DecodeOnly(benchmark::State& state) {
  MemorySource source(static_cast<uint32_t>(state.range(0)));
  LatencyHistograms histograms;
  FeedEventQueue events;
  auto handler = FeedHandler<MoldItchProtocol, FixedClock>::Create({}, &source, nullptr, &events, &histograms, nullptr);
  uint64_t frames = 0;
  for (auto _ : state) frames += (*handler)->Poll();
  const FeedCounters counters = (*handler)->Snapshot();
  if (counters.duplicates != 0 || counters.messages != frames / 2 * static_cast<uint64_t>(state.range(0))) {
    state.SkipWithError("the stream is not whole");
  }
  const auto per = benchmark::Counter::kIsRate | benchmark::Counter::kInvert;
  state.counters["s_per_frame"] = benchmark::Counter(static_cast<double>(frames), per);
  state.counters["s_per_message"] = benchmark::Counter(static_cast<double>(counters.messages), per);
}
BENCHMARK(DecodeOnly)->Arg(1)->Arg(8)->Arg(38)->ArgName("messages_per_packet");

}  // namespace
}  // namespace feedfarm

BENCHMARK_MAIN();
