#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "coordinator/rate_search/load_class.h"
#include "coordinator/rate_search/load_grid.h"
#include "coordinator/rate_search/search_goal.h"

namespace feedfarm {

// Trials by their load's position in the grid; those of a limited generator are not among them.
using TrialsByLoad = std::map<int64_t, std::vector<TrialResult>>;

// The lowest upper bound and the highest lower bound below it, as positions; -1 = none.
struct RelevantBounds {
  int64_t lower = -1;
  int64_t upper = -1;
};

// Nothing where the trials have no bound for the target.
RelevantBounds FindBounds(const LoadTarget& target, const TrialsByLoad& trials);

// One goal's way through its phases. Deterministic; no clock. Borrows goal and grid.
class GoalSearch {
 public:
  GoalSearch(const SearchGoal* goal, const LoadGrid* grid, uint32_t preceding_phases);

  struct Nominee {
    int64_t position = 0;
    uint64_t trial_ns = 0;
  };
  // What this phase wants to try, loads above `cap` excluded; nothing: this phase has its bounds. `start`: where a goal begins that has no
  // phase behind it. Call with phase() <= last_phase().
  std::optional<Nominee> Nominate(const TrialsByLoad& trials, int64_t cap, int64_t start);

  // The present phase is done: to the next one, from its bounds.
  void Advance(const TrialsByLoad& trials);

  uint32_t phase() const { return phase_; }
  uint32_t last_phase() const { return static_cast<uint32_t>(phases_.size()) - 1; }
  // By the present phase, and by the last one.
  RelevantBounds Bounds(const TrialsByLoad& trials) const { return FindBounds(phases_[phase_].target, trials); }
  const LoadTarget& final_target() const { return phases_.back().target; }
  bool Narrow(RelevantBounds bounds) const;

 private:
  struct Phase {
    LoadTarget target;
    int64_t width_steps = 1;
  };
  int64_t NextPosition(RelevantBounds bounds) const;

  const LoadGrid* grid_;
  std::vector<Phase> phases_;
  uint32_t phase_ = 0;
  // Where the phase began; -1 = not yet.
  int64_t pivot_ = -1;
  // The pivot was led by a forwarding rate.
  bool led_ = false;
};

}  // namespace feedfarm
