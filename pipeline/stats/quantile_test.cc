#include "pipeline/stats/quantile.h"

#include <cmath>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

Histogram FirstIntegers(uint64_t count) {
  Histogram histogram;
  for (uint64_t value = 1; value <= count; ++value) histogram.Record(value);
  return histogram;
}

// Tables of nonparametric intervals of the median (two-sided, at least 95 %).
TEST(Quantile, RanksAreThoseOfTheMediansTables) {
  struct Row {
    uint64_t count, low, high;
  };
  for (const Row& row :
       {Row{6, 1, 6}, Row{10, 2, 9}, Row{20, 6, 15}, Row{25, 8, 18}, Row{50, 18, 33}, Row{100, 40, 61}}) {
    const RankInterval ranks = QuantileRanks(row.count, 0.5, 0.95);
    EXPECT_EQ(ranks.low, row.low) << row.count;
    EXPECT_EQ(ranks.high, row.high) << row.count;
  }
}

TEST(Quantile, TailsNeedEnoughSamples) {
  // The smallest count with 1 - q^n >= 0.975 is ceil(ln 0.025 / ln q).
  struct Row {
    double quantile;
    uint64_t enough;
  };
  for (const Row& row : {Row{0.5, 6}, Row{0.99, 368}, Row{0.999, 3688}, Row{0.9999, 36887}}) {
    ASSERT_EQ(static_cast<uint64_t>(std::ceil(std::log(0.025) / std::log(row.quantile))), row.enough);
    const RankInterval few = QuantileRanks(row.enough - 1, row.quantile, 0.95);
    EXPECT_TRUE(few.low == 0 || few.high == row.enough) << row.quantile;
    const RankInterval enough = QuantileRanks(row.enough, row.quantile, 0.95);
    EXPECT_GE(enough.low, 1u) << row.quantile;
    EXPECT_LE(enough.high, row.enough) << row.quantile;
  }
}

TEST(Quantile, NormalLimitMeetsTheExactSum) {
  // Variances just below and above the change of method.
  const RankInterval exact = QuantileRanks(3'999'999, 0.5, 0.95);
  const RankInterval normal = QuantileRanks(4'000'100, 0.5, 0.95);
  EXPECT_NEAR(static_cast<double>(normal.low) - static_cast<double>(exact.low), 50, 3);
  EXPECT_NEAR(static_cast<double>(normal.high) - static_cast<double>(exact.high), 50, 3);
}

TEST(Quantile, EstimateEnclosesItsValue) {
  const QuantileEstimate estimate = EstimateQuantile(FirstIntegers(100), 0.5);
  EXPECT_TRUE(estimate.sufficient);
  EXPECT_EQ(estimate.value, 50u);
  EXPECT_EQ(estimate.low, 40u);
  EXPECT_EQ(estimate.high, 61u);
}

TEST(Quantile, TooFewSamplesAreInsufficient) {
  const QuantileEstimate estimate = EstimateQuantile(FirstIntegers(1000), 0.999);
  EXPECT_FALSE(estimate.sufficient);
  EXPECT_EQ(estimate.value, 999u);
  EXPECT_EQ(estimate.low, 1u);
  EXPECT_EQ(estimate.high, 1000u);
  EXPECT_FALSE(EstimateQuantile(Histogram(), 0.5).sufficient);
  EXPECT_FALSE(EstimateQuantile(FirstIntegers(1000), 1.0).sufficient);
  EXPECT_FALSE(EstimateQuantile(FirstIntegers(1000), std::nan("")).sufficient);
}

TEST(Quantile, IntervalsCoverTheTruthAsOftenAsTheySay) {
  constexpr int kRounds = 4000;
  Rng rng(77);
  int covered = 0;
  Histogram histogram;
  for (int round = 0; round < kRounds; ++round) {
    histogram.Reset();
    for (int i = 0; i < 500; ++i) histogram.Record(rng.Below(2000));
    const QuantileEstimate estimate = EstimateQuantile(histogram, 0.9);
    ASSERT_TRUE(estimate.sufficient);
    covered += estimate.low <= 1799 && 1799 <= estimate.high;
  }
  // 95 % asked for; exact intervals are a little wider; 4 standard errors are 1.4 %.
  EXPECT_GE(covered, kRounds * 0.936);
  EXPECT_LE(covered, kRounds * 0.985);
}

}  // namespace
}  // namespace feedfarm
