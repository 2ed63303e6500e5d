// The whole handler on frames that lie in memory, both lines interleaved: MoldUDP64, arbitration, ITCH, stream hash,
// books and histograms; one core.
//
//   feed_handler_benchmark [--messages=4000000] [--live=1300000] [--symbols=8000] [--rounds=5] [--packing=0]
//
// A synthetic day (pipeline/itch/synthetic_day.h): opening and filling up to --live orders is not timed, then
// --messages of the real day's mix are, each packet on line A and then on line B. Interleaved in each round, for
// --packing messages a packet (0: for 1, 8 and 38), ns of processor time a frame (a packet on one line) and a message:
//   handler   everything but books
//   books     everything
//
// JSON on standard output: medians, least and all rounds.
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/book/book_stage.h"
#include "pipeline/book/itch_book.h"
#include "pipeline/feed/feed_handler.h"
#include "pipeline/itch/synthetic_day.h"
#include "pipeline/moldudp64/moldudp64.h"
#include "pipeline/moldudp64/packet_writer.h"

namespace feedfarm {
namespace {

constexpr uint64_t kReceiveNs = 1'000'000'000;

struct FixedClock {
  uint64_t operator()() const { return kReceiveNs + 700; }
};

struct Options {
  uint64_t messages = 4'000'000;
  uint64_t live = 1'300'000;
  uint64_t symbols = 8'000;
  uint64_t rounds = 5;
  uint64_t packing = 0;
};

// The day's packets, one behind another as a ring would hold them.
class Frames {
 public:
  Frames(const Options& options, uint32_t messages_per_packet) {
    moldudp64::PacketWriter writer;
    uint32_t in_packet = 0;
    uint64_t sequence = 1;
    const auto finish = [&] {
      if (in_packet == 0) return;
      const auto packet = writer.Finish();
      starts_.push_back(bytes_.size());
      bytes_.insert(bytes_.end(), packet.begin(), packet.end());
      in_packet = 0;
    };
    itch::SyntheticDay day({.symbols = static_cast<uint32_t>(options.symbols), .live_orders = options.live, .seed = 1},
                           [&](std::span<const uint8_t> message) {
                             if (in_packet == 0) writer.Start(moldudp64::MakeSession("BENCH"), sequence);
                             if (!writer.Append(message)) {
                               finish();
                               writer.Start(moldudp64::MakeSession("BENCH"), sequence);
                               writer.Append(message);
                             }
                             ++sequence;
                             if (++in_packet == messages_per_packet) finish();
                           });
    day.Open();
    day.Fill(options.live);
    finish();
    filled_ = starts_.size();
    const uint64_t filled_messages = sequence;
    day.Run(options.messages);
    finish();
    messages_ = sequence - filled_messages;
    starts_.push_back(bytes_.size());
  }

  size_t packets() const { return starts_.size() - 1; }
  // Packets before the timed ones.
  size_t filled() const { return filled_; }
  // Timed messages.
  uint64_t messages() const { return messages_; }
  std::span<const uint8_t> packet(size_t number) const {
    return {bytes_.data() + starts_[number], starts_[number + 1] - starts_[number]};
  }

 private:
  std::vector<uint8_t> bytes_;
  std::vector<size_t> starts_;
  size_t filled_ = 0;
  uint64_t messages_ = 0;
};

class MemorySource final : public PacketSource {
 public:
  explicit MemorySource(const Frames& frames) : frames_(frames) {}

  // Nothing is given out from packet `end` on.
  void SetEnd(size_t end) { end_ = end; }

  size_t Receive(std::span<Packet> out) override {
    size_t count = 0;
    for (; count + 2 <= out.size() && next_ < end_; ++next_) {
      const std::span<const uint8_t> packet = frames_.packet(next_);
      const Packet on_a{.payload = packet.data(),
                        .size = static_cast<uint32_t>(packet.size()),
                        .timestamp_class = TimestampClass::kSoftware,
                        .receive_tai_ns = kReceiveNs + (next_ & 255)};
      out[count++] = on_a;
      out[count] = on_a;
      out[count++].line = LineId::kB;
    }
    return count;
  }
  void Release(std::span<const Packet>) override {}
  void Wait(uint64_t) override {}
  SourceCounters Counters() const override { return {}; }

