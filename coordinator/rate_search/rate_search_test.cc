#include "coordinator/rate_search/rate_search.h"

#include <functional>
#include <limits>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "coordinator/rate_search/default_goals.h"
#include "coordinator/rate_search/load_class.h"
#include "coordinator/rate_search/testing/simulated_subject.h"
#include "gtest/gtest.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

using Subject = std::function<TrialResult(const Trial&)>;

RateSearchSettings Settings(double min_pps = 10e3, double max_pps = 2e6) {
  RateSearchSettings settings;
  settings.min_pps = min_pps;
  settings.max_pps = max_pps;
  for (const char* name : {"ndr", "pdr", "strict"}) settings.goals.push_back(MakeGoal(name, {}));
  return settings;
}

TrialResult Lost(const Trial& trial, double loss_ratio) {
  TrialResult result;
  result.trial = trial;
  result.loss_ratio = loss_ratio;
  return result;
}

Subject Capacity(double pps) {
  return [pps](const Trial& trial) { return Lost(trial, std::max(0.0, 1 - pps / trial.load_pps)); };
}

TrialResult Limited(const Trial& trial, double sent_pps) {
  TrialResult result = Lost(trial, 0);
  result.generator_limited = true;
  result.sent_pps = sent_pps;
  return result;
}

LoadTarget FinalTarget(const SearchGoal& goal) {
  return {goal.loss_ratio, goal.exceed_ratio, goal.final_trial_ns, goal.duration_sum_ns};
}

// What must hold of every search, whatever the subject.
void ExpectSound(const RateSearchSettings& settings, const std::vector<TrialResult>& trials, const RateSearchResult& result) {
  std::map<double, std::vector<TrialResult>> by_load;
  for (const TrialResult& trial : trials) {
    EXPECT_GE(trial.trial.load_pps, settings.min_pps);
    EXPECT_LE(trial.trial.load_pps, settings.max_pps);
    if (!trial.generator_limited) by_load[trial.trial.load_pps].push_back(trial);
  }
  EXPECT_EQ(result.trials, trials.size());
  ASSERT_EQ(result.goals.size(), settings.goals.size());
  uint32_t spent = 0;
  for (size_t i = 0; i < result.goals.size(); ++i) {
    const GoalResult& goal = result.goals[i];
    spent += goal.trials;
    // The slow, obvious reference: every load's class, then the draft's definition of the relevant bounds.
    std::set<double> uppers, lowers;
    for (const auto& [load, at_load] : by_load) {
      const LoadClass of_load = Classify(FinalTarget(settings.goals[i]), at_load);
      if (of_load == LoadClass::kUpper) uppers.insert(load);
      if (of_load == LoadClass::kLower) lowers.insert(load);
    }
    const double upper = uppers.empty() ? 0 : *uppers.begin();
    if (upper > 0) lowers.erase(lowers.lower_bound(upper), lowers.end());
    EXPECT_EQ(goal.upper_pps, upper) << goal.name;
    EXPECT_EQ(goal.lower_pps, lowers.empty() ? 0 : *lowers.rbegin()) << goal.name;
    if (goal.upper_pps > 0) {
      EXPECT_LT(goal.lower_pps, goal.upper_pps) << goal.name;
    }
    if (goal.end == GoalEnd::kFound) {
      EXPECT_LE(goal.width, settings.goals[i].width * 1.001) << goal.name;
    }
    EXPECT_LE(goal.conditional_pps, goal.lower_pps) << goal.name;
  }
  EXPECT_EQ(spent, result.trials);
  // A goal that forgives less is never answered higher.
  if (result.goals[0].end == GoalEnd::kFound && result.goals[1].lower_pps > 0) {
    EXPECT_LE(result.goals[0].lower_pps, result.goals[1].lower_pps);
  }
  if (result.goals[0].end == GoalEnd::kFound && result.goals[2].end == GoalEnd::kFound) {
    EXPECT_LT(result.goals[2].lower_pps, result.goals[0].upper_pps);
  }
}

RateSearchResult Search(const RateSearchSettings& settings, const Subject& subject,
                        std::vector<TrialResult>* trials = nullptr) {
  std::vector<TrialResult> own;
  if (trials == nullptr) trials = &own;
  RateSearchResult result = RunSearch(settings, subject, trials);
  ExpectSound(settings, *trials, result);
  return result;
}

TEST(RateSearch, FindsACapacityForEveryGoal) {
  for (const double capacity : {10'500.0, 123'456.0, 1e6, 1'980'000.0}) {
    const RateSearchResult result = Search(Settings(), Capacity(capacity));
    const double expected[] = {capacity, capacity / 0.995, capacity};
    for (int i = 0; i < 3; ++i) {
      const GoalResult& goal = result.goals[i];
      EXPECT_EQ(goal.end, GoalEnd::kFound) << goal.name << " " << capacity;
      EXPECT_LE(goal.lower_pps, expected[i]) << goal.name;
      EXPECT_GT(goal.upper_pps, expected[i]) << goal.name;
    }
    EXPECT_EQ(result.generator_limit_pps, 0);
  }
}

