// Cost of recording, merging and encoding. Run: histogram_benchmark --benchmark_format=json
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <string>

#include "pipeline/base/rng.h"
#include "pipeline/stats/hdr_codec.h"
#include "pipeline/stats/histogram.h"

namespace feedfarm {
namespace {

// Latencies of 1 us to 16 us, about 3,000 counters: what a handler records.
Histogram Latencies(size_t count) {
  Rng rng(1);
  Histogram histogram;
  for (size_t i = 0; i < count; ++i) histogram.Record(1000 + rng.Below(15'000));
  return histogram;
}

void BM_Record(benchmark::State& state) {
  Rng rng(1);
  std::array<uint64_t, 4096> values;
  for (uint64_t& value : values) value = 1000 + rng.Below(15'000);
  Histogram histogram;
  for (auto _ : state) {
    for (uint64_t value : values) histogram.Record(value);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(values.size()));
  state.counters["ns_per_record"] = benchmark::Counter(static_cast<double>(state.iterations() * values.size()) * 1e-9,
                                                       benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_Record);

void BM_Merge25600Counters(benchmark::State& state) {
  Histogram every, total;
  for (size_t index = 0; index < Histogram::kCounters; ++index) every.Record(Histogram::LowestAt(index));
  for (auto _ : state) {
    total.Merge(every);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(Histogram::kCounters));
}
BENCHMARK(BM_Merge25600Counters)->Iterations(100'000);

void BM_ValueAtQuantile(benchmark::State& state) {
  const Histogram histogram = Latencies(100'000);
  for (auto _ : state) benchmark::DoNotOptimize(histogram.ValueAtQuantile(0.999));
}
BENCHMARK(BM_ValueAtQuantile);

void BM_EncodeCompressed(benchmark::State& state) {
  const Histogram histogram = Latencies(100'000);
  size_t bytes = 0;
  for (auto _ : state) bytes = EncodeHdrV2Compressed(histogram).size();
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(BM_EncodeCompressed);

void BM_DecodeCompressed(benchmark::State& state) {
  const std::string encoded = EncodeHdrV2Compressed(Latencies(100'000));
  for (auto _ : state) benchmark::DoNotOptimize(DecodeHdrV2Compressed(encoded));
}
BENCHMARK(BM_DecodeCompressed);

}  // namespace
}  // namespace feedfarm

BENCHMARK_MAIN();