 private:
  const Frames& frames_;
  size_t next_ = 0;
  size_t end_ = 0;
};

double ProcessorNs() {
  timespec now;
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// Total ns of the timed part.
double RunOnce(const Frames& frames, BookStage* books) {
  MemorySource source(frames);
  LatencyHistograms histograms;
  FeedEventQueue events;
  auto handler =
      FeedHandler<MoldItchProtocol, FixedClock>::Create({}, &source, nullptr, &events, &histograms, books).value();
  source.SetEnd(frames.filled());
  while (handler->Poll() != 0) {
  }
  source.SetEnd(frames.packets());
  const uint64_t before = handler->Snapshot().messages;
  const double start_ns = ProcessorNs();
  while (handler->Poll() != 0) {
  }
  const double ns = ProcessorNs() - start_ns;
  const FeedCounters counters = handler->Snapshot();
  const uint64_t rejected = counters.book.outcomes[static_cast<size_t>(BookOutcome::kUnknownOrder)] +
                            counters.book.outcomes[static_cast<size_t>(BookOutcome::kOrdersFull)] +
                            counters.book.outcomes[static_cast<size_t>(BookOutcome::kLevelsFull)];
  if (counters.messages - before != frames.messages() || counters.duplicates != 0 || counters.recovery.gaps != 0 ||
      rejected != 0) {
    std::fprintf(stderr, "the stream did not come through whole: %lu of %lu messages, %lu gaps, %lu rejected, next %lu known %lu malformed %lu\n",
                 counters.messages - before, frames.messages(), counters.recovery.gaps, rejected, handler->arbiter().current().next(), handler->arbiter().current().known_end(), counters.lines[0].malformed_packets);
    std::exit(1);
  }
  return ns;
}

struct Row {
  const char* name;
  uint32_t messages_per_packet;
  std::vector<double> per_frame;
  std::vector<double> per_message;
};

void Print(const char* key, std::vector<double> values, const char* end) {
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  std::printf("\"%s\": {\"median\": %.2f, \"least\": %.2f, \"rounds\": [", key, sorted[sorted.size() / 2], sorted[0]);
  for (size_t i = 0; i < values.size(); ++i) std::printf("%s%.2f", i == 0 ? "" : ", ", values[i]);
  std::printf("]}%s", end);
}

int Main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    bool known = false;
    for (auto [name, value] : {std::pair<std::string_view, uint64_t*>{"--messages=", &options.messages},
                               {"--live=", &options.live},
                               {"--symbols=", &options.symbols},
                               {"--rounds=", &options.rounds},
                               {"--packing=", &options.packing}}) {
      if (!argument.starts_with(name)) continue;
      *value = std::strtoull(argument.data() + name.size(), nullptr, 10);
      known = *value != 0 || value == &options.packing;
    }
    if (!known) {
      std::fprintf(stderr, "feed_handler_benchmark: %s is not understood\n", argv[i]);
      return 2;
    }
  }
  auto book = ItchBook::Create({});
  if (!book.ok()) return 1;
  InlineBook<ItchBook> books(*std::move(book));
  std::vector<Row> rows;
  std::vector<std::unique_ptr<Frames>> frames;
  std::vector<uint32_t> packings = {1, 8, 38};
  if (options.packing != 0) packings = {static_cast<uint32_t>(options.packing)};
  for (uint32_t messages : packings) {
    frames.push_back(std::make_unique<Frames>(options, messages));
    rows.push_back({"handler", messages, {}, {}});
    rows.push_back({"books", messages, {}, {}});
  }
  for (uint64_t round = 0; round < options.rounds; ++round) {
    for (size_t i = 0; i < rows.size(); ++i) {
      const Frames& day = *frames[i / 2];
      books.Clear();
      const double ns = RunOnce(day, i % 2 == 0 ? nullptr : &books);
      rows[i].per_frame.push_back(ns / static_cast<double>(2 * (day.packets() - day.filled())));
      rows[i].per_message.push_back(ns / static_cast<double>(day.messages()));
    }
  }
  std::printf("{\"messages\": %lu, \"live\": %lu, \"symbols\": %lu, \"rows\": [\n", options.messages, options.live,
              options.symbols);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::printf("  {\"name\": \"%s\", \"messages_per_packet\": %u, ", rows[i].name, rows[i].messages_per_packet);
    Print("ns_per_frame", rows[i].per_frame, ", ");
    Print("ns_per_message", rows[i].per_message, i + 1 == rows.size() ? "}\n" : "},\n");
  }
  std::printf("]}\n");
  return 0;
}

}  // namespace
}  // namespace feedfarm

int main(int argc, char** argv) { return feedfarm::Main(argc, argv); }
