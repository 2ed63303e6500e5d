// Decode alone over 1.5 million messages in memory: what a message costs when every field of it is used. Goal: 6 ns a
// message or less. JSON: --benchmark_format=json.
//
// RepeatingTypes: the types repeat in a short pattern, so that every branch is predicted: what decoding itself costs.
// RealOrder: the order flow of FEEDFARM_DATA/es-20231225.itch.gz, again and again. IndependentTypes: each type drawn by
// itself in the mix of a real day, the worst case for the branch predictor. What these two cost above the first is
// mispredicted dispatch, which a typed visitor cannot avoid where the next type cannot be known.
#include <benchmark/benchmark.h>

#include <array>
#include <concepts>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/rng.h"
#include "pipeline/capture/capture_reader.h"
#include "pipeline/itch/decode.h"
#include "pipeline/itch/order_event.h"
#include "pipeline/itch/sample_messages.h"

namespace feedfarm::itch {
namespace {

constexpr size_t kMessages = 1'500'000;

// Thousandths of a day's messages (30 December 2019), the two percent of others spread over the rest.
struct Share {
  char type;
  int thousandths;
};
constexpr std::array<Share, 12> kMix = {{{'A', 425},
                                         {'F', 16},
                                         {'D', 426},
                                         {'U', 80},
                                         {'E', 20},
                                         {'X', 11},
                                         {'C', 1},
                                         {'P', 8},
                                         {'I', 9},
                                         {'L', 2},
                                         {'Q', 1},
                                         {'H', 1}}};

struct Feed {
  std::vector<uint8_t> bytes;
  std::vector<uint32_t> offsets;  // one more than messages
};

char Draw(Rng& rng) {
  int at = static_cast<int>(rng.Below(1000));
  for (const Share& share : kMix) {
    if (at < share.thousandths) return share.type;
    at -= share.thousandths;
  }
  return 'A';
}

void Append(Feed& feed, std::span<const uint8_t> message) {
  feed.offsets.push_back(static_cast<uint32_t>(feed.bytes.size()));
  feed.bytes.insert(feed.bytes.end(), message.begin(), message.end());
}

Feed MakeIndependent() {
  Rng rng(20191230);
  Feed feed;
  for (size_t i = 0; i < kMessages; ++i) Append(feed, RandomMessage(Draw(rng), rng));
  feed.offsets.push_back(static_cast<uint32_t>(feed.bytes.size()));
  return feed;
}

Feed MakeRepeating() {
  constexpr std::string_view kPattern = "ADADADADUAD";
  Rng rng(20191230);
  Feed feed;
  for (size_t i = 0; i < kMessages; ++i) Append(feed, RandomMessage(kPattern[i % kPattern.size()], rng));
  feed.offsets.push_back(static_cast<uint32_t>(feed.bytes.size()));
  return feed;
}

// Empty where the file is not there.
Feed MakeReal() {
  Feed feed;
  const char* folder = std::getenv("FEEDFARM_DATA");
  while (folder != nullptr && feed.offsets.size() < kMessages) {
    auto reader = CaptureReader::Open(std::string(folder) + "/es-20231225.itch.gz");
    if (!reader.ok()) return {};
    while (feed.offsets.size() < kMessages) {
      const auto record = (*reader)->Next();
      if (!record.ok() || !record->has_value()) break;
      Append(feed, (*record)->payload);
    }
  }
  feed.offsets.push_back(static_cast<uint32_t>(feed.bytes.size()));
  return feed;
}

const Feed& Independent() {
  static const Feed feed = MakeIndependent();
  return feed;
}

const Feed& Repeating() {
  static const Feed feed = MakeRepeating();
  return feed;
}

const Feed& Real() {
  static const Feed feed = MakeReal();
  return feed;
}

// Sums every field, so that none of the loads may be left out.
class FieldSum {
 public:
  template <class... Field>
  void operator()(const Field&... fields) {
    (Add(fields), ...);
  }
  uint64_t sum = 0;

