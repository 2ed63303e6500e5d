#include "coordinator/rate_search/capacity_estimate.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

void Add(const LoadGrid& grid, int64_t position, double loss_ratio, uint64_t duration_ns, TrialsByLoad* trials) {
  TrialResult result;
  result.trial = {grid.Load(position), duration_ns};
  result.loss_ratio = loss_ratio;
  (*trials)[position].push_back(result);
}

TEST(CapacityEstimate, NothingIsSaidByTrialsThatLostNothing) {
  const LoadGrid grid(1e3, 1e6, 0.01);
  TrialsByLoad trials;
  EXPECT_FALSE(EstimateCapacity(trials, grid, 0.5, kSecond).has_value());
  Add(grid, 10, 0, kSecond, &trials);
  EXPECT_FALSE(EstimateCapacity(trials, grid, 0.5, kSecond).has_value());
}

// Where every trial lost, it is the plain quantile of what was forwarded.
TEST(CapacityEstimate, UncensoredTrialsGiveTheQuantile) {
  const LoadGrid grid(1e3, 1e6, 0.01);
  TrialsByLoad trials;
  for (int i = 1; i <= 9; ++i) Add(grid, grid.top(), 0.1 * i, kSecond, &trials);
  EXPECT_NEAR(*EstimateCapacity(trials, grid, 0.5, kSecond), 0.5e6, 1);
  EXPECT_NEAR(*EstimateCapacity(trials, grid, 0.1, kSecond), 0.1e6, 1);
  EXPECT_NEAR(*EstimateCapacity(trials, grid, 0.9, kSecond), 0.9e6, 1);
}

// One of four lost at the low load; of those who are left, the two at the high load lost: 1 - 3/4 * (1 - 1/2) is the
// share at the third.
TEST(CapacityEstimate, TrialsThatLostNothingCountUpToTheirLoad) {
  const LoadGrid grid(1e3, 1e6, 0.01);
  TrialsByLoad trials;
  const double high = grid.Load(grid.top());
  Add(grid, 100, 0.5, kSecond, &trials);
  Add(grid, 100, 0, kSecond, &trials);
  Add(grid, grid.top(), 0.2, kSecond, &trials);
  Add(grid, grid.top(), 0.1, kSecond, &trials);
  EXPECT_NEAR(*EstimateCapacity(trials, grid, 0.25, kSecond), grid.Load(100) * 0.5, 1);
  EXPECT_NEAR(*EstimateCapacity(trials, grid, 0.5, kSecond), high * 0.8, 1);
  EXPECT_NEAR(*EstimateCapacity(trials, grid, 0.7, kSecond), high * 0.9, 1);
}

TEST(CapacityEstimate, WeighsByTimeUpToTheMost) {
  const LoadGrid grid(1e3, 1e6, 0.01);
  TrialsByLoad trials;
  Add(grid, grid.top(), 0.8, kSecond / 2, &trials);
  Add(grid, grid.top(), 0.2, 10 * kSecond, &trials);
  EXPECT_NEAR(*EstimateCapacity(trials, grid, 0.3, kSecond), 0.2e6, 1);
  EXPECT_NEAR(*EstimateCapacity(trials, grid, 0.4, kSecond), 0.8e6, 1) << "a third of the time, not a twentieth";
}

}  // namespace
}  // namespace feedfarm
