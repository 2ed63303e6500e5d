// What a search costs and how well it repeats over many seeds, capacities, noise levels and burst shapes, in simulated
// time. Prints a table.
//   rate_search_study [SEEDS [FIRST_SEED]]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "coordinator/rate_search/default_goals.h"
#include "coordinator/rate_search/rate_search.h"
#include "coordinator/rate_search/testing/simulated_subject.h"
#include "coordinator/rate_search/testing/spread.h"

namespace feedfarm {
namespace {

void Study(const char* title, std::vector<const char*> goals, SimulatedSubject::Options options, uint64_t first,
           int seeds) {
  RateSearchSettings settings;
  settings.min_pps = 0.01 * options.capacity_pps;
  settings.max_pps = 1.488 * options.capacity_pps;
  for (const char* goal : goals) settings.goals.push_back(MakeGoal(goal, {}));
  const double capacity = options.capacity_pps;
  std::map<std::string, Spread> answers;
  Spread seconds, trials_made;
  int found = 0;
  for (int i = 0; i < seeds; ++i) {
    options.capacity_pps = capacity * (0.98 + 0.04 * i / std::max(1, seeds - 1));
    SimulatedSubject subject(options, first + static_cast<uint64_t>(i));
    std::vector<TrialResult> trials;
    const RateSearchResult result = RunSearch(
        settings, [&](const Trial& trial) { return subject.Run(trial); }, &trials);
    seconds.values.push_back(static_cast<double>(result.trial_ns) / 1e9);
    trials_made.values.push_back(result.trials);
    for (const GoalResult& goal : result.goals) {
      answers[goal.name].values.push_back(goal.lower_pps / options.capacity_pps);
      found += goal.end == GoalEnd::kFound;
    }
  }
  std::printf("%-34s %5.1f mean %5.1f p99 %5.1f max s, %4.0f trials, found %.3f", title, seconds.Mean(),
              seconds.Quantile(0.99), seconds.Quantile(1), trials_made.Mean(),
              found / (static_cast<double>(seeds) * static_cast<double>(goals.size())));
  for (const char* goal : goals) {
    const Spread& spread = answers[goal];
    std::printf("  %s %.4f sd %.2f%%", goal, spread.Mean(), 100 * spread.Sd() / spread.Mean());
  }
  std::printf("\n");
}

}  // namespace
}  // namespace feedfarm

int main(int argc, char** argv) {
  using Options = feedfarm::SimulatedSubject::Options;
  const int seeds = argc > 1 ? std::atoi(argv[1]) : 1000;
  const uint64_t first = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  struct Case {
    const char* title;
    Options options;
  };
  const Case cases[] = {
      {"clean", {}},
      {"1 % noise, stalls 0.05/s", {.noise = 0.01, .stalls_per_s = 0.05}},
      {"1 % noise, no stalls", {.noise = 0.01}},
      {"no noise, stalls 0.05/s", {.stalls_per_s = 0.05}},
      {"0.3 % noise, stalls 0.05/s", {.noise = 0.003, .stalls_per_s = 0.05}},
      {"1 % noise, short stalls 0.05/s",
       {.noise = 0.01, .stalls_per_s = 0.05, .stall_min_ns = 5e4, .stall_max_ns = 5e5}},
      {"1 % noise, long stalls 0.05/s",
       {.noise = 0.01, .stalls_per_s = 0.05, .stall_min_ns = 2e7, .stall_max_ns = 1e8}},
      {"1 % noise, stalls 0.02/s", {.noise = 0.01, .stalls_per_s = 0.02}},
      {"1 % noise, stalls 0.1/s", {.noise = 0.01, .stalls_per_s = 0.1}},
      {"2 % noise, stalls 0.05/s", {.noise = 0.02, .stalls_per_s = 0.05}},
      {"1 % noise, stalls, 200 kpps", {.capacity_pps = 200e3, .noise = 0.01, .stalls_per_s = 0.05}},
  };
  for (const Case& one : cases) {
    feedfarm::Study(one.title, {"ndr", "pdr"}, one.options, first, seeds);
    feedfarm::Study("", {"ndr", "pdr", "strict"}, one.options, first, seeds);
  }
}
