#include "coordinator/rate_search/search_estimate.h"

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

v1::RateSearch Search() {
  v1::RateSearch search;
  search.set_min_pps(10e3);
  search.set_max_pps(1e6);
  for (const char* goal : {"ndr", "pdr", "strict"}) search.add_goals(goal);
  search.set_width(0.005);
  search.set_pdr_loss_ratio(0.005);
  search.set_initial_trial_ns(kSecond);
  search.set_final_trial_ns(kSecond);
  search.set_strict_trial_ns(5 * kSecond);
  search.set_duration_sum_ns(11 * kSecond);
  search.set_exceed_ratio(0.5);
  search.set_trials_max(200);
  return search;
}

TEST(SearchEstimate, LeastIsASubjectThatNeedsNoSearchUsualAFoundAnswerMostAllTrials) {
  const v1::SearchEstimate estimate = EstimateSearch(Search());
  // Max load carried: six trials of a majority of eleven, which both goals share, and the long one.
  EXPECT_GE(estimate.trials_least(), 7u);
  EXPECT_LT(estimate.trials_least(), estimate.trials_usual());
  EXPECT_LT(estimate.least_ns(), estimate.usual_ns());
  EXPECT_GE(estimate.trials_usual(), 18u);
  EXPECT_LE(estimate.trials_usual(), 40u);
  EXPECT_GE(estimate.usual_ns(), 22 * kSecond + estimate.trials_usual() * kTrialOverheadNs);
  EXPECT_EQ(estimate.trials_most(), 200u);
  EXPECT_EQ(estimate.most_ns(), 200 * (5 * kSecond + kTrialOverheadNs));
}

TEST(SearchEstimate, TrialsMaxBoundsEverything) {
  v1::RateSearch search = Search();
  search.set_trials_max(3);
  const v1::SearchEstimate estimate = EstimateSearch(search);
  EXPECT_EQ(estimate.trials_least(), 3u);
  EXPECT_EQ(estimate.trials_usual(), 3u);
  EXPECT_EQ(estimate.trials_most(), 3u);
  EXPECT_LE(estimate.usual_ns(), estimate.most_ns());
}

}  // namespace
}  // namespace feedfarm
