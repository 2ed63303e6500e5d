#include "coordinator/rate_search/rate_search.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "coordinator/rate_search/goal_search.h"
#include "coordinator/rate_search/load_class.h"
#include "coordinator/rate_search/load_grid.h"

namespace feedfarm {
namespace {

// A load that was not offered is tried once more, unless this share of it or less was sent.
constexpr double kNotNearly = 0.7;
constexpr uint32_t kLimitedTrialsMax = 2;

// Steps of the grid in the narrowest goal's width: goals that forgive nothing walk by single ones.
constexpr double kStepsInWidth = 4;

double GridWidth(const RateSearchSettings& settings) {
  double finest = 1;
  for (const SearchGoal& goal : settings.goals) finest = std::min(finest, goal.width);
  return -std::expm1(std::log1p(-finest) / kStepsInWidth);
}

// The search after some trials. Rebuilt from the list of trials each time: that makes NextTrial a function.
class Search {
 public:
  explicit Search(const RateSearchSettings& settings)
      : settings_(settings), grid_(settings.min_pps, settings.max_pps, GridWidth(settings)), cap_(grid_.top()) {
    for (const SearchGoal& goal : settings.goals) {
      goals_.push_back({&goal, GoalSearch(&goal, &grid_, settings.preceding_phases)});
      // Each short trial that fails by mischance would hold the answer down.
      if (goals_.size() > 1 && !goals_.back().search.Forgives()) goals_.back().search.SkipCoarsePhases();
    }
  }

  // What comes next; nothing: the search is over. Moves goals on that have their phase's bounds.
  std::optional<Trial> Next() {
    if (cap_ < 0 || trials_ >= settings_.trials_max) return std::nullopt;
    for (uint32_t phase = 0; phase <= settings_.preceding_phases; ++phase) {
      for (size_t i = 0; i < goals_.size(); ++i) {
        GoalSearch& search = goals_[i].search;
        if (search.phase() != phase) continue;
        if (const auto nominee = search.Nominate(by_load_, cap_, StartOf(i))) {
          nominator_ = i;
          return Trial{grid_.Load(nominee->position), nominee->trial_ns};
        }
        if (phase < search.last_phase()) search.Advance(by_load_);
      }
    }
    return std::nullopt;
  }

  // After Next() gave a trial.
  void Add(const TrialResult& result) {
    ++trials_;
    trial_ns_ += result.trial.duration_ns;
    ++goals_[nominator_].trials;
    goals_[nominator_].trial_ns += result.trial.duration_ns;
    const int64_t position = grid_.Nearest(result.trial.load_pps);
    if (result.generator_limited) return Limit(position, result);
    by_load_[position].push_back(result);
  }

  RateSearchResult Result() const {
    RateSearchResult out;
    out.trials = trials_;
    out.trial_ns = trial_ns_;
    out.generator_limit_pps = generator_limit_pps_;
    for (const Goal& goal : goals_) out.goals.push_back(ResultOf(goal));
    return out;
  }

 private:
  struct Goal {
    const SearchGoal* goal;
    GoalSearch search;
    uint32_t trials = 0;
    uint64_t trial_ns = 0;
  };

  // Where a goal begins: where those before it stand (the lowest of them), else at max load, then where the forwarding
  // rate leads.
  int64_t StartOf(size_t goal) const {
    int64_t start = cap_;
    for (size_t i = 0; i < goal; ++i) {
      const RelevantBounds before = goals_[i].search.Bounds(by_load_);
      if (before.lower >= 0) start = std::min(start, before.lower);
    }
    return start;
  }

  void Limit(int64_t position, const TrialResult& result) {
    const uint32_t times = ++limited_[position];
    if (times < kLimitedTrialsMax && result.sent_pps > kNotNearly * grid_.Load(position)) return;
    const double load_pps = grid_.Load(position);
    if (generator_limit_pps_ == 0 || load_pps < generator_limit_pps_) generator_limit_pps_ = load_pps;
    // Down to what was sent, and by steps that double, so that a generator that is always late ends the search soon.
    // Min load is not given up before it was tried.
    const int64_t below = std::min(position - cap_step_, grid_.AtMost(result.sent_pps));
    cap_ = std::min(cap_, position > 0 ? std::max<int64_t>(0, below) : -1);
    cap_step_ *= 2;
  }