 private:
  template <class T>
  void Add(const T& field) {
    if constexpr (WalkedField<T>) {
      T::Walk(field, *this);
    } else if constexpr (StrongField<T>) {
      sum += field.value;
    } else if constexpr (std::integral<T>) {
      sum += static_cast<uint64_t>(field);
    } else {
      static_assert(sizeof(T) <= 8);
      uint64_t text = 0;
      std::memcpy(&text, field.data(), sizeof(T));
      sum += text;
    }
  }
};

template <class Visit>
void RunOver(benchmark::State& state, const Feed& feed, Visit visit) {
  if (feed.offsets.size() <= kMessages) return state.SkipWithError("FEEDFARM_DATA has no es-20231225.itch.gz");
  for (auto _ : state) {
    for (size_t i = 0; i < kMessages; ++i) {
      const uint8_t* at = feed.bytes.data() + feed.offsets[i];
      visit(std::span<const uint8_t>(at, feed.offsets[i + 1] - feed.offsets[i]));
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kMessages));
  state.counters["ns_a_message"] =
      benchmark::Counter(static_cast<double>(kMessages) * 1e-9,
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void DecodeEveryField(benchmark::State& state, const Feed& feed) {
  FieldSum sum;
  RunOver(state, feed, [&sum](std::span<const uint8_t> message) {
    benchmark::DoNotOptimize(Decode(message, [&sum]<class M>(const M& any) { M::Walk(any, sum); }));
  });
  benchmark::DoNotOptimize(sum.sum);
}

void BM_DecodeRepeatingTypes(benchmark::State& state) { DecodeEveryField(state, Repeating()); }
BENCHMARK(BM_DecodeRepeatingTypes)->Unit(benchmark::kMillisecond);

void BM_DecodeRealOrder(benchmark::State& state) { DecodeEveryField(state, Real()); }
BENCHMARK(BM_DecodeRealOrder)->Unit(benchmark::kMillisecond);

void BM_DecodeIndependentTypes(benchmark::State& state) { DecodeEveryField(state, Independent()); }
BENCHMARK(BM_DecodeIndependentTypes)->Unit(benchmark::kMillisecond);

// Messages about orders as one record, without a branch on the type; others by type.
void DecodeEvents(benchmark::State& state, const Feed& feed) {
  FieldSum sum;
  RunOver(state, feed, [&sum](std::span<const uint8_t> message) {
    OrderEvent event;
    if (DecodeOrderEvent(message, &event)) [[likely]] {
      sum(event.head, event.order, event.new_order, event.side, event.shares, event.stock, event.price, event.match,
          event.printable, event.attribution);
    } else {
      benchmark::DoNotOptimize(Decode(message, [&sum]<class M>(const M& any) { M::Walk(any, sum); }));
    }
  });
  benchmark::DoNotOptimize(sum.sum);
}

void BM_EventsRepeatingTypes(benchmark::State& state) { DecodeEvents(state, Repeating()); }
BENCHMARK(BM_EventsRepeatingTypes)->Unit(benchmark::kMillisecond);

void BM_EventsRealOrder(benchmark::State& state) { DecodeEvents(state, Real()); }
BENCHMARK(BM_EventsRealOrder)->Unit(benchmark::kMillisecond);

void BM_EventsIndependentTypes(benchmark::State& state) { DecodeEvents(state, Independent()); }
BENCHMARK(BM_EventsIndependentTypes)->Unit(benchmark::kMillisecond);

// The walk over the messages without a decode: what of the times above is memory and loop.
void BM_TouchOnly(benchmark::State& state) {
  uint64_t sum = 0;
  RunOver(state, Independent(), [&sum](std::span<const uint8_t> message) { sum += message.front() + message.back(); });
  benchmark::DoNotOptimize(sum);
}
BENCHMARK(BM_TouchOnly)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace feedfarm::itch

BENCHMARK_MAIN();