TEST(RateSearch, BeginsAtMaxLoadThenWhereTheForwardingRateLeads) {
  std::vector<TrialResult> trials;
  Search(Settings(), Capacity(300e3), &trials);
  EXPECT_EQ(trials[0].trial, (Trial{2e6, 1'000'000'000}));
  EXPECT_NEAR(trials[1].trial.load_pps, 300e3, 1500);
}

TEST(RateSearch, SubjectThatNeverLosesIsAtLeastMaxLoad) {
  const RateSearchResult result = Search(Settings(), Capacity(1e9));
  for (const GoalResult& goal : result.goals) {
    EXPECT_EQ(goal.end, GoalEnd::kMaxLoad);
    EXPECT_EQ(goal.lower_pps, 2e6);
    EXPECT_TRUE(goal.at_least());
  }
}

TEST(RateSearch, SubjectThatAlwaysLosesHasNoAnswer) {
  const RateSearchResult result = Search(Settings(), [](const Trial& trial) { return Lost(trial, 1); });
  for (const GoalResult& goal : result.goals) {
    EXPECT_EQ(goal.end, GoalEnd::kMinLoad);
    EXPECT_EQ(goal.lower_pps, 0);
    EXPECT_EQ(goal.upper_pps, 10e3);
    EXPECT_EQ(goal.width, 1);
  }
}

// A little loss at every load: no NDR, but a PDR.
TEST(RateSearch, ConstantLossHasOnlyTheGoalThatForgivesIt) {
  const RateSearchResult result = Search(Settings(), [](const Trial& trial) {
    return Lost(trial, trial.load_pps > 500e3 ? 0.2 : 0.001);
  });
  EXPECT_EQ(result.goals[0].end, GoalEnd::kMinLoad);
  EXPECT_EQ(result.goals[1].end, GoalEnd::kFound);
  EXPECT_NEAR(result.goals[1].lower_pps, 500e3, 2500);
  EXPECT_NEAR(result.goals[1].conditional_pps, result.goals[1].lower_pps * 0.999, 1e-3);
  EXPECT_EQ(result.goals[2].end, GoalEnd::kMinLoad);
}

// Loses between 100 and 200 kpps, then again above 1 Mpps.
TEST(RateSearch, NonMonotoneSubjectEndsBelowEveryLossSeen) {
  std::vector<TrialResult> trials;
  const RateSearchResult result = Search(
      Settings(),
      [](const Trial& trial) {
        const double load = trial.load_pps;
        return Lost(trial, load > 1e6 ? 1 - 1e6 / load : load > 100e3 && load < 200e3 ? 0.1 : 0);
      },
      &trials);
  EXPECT_EQ(result.goals[0].end, GoalEnd::kFound);
}

TEST(RateSearch, SubjectThatCollapsesAboveItsCapacityIsFoundFromBelow) {
  const RateSearchResult result =
      Search(Settings(), [](const Trial& trial) { return Lost(trial, trial.load_pps > 800e3 ? 0.9999 : 0); });
  for (const GoalResult& goal : result.goals) {
    EXPECT_EQ(goal.end, GoalEnd::kFound);
    EXPECT_NEAR(goal.lower_pps, 800e3, 4000);
  }
}

TEST(RateSearch, GeneratorBelowTheSubjectGivesAtLeast) {
  const RateSearchResult result = Search(Settings(), [](const Trial& trial) {
    return trial.load_pps > 400e3 ? Limited(trial, 400e3) : Lost(trial, 0);
  });
  for (const GoalResult& goal : result.goals) {
    EXPECT_EQ(goal.end, GoalEnd::kGeneratorLimited);
    EXPECT_TRUE(goal.at_least());
    EXPECT_NEAR(goal.lower_pps, 400e3, 2000);
    EXPECT_EQ(goal.upper_pps, 0);
  }
  EXPECT_GT(result.generator_limit_pps, 400e3);
}

TEST(RateSearch, SubjectBelowTheGeneratorIsFoundAllTheSame) {
  const RateSearchResult result = Search(Settings(), [](const Trial& trial) {
    return trial.load_pps > 400e3 ? Limited(trial, 400e3) : Capacity(50e3)(trial);
  });
  EXPECT_EQ(result.goals[0].end, GoalEnd::kFound);
  EXPECT_NEAR(result.goals[0].lower_pps, 50e3, 250);
  EXPECT_GT(result.generator_limit_pps, 400e3);
}

TEST(RateSearch, OneLateTrialIsTriedAgain) {
  bool late = true;
  const RateSearchResult result = Search(Settings(), [&](const Trial& trial) {
    if (trial.load_pps < 2e6 && late) {
      late = false;
      return Limited(trial, trial.load_pps * 0.95);
    }
    return Capacity(700e3)(trial);
  });
  EXPECT_FALSE(late);
  EXPECT_EQ(result.goals[0].end, GoalEnd::kFound);
  EXPECT_EQ(result.generator_limit_pps, 0);
}

TEST(RateSearch, GeneratorThatOffersNothingEndsSoon) {
  std::vector<TrialResult> trials;
  const RateSearchResult result =
      Search(Settings(), [](const Trial& trial) { return Limited(trial, trial.load_pps * 0.99); }, &trials);
  for (const GoalResult& goal : result.goals) EXPECT_EQ(goal.end, GoalEnd::kNothingOffered);
  EXPECT_LE(trials.size(), 30u);
}

TEST(RateSearch, EndsWhenTrialsAreSpent) {
  RateSearchSettings settings = Settings();
  settings.trials_max = 5;
  std::vector<TrialResult> trials;
  const RateSearchResult result = Search(settings, Capacity(300e3), &trials);
  EXPECT_EQ(trials.size(), 5u);
  EXPECT_EQ(result.goals[0].end, GoalEnd::kTrialsSpent);
}

// A restarted coordinator asks for the same trial, from anywhere.
TEST(RateSearch, GoesOnFromItsListOfTrials) {
  const RateSearchSettings settings = Settings();
  SimulatedSubject subject({.capacity_pps = 500e3, .noise = 0.01, .stalls_per_s = 0.05}, 7);
  std::vector<TrialResult> trials;
  Search(settings, [&](const Trial& trial) { return subject.Run(trial); }, &trials);
  for (size_t i = 0; i < trials.size(); ++i) {
    const auto next = NextTrial(settings, std::span(trials).first(i));
    ASSERT_TRUE(std::holds_alternative<Trial>(next)) << i;
    EXPECT_EQ(std::get<Trial>(next), trials[i].trial) << i;
  }
}

// Sound, and over, whatever is made up as an answer.
TEST(RateSearch, RandomSubjects) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const auto uniform = [&] { return static_cast<double>(rng.Below(1'000'001)) / 1e6; };
    const double min = 1 + uniform() * 1e5;
    RateSearchSettings settings = Settings(min, min * (1.0001 + uniform() * 500));
    settings.preceding_phases = static_cast<uint32_t>(rng.Below(4));
    TrialDefaults trials;
    trials.width = 0.001 + uniform() * 0.2;
    trials.exceed_ratio = uniform() * 0.9;
    settings.goals.clear();
    for (const char* name : {"ndr", "pdr", "strict"}) settings.goals.push_back(MakeGoal(name, trials));
    settings.trials_max = 400;
    const double limited = rng.Below(3) == 0 ? uniform() * 0.5 : 0;
    const uint64_t kind = rng.Below(3);
    const double capacity = settings.min_pps + uniform() * (settings.max_pps - settings.min_pps);
    Search(settings, [&](const Trial& trial) {
      if (uniform() < limited) return Limited(trial, trial.load_pps * uniform());
      switch (kind) {
        case 0:  // nothing but noise
          return Lost(trial, rng.Below(2) == 0 ? 0 : uniform());
        case 1:  // a capacity, with noise
          return Lost(trial, std::max(0.0, 1 - capacity * (0.9 + 0.2 * uniform()) / trial.load_pps));
        default:  // loses less the more it gets
          return Lost(trial, trial.load_pps < capacity ? 0.01 * uniform() : 0);
      }
    });
  }
}

TEST(RateSearch, SettingsThatMakeNoSenseAreRefused) {
  struct Case {
    const char* why;
    std::function<void(RateSearchSettings*)> spoil;
  };
  const Case cases[] = {
      {"below max load", [](auto* s) { s->max_pps = s->min_pps; }},
      {"1 pps or more", [](auto* s) { s->min_pps = 0; }},
      {"below max load", [](auto* s) { s->max_pps = std::numeric_limits<double>::infinity(); }},
      {"1 pps or more", [](auto* s) { s->min_pps = std::numeric_limits<double>::quiet_NaN(); }},
      {"needs a goal", [](auto* s) { s->goals.clear(); }},
      {"is there twice", [](auto* s) { s->goals[1].name = "ndr"; }},
      {"loss ratio", [](auto* s) { s->goals[0].loss_ratio = 1; }},
      {"exceed ratio", [](auto* s) { s->goals[0].exceed_ratio = 1; }},
      {"width", [](auto* s) { s->goals[0].width = 0; }},
      {"width", [](auto* s) { s->goals[0].width = 0.6; }},
      {"initial trial", [](auto* s) { s->goals[0].initial_trial_ns = 2'000'000'000; }},
      {"initial trial", [](auto* s) { s->goals[0].initial_trial_ns = 0; }},
      {"duration sum", [](auto* s) { s->goals[0].duration_sum_ns = 1; }},
      {"needs a trial", [](auto* s) { s->trials_max = 0; }},
      {"preceding", [](auto* s) { s->preceding_phases = 9; }},
  };
  EXPECT_TRUE(CheckSettings(Settings()).ok());
  for (const Case& one : cases) {
    RateSearchSettings settings = Settings();
    one.spoil(&settings);
    const absl::Status status = CheckSettings(settings);
    EXPECT_FALSE(status.ok()) << one.why;
    EXPECT_TRUE(absl::StrContains(status.message(), one.why)) << status;
  }
}

}  // namespace
}  // namespace feedfarm