  GoalResult ResultOf(const Goal& goal) const {
    GoalResult out;
    out.name = goal.goal->name;
    out.trials = goal.trials;
    out.trial_ns = goal.trial_ns;
    const LoadTarget& target = goal.search.final_target();
    const RelevantBounds bounds = FindBounds(target, by_load_);
    if (bounds.lower >= 0) {
      out.lower_pps = grid_.Load(bounds.lower);
      out.conditional_pps = ConditionalThroughput(target, out.lower_pps, by_load_.at(bounds.lower));
    }
    if (bounds.upper >= 0) out.upper_pps = grid_.Load(bounds.upper);
    if (bounds.lower >= 0 && bounds.upper >= 0) out.width = (out.upper_pps - out.lower_pps) / out.upper_pps;
    out.end = EndOf(goal, bounds);
    return out;
  }

  GoalEnd EndOf(const Goal& goal, RelevantBounds bounds) const {
    if (bounds.upper == 0) return GoalEnd::kMinLoad;
    if (goal.search.phase() == goal.search.last_phase() && goal.search.Narrow(bounds)) return GoalEnd::kFound;
    if (cap_ < 0) return bounds.lower < 0 ? GoalEnd::kNothingOffered : GoalEnd::kGeneratorLimited;
    if (bounds.lower == grid_.top()) return GoalEnd::kMaxLoad;
    if (bounds.lower >= cap_) return GoalEnd::kGeneratorLimited;
    return GoalEnd::kTrialsSpent;
  }

  const RateSearchSettings& settings_;
  const LoadGrid grid_;
  std::vector<Goal> goals_;
  TrialsByLoad by_load_;
  std::map<int64_t, uint32_t> limited_;
  // Highest position that the generator may be asked for; -1 = none.
  int64_t cap_;
  int64_t cap_step_ = 1;
  double generator_limit_pps_ = 0;
  size_t nominator_ = 0;
  uint32_t trials_ = 0;
  uint64_t trial_ns_ = 0;
};

bool ShareOf(double value) { return value >= 0 && value < 1; }

absl::Status CheckGoal(const SearchGoal& goal) {
  if (!ShareOf(goal.loss_ratio))
    return absl::InvalidArgumentError(absl::StrCat(goal.name, ": loss ratio must be 0 to below 1"));
  if (!ShareOf(goal.exceed_ratio)) {
    return absl::InvalidArgumentError(absl::StrCat(goal.name, ": exceed ratio must be 0 to below 1"));
  }
  if (!(goal.width >= 0.0001) || !(goal.width <= 0.5)) {
    return absl::InvalidArgumentError(absl::StrCat(goal.name, ": width must be 0.01% to 50%"));
  }
  if (goal.initial_trial_ns == 0 || goal.initial_trial_ns > goal.final_trial_ns) {
    return absl::InvalidArgumentError(
        absl::StrCat(goal.name, ": the initial trial must not be longer than the final one"));
  }
  if (goal.duration_sum_ns < goal.final_trial_ns) {
    return absl::InvalidArgumentError(absl::StrCat(goal.name, ": the duration sum must hold a final trial"));
  }
  return absl::OkStatus();
}

}  // namespace

const char* GoalEndText(GoalEnd end) {
  switch (end) {
    case GoalEnd::kFound:
      return "found";
    case GoalEnd::kMaxLoad:
      return "at least: max load passed";
    case GoalEnd::kGeneratorLimited:
      return "at least: generator limited";
    case GoalEnd::kMinLoad:
      return "none: min load fails";
    case GoalEnd::kNothingOffered:
      return "none: the generator could not offer min load";
    case GoalEnd::kTrialsSpent:
      return "not narrowed: trials spent";
  }
  return "?";
}

absl::Status CheckSettings(const RateSearchSettings& settings) {
  if (!(settings.min_pps >= 1) || !(settings.max_pps > settings.min_pps) || !std::isfinite(settings.max_pps)) {
    return absl::InvalidArgumentError("min load must be 1 pps or more, and below max load");
  }
  if (settings.goals.empty()) return absl::InvalidArgumentError("a search needs a goal");
  if (settings.trials_max == 0) return absl::InvalidArgumentError("a search needs a trial");
  if (settings.preceding_phases > 8) return absl::InvalidArgumentError("at most 8 preceding phases");
  std::set<std::string> names;
  for (const SearchGoal& goal : settings.goals) {
    if (!names.insert(goal.name).second)
      return absl::InvalidArgumentError(absl::StrCat("goal ", goal.name, " is there twice"));
    if (absl::Status status = CheckGoal(goal); !status.ok()) return status;
  }
  return absl::OkStatus();
}

std::variant<Trial, RateSearchResult> NextTrial(const RateSearchSettings& settings,
                                                std::span<const TrialResult> trials) {
  Search search(settings);
  std::optional<Trial> next = search.Next();
  for (const TrialResult& trial : trials) {
    search.Add(trial);
    next = search.Next();
  }
  if (next.has_value()) return *next;
  return search.Result();
}

}  // namespace feedfarm
