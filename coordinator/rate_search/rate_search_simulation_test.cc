// What a search costs and how well it repeats, on a subject of 10 Mpps. Simulated time: the numbers are the same everywhere.
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "coordinator/rate_search/default_goals.h"
#include "coordinator/rate_search/rate_search.h"
#include "coordinator/rate_search/testing/simulated_subject.h"
#include "coordinator/rate_search/testing/spread.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

constexpr int kSeeds = 30;
constexpr double kCapacity = 10e6;

RateSearchSettings Settings(std::vector<const char*> names) {
  RateSearchSettings settings;
  settings.min_pps = 100e3;
  settings.max_pps = 14.88e6;
  for (const char* name : names) settings.goals.push_back(MakeGoal(name, {}));
  return settings;
}

struct Study {
  // Answer / capacity.
  std::map<std::string, Spread> answers;
  Spread seconds;
  Spread trials;
  std::map<GoalEnd, int> ends;
};

// The capacity differs from seed to seed by up to 2 %, so that no answer gains from where the tried loads happen to lie.
Study SearchAll(const char* title, const RateSearchSettings& settings, SimulatedSubject::Options options,
                int seeds = kSeeds, uint64_t first_seed = 1) {
  Study study;
  for (int i = 0; i < seeds; ++i) {
    options.capacity_pps = kCapacity * (0.98 + 0.04 * static_cast<double>(i) / (seeds - 1));
    SimulatedSubject subject(options, first_seed + static_cast<uint64_t>(i));
    std::vector<TrialResult> trials;
    const RateSearchResult result = RunSearch(settings, [&](const Trial& trial) { return subject.Run(trial); }, &trials);
    study.seconds.values.push_back(static_cast<double>(result.trial_ns) / 1e9);
    study.trials.values.push_back(result.trials);
    for (const GoalResult& goal : result.goals) {
      study.answers[goal.name].values.push_back(goal.lower_pps / options.capacity_pps);
      ++study.ends[goal.end];
    }
  }
  std::printf("%-28s %5.1f s mean %5.1f s max %5.1f trials", title, study.seconds.Mean(), study.seconds.Max(), study.trials.Mean());
  for (const auto& [name, answers] : study.answers) {
    std::printf("  %s %.4f sd %.2f%%", name.c_str(), answers.Mean(), 100 * answers.Sd() / answers.Mean());
  }
  std::printf("\n");
  return study;
}

constexpr SimulatedSubject::Options kClean = {};
constexpr SimulatedSubject::Options kNoisy = {.noise = 0.01, .stalls_per_s = 0.05};

TEST(RateSearchSimulation, CleanSubjectAllGoalsWithin40Seconds) {
  const Study study = SearchAll("clean, ndr pdr strict", Settings({"ndr", "pdr", "strict"}), kClean);
  EXPECT_LE(study.seconds.Max(), 40);
  EXPECT_EQ(study.ends.at(GoalEnd::kFound), 3 * kSeeds);
  for (const auto& [name, answers] : study.answers) EXPECT_LE(answers.Sd(), 0.004 * answers.Mean()) << name;
}

TEST(RateSearchSimulation, NoisySubjectAllGoalsWithin85Seconds) {
  const Study study = SearchAll("1% noise, stalls, all", Settings({"ndr", "pdr", "strict"}), kNoisy);
  EXPECT_LE(study.seconds.Max(), 85);
  EXPECT_EQ(study.ends.at(GoalEnd::kFound), 3 * kSeeds);
  for (const auto& [name, answers] : study.answers) EXPECT_LE(answers.Sd(), 0.004 * answers.Mean()) << name;
}

// What thirty seeds show is no luck.
TEST(RateSearchSimulation, NoisySubjectOverManySeeds) {
  const Study study = SearchAll("1% noise, stalls, 600 others", Settings({"ndr", "pdr", "strict"}), kNoisy, 600, 1000);
  EXPECT_LE(study.seconds.Mean(), 50);
  EXPECT_LE(study.seconds.Max(), 85);
  for (const auto& [name, answers] : study.answers) {
    EXPECT_LE(answers.Sd(), 0.004 * answers.Mean()) << name;
    // The strict goal's long trials have no majority to ask: its answer is lower by more than the noise.
    EXPECT_NEAR(answers.Mean(), name == "strict" ? 0.985 : 1, 0.005) << name;
  }
}

// NDR and PDR ask a majority: the shape of the bursts does not change what they answer.
TEST(RateSearchSimulation, ShapeOfBurstsDoesNotMatterToMajorities) {
  const SimulatedSubject::Options subjects[] = {
      {.noise = 0.01},
      {.stalls_per_s = 0.05},
      {.noise = 0.003, .stalls_per_s = 0.05},
      {.noise = 0.01, .stalls_per_s = 0.05, .stall_min_ns = 5e4, .stall_max_ns = 5e5},
      {.noise = 0.01, .stalls_per_s = 0.05, .stall_min_ns = 2e7, .stall_max_ns = 1e8},
      {.noise = 0.01, .stalls_per_s = 0.1},
  };
  for (const SimulatedSubject::Options& subject : subjects) {
    const Study study = SearchAll("other subjects, 300 seeds", Settings({"ndr", "pdr", "strict"}), subject, 300, 5000);
    EXPECT_LE(study.seconds.Mean(), 50);
    for (const char* name : {"ndr", "pdr"}) {
      EXPECT_LE(study.answers.at(name).Sd(), 0.0042) << name;
      EXPECT_NEAR(study.answers.at(name).Mean(), 1, 0.005) << name;
    }
  }
}

}  // namespace
}  // namespace feedfarm
