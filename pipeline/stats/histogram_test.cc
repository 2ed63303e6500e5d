#include "pipeline/stats/histogram.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/allocation_guard.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

constexpr uint64_t kSeed = 20240611;

// Values spread over all magnitudes, as latencies are.
uint64_t RandomValue(Rng& rng) { return rng.Next() >> (30 + rng.Below(34)); }

TEST(Histogram, EveryCounterHoldsExactlyItsValues) {
  uint64_t next = 0;
  for (size_t index = 0; index < Histogram::kCounters; ++index) {
    ASSERT_EQ(Histogram::LowestAt(index), next);
    ASSERT_EQ(Histogram::IndexOf(Histogram::LowestAt(index)), index);
    ASSERT_EQ(Histogram::IndexOf(Histogram::HighestAt(index)), index);
    next = Histogram::HighestAt(index) + 1;
  }
  EXPECT_EQ(next, Histogram::kHighest + 1);
}

TEST(Histogram, KeepsThreeSignificantDigits) {
  for (size_t index = 1; index < Histogram::kCounters; ++index) {
    const double width = static_cast<double>(Histogram::HighestAt(index) - Histogram::LowestAt(index) + 1);
    ASSERT_TRUE(width == 1 || width / static_cast<double>(Histogram::LowestAt(index)) <= 0.001) << index;
  }
}

TEST(Histogram, AnswersZeroWhenEmpty) {
  Histogram histogram;
  EXPECT_TRUE(histogram.empty());
  EXPECT_EQ(histogram.Min(), 0u);
  EXPECT_EQ(histogram.Max(), 0u);
  EXPECT_EQ(histogram.Mean(), 0);
  EXPECT_EQ(histogram.StdDev(), 0);
  EXPECT_EQ(histogram.ValueAtQuantile(0.5), 0u);
}

TEST(Histogram, QuantilesAreThoseOfTheSortedSamples) {
  Rng rng(kSeed);
  Histogram histogram;
  std::vector<uint64_t> samples;
  for (int i = 0; i < 20'000; ++i) samples.push_back(RandomValue(rng));
  for (uint64_t value : samples) histogram.Record(value);
  std::sort(samples.begin(), samples.end());
  for (double quantile : {0.0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    const size_t rank = std::max<size_t>(1, static_cast<size_t>(std::ceil(quantile * 20'000 - 1e-6)));
    const uint64_t sample = std::min(samples[rank - 1], Histogram::kHighest);
    EXPECT_EQ(histogram.ValueAtQuantile(quantile), Histogram::HighestAt(Histogram::IndexOf(sample))) << quantile;
  }
  EXPECT_EQ(histogram.Count(), 20'000u);
  EXPECT_EQ(histogram.Min(), Histogram::LowestAt(Histogram::IndexOf(samples.front())));
}

TEST(Histogram, RankOfAQuantileIsNotPushedUpByRounding) {
  Histogram histogram;
  for (uint64_t value = 1; value <= 1000; ++value) histogram.Record(value);
  EXPECT_EQ(histogram.ValueAtQuantile(0.999), 999u);
  EXPECT_EQ(histogram.ValueAtQuantile(0.5), 500u);
  EXPECT_EQ(histogram.ValueAtQuantile(1), 1000u);
  EXPECT_EQ(histogram.ValueAtQuantile(0), 1u);
  EXPECT_DOUBLE_EQ(histogram.Mean(), 500.5);
  EXPECT_NEAR(histogram.StdDev(), 288.675, 0.001);
}

TEST(Histogram, ClampsValuesAboveTheHighestAndCountsThem) {
  Histogram histogram;
  histogram.Record(Histogram::kHighest);
  EXPECT_EQ(histogram.saturated(), 0u);
  histogram.Record(Histogram::kHighest + 1);
  histogram.Record(~uint64_t{0});
  EXPECT_EQ(histogram.saturated(), 2u);
  EXPECT_EQ(histogram.Count(), 3u);
  EXPECT_EQ(histogram.CountAt(Histogram::kCounters - 1), 3u);
  EXPECT_EQ(histogram.Max(), Histogram::kHighest);
}

TEST(Histogram, MergeAddsEveryCounter) {
  Rng rng(kSeed);
  Histogram a, b, both;
  for (int i = 0; i < 50'000; ++i) {
    const uint64_t value = RandomValue(rng);
    (i % 3 == 0 ? a : b).Record(value);
    both.Record(value);
  }
  a.Merge(b);
  EXPECT_EQ(a, both);
  EXPECT_EQ(a.saturated(), both.saturated());
}

TEST(Histogram, CountsPast32BitsByRecordingAndByMerging) {
  Histogram recorded;
  recorded.RecordCount(5, (uint64_t{1} << 31) - 1);
  recorded.Record(5);
  recorded.Record(5);
  EXPECT_EQ(recorded.CountAt(5), (uint64_t{1} << 31) + 1);
  Histogram merged;
  merged.RecordCount(5, (uint64_t{1} << 31) - 1);
  merged.Merge(merged);
  EXPECT_EQ(merged.CountAt(5), (uint64_t{1} << 32) - 2);
  merged.Merge(recorded);
  EXPECT_EQ(merged.CountAt(5), (uint64_t{1} << 32) + (uint64_t{1} << 31) - 1);
  EXPECT_EQ(merged.Count(), merged.CountAt(5));
  merged.Reset();
  EXPECT_TRUE(merged.empty());
}

TEST(Histogram, CountersStopAtTheLargestThatTheEncodingHolds) {
  constexpr uint64_t kLargest = (uint64_t{1} << 63) - 1;
  Histogram histogram;
  histogram.RecordCount(7, kLargest - 1);
  histogram.Record(7);
  EXPECT_EQ(histogram.CountAt(7), kLargest);
  histogram.Record(7);
  EXPECT_EQ(histogram.CountAt(7), kLargest);
  histogram.Merge(histogram);
  EXPECT_EQ(histogram.CountAt(7), kLargest);
  histogram.RecordCount(8, kLargest);
  histogram.RecordCount(9, kLargest);
  EXPECT_EQ(histogram.Count(), ~uint64_t{0});
}

TEST(Histogram, CopiesAreIndependent) {
  Histogram original;
  original.Record(1);
  Histogram copy = original;
  copy.Record(2);
  EXPECT_EQ(original.Count(), 1u);
  EXPECT_EQ(copy.Count(), 2u);
  Histogram moved = std::move(copy);
  copy = original;
  EXPECT_EQ(copy, original);
  EXPECT_EQ(moved.Count(), 2u);
}

TEST(Histogram, AllocatesNothingAfterItsCreation) {
  Histogram a, b;
  AllocationGuard guard;
  for (uint64_t value = 0; value < 10'000; ++value) a.Record(value * value);
  b.Merge(a);
  a.Reset();
  EXPECT_EQ(b.Count(), 10'000u);
  EXPECT_EQ(guard.allocations(), 0u);
}

}  // namespace
}  // namespace feedfarm
