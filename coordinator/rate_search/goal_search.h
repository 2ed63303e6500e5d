#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "coordinator/rate_search/load_class.h"
#include "coordinator/rate_search/load_grid.h"
#include "coordinator/rate_search/relevant_bounds.h"
#include "coordinator/rate_search/search_goal.h"

namespace feedfarm {

// One goal's way through its phases. Deterministic; no clock. Borrows goal and grid.
class GoalSearch {
 public:
  GoalSearch(const SearchGoal* goal, const LoadGrid* grid, uint32_t preceding_phases);

  struct Nominee {
    int64_t position = 0;
    uint64_t trial_ns = 0;
  };
  // What this phase wants to try, loads above `cap` excluded; nothing: this phase has its bounds. `start`: where a goal
  // begins that has no phase behind it and no lower bound yet. Call with phase() <= last_phase().
  std::optional<Nominee> Nominate(const TrialsByLoad& trials, int64_t cap, int64_t start);

  // The present phase is done: to the next one, from its bounds.
  void Advance(const TrialsByLoad& trials);
  // To the last phase at once: other goals' coarse trials lead there.
  void SkipCoarsePhases() { phase_ = last_phase(); }

  uint32_t phase() const { return phase_; }
  uint32_t last_phase() const { return static_cast<uint32_t>(phases_.size()) - 1; }
  // By the present phase, and by the last one.
  RelevantBounds Bounds(const TrialsByLoad& trials) const { return FindBounds(phases_[phase_].target, trials); }
  const LoadTarget& final_target() const { return phases_.back().target; }
  bool Narrow(RelevantBounds bounds) const;
  // Some trials at a load may lose too much; else one that does is an upper bound.
  bool Forgives() const;

 private:
  struct Phase {
    LoadTarget target;
    int64_t width_steps = 1;
  };
  // Where the lower bound is expected, by all trials.
  void Guide(const TrialsByLoad& trials, RelevantBounds bounds);
  int64_t NextPosition(RelevantBounds bounds) const;
  uint64_t TrialLength(const TrialsByLoad& trials) const;
  // Goals that forgive try loads a whole width apart, the same ones for all: each is decided by many trials, and the
  // fewer the better.
  int64_t Aligned(int64_t position) const;

  const LoadGrid* grid_;
  const uint64_t initial_trial_ns_;
  std::vector<Phase> phases_;
  uint32_t phase_ = 0;
  // Where the lower bound is expected, and the walk begins; -1 = not known yet.
  int64_t pivot_ = -1;
  // The pivot was led by a forwarding rate.
  bool led_ = false;
  uint32_t guided_loads_ = 0;
  // Tried until it is decided; -1 = none.
  int64_t trying_ = -1;
};

}  // namespace feedfarm
