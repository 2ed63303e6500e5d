#include "coordinator/rate_search/load_class.h"

#include <vector>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr LoadClass kUndecided = LoadClass::kUndecided, kLower = LoadClass::kLower, kUpper = LoadClass::kUpper;

void Add(int count, uint64_t seconds, double loss_ratio, std::vector<TrialResult>* trials) {
  TrialResult result;
  result.trial = {1e6, seconds * kSecond};
  result.loss_ratio = loss_ratio;
  trials->insert(trials->end(), static_cast<size_t>(count), result);
}

LoadTarget Target(uint64_t trial_s, uint64_t sum_s, double loss_ratio, double exceed_ratio) {
  return {loss_ratio, exceed_ratio, trial_s * kSecond, sum_s * kSecond};
}

// The goals and trials of the draft's example search: RFC 2544, TST 009, "1s final", "20% exceed". Its table calls the last goal's load a
// lower bound from the first long trial on, against its own code and the ratio beside it (42.857 % is more than 20 %): the code is followed.
TEST(LoadClass, DraftsExampleSearch) {
  const LoadTarget goals[] = {Target(60, 60, 0, 0), Target(60, 120, 0, 0.5), Target(1, 120, 0.005, 0.5),
                              Target(60, 60, 0.005, 0.2)};
  struct Point {
    const char* name;
    int count;
    uint64_t seconds;
    double loss_ratio;
    LoadClass expected[4];
  };
  const Point points[] = {
      {"first short good", 59, 1, 0, {kUndecided, kUndecided, kUndecided, kUndecided}},
      {"first short bad", 1, 1, 0.01, {kUpper, kUndecided, kUndecided, kUndecided}},
      {"last short bad", 59, 1, 0.01, {kUpper, kUndecided, kUndecided, kUpper}},
      {"last short good", 1, 1, 0, {kUpper, kUndecided, kLower, kUpper}},
      {"first long bad", 1, 60, 0.001, {kUpper, kUndecided, kLower, kUpper}},
      {"first long good", 1, 60, 0, {kUpper, kLower, kLower, kUpper}},
  };
  std::vector<TrialResult> trials;
  for (const Point& point : points) {
    Add(point.count, point.seconds, point.loss_ratio, &trials);
    for (int goal = 0; goal < 4; ++goal) EXPECT_EQ(Classify(goals[goal], trials), point.expected[goal]) << point.name << " " << goal;
  }
}

TEST(LoadClass, NoTrialsDecideNothing) {
  EXPECT_EQ(Classify(Target(1, 1, 0, 0), {}), kUndecided);
  EXPECT_EQ(ConditionalThroughput(Target(1, 1, 0, 0), 1e6, {}), 0);
}

TEST(LoadClass, ExactlyTheGoalsLossIsLow) {
  std::vector<TrialResult> trials;
  Add(1, 1, 0.005, &trials);
  EXPECT_EQ(Classify(Target(1, 1, 0.005, 0), trials), kLower);
  EXPECT_EQ(Classify(Target(1, 1, 0.0049, 0), trials), kUpper);
}

TEST(LoadClass, MajorityEndsItBeforeTheSumIsSpent) {
  std::vector<TrialResult> trials;
  Add(6, 1, 0, &trials);
  EXPECT_EQ(Classify(Target(1, 13, 0, 0.5), trials), kUndecided);
  Add(1, 1, 0, &trials);
  EXPECT_EQ(Classify(Target(1, 13, 0, 0.5), trials), kLower);
}

// A load whose sum is spent is decided, whatever its trials were.
TEST(LoadClass, SpentSumsDecide) {
  for (int good = 0; good <= 13; ++good) {
    std::vector<TrialResult> trials;
    Add(good, 1, 0, &trials);
    Add(13 - good, 1, 1, &trials);
    EXPECT_EQ(Classify(Target(1, 13, 0, 0.5), trials), good >= 7 ? kLower : kUpper) << good;
  }
}

TEST(LoadClass, ConditionalThroughputIsWhatTheQuantileForwards) {
  std::vector<TrialResult> trials;
  Add(3, 1, 0.001, &trials);
  Add(3, 1, 0.004, &trials);
  Add(4, 1, 0.5, &trials);
  Add(9, 0, 0.9, &trials);  // short ones do not count
  EXPECT_DOUBLE_EQ(ConditionalThroughput(Target(1, 10, 0.005, 0.5), 1e6, trials), 1e6 * (1 - 0.004));
  EXPECT_DOUBLE_EQ(ConditionalThroughput(Target(1, 10, 0.005, 0.7), 1e6, trials), 1e6 * (1 - 0.001));
  EXPECT_DOUBLE_EQ(ConditionalThroughput(Target(1, 10, 0.005, 0), 1e6, trials), 1e6 * 0.5);
  // What was not tried may have lost all.
  EXPECT_DOUBLE_EQ(ConditionalThroughput(Target(1, 30, 0.005, 0.5), 1e6, trials), 0);
}

}  // namespace
}  // namespace feedfarm
