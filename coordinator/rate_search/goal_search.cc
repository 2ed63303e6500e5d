#include "coordinator/rate_search/goal_search.h"

#include <algorithm>
#include <cmath>

namespace feedfarm {

namespace {

// Packets a second, in the worst trial at the load.
double ForwardedLeast(const LoadGrid& grid, int64_t position, const TrialsByLoad& trials) {
  double most_lost = 0;
  for (const TrialResult& result : trials.at(position)) most_lost = std::max(most_lost, result.loss_ratio);
  return grid.Load(position) * (1 - most_lost);
}

}  // namespace

RelevantBounds FindBounds(const LoadTarget& target, const TrialsByLoad& trials) {
  RelevantBounds bounds;
  for (const auto& [position, at_load] : trials) {
    switch (Classify(target, at_load)) {
      case LoadClass::kLower:
        bounds.lower = position;
        break;
      case LoadClass::kUpper:
        bounds.upper = position;
        return bounds;
      case LoadClass::kUndecided:
        break;
    }
  }
  return bounds;
}

GoalSearch::GoalSearch(const SearchGoal* goal, const LoadGrid* grid, uint32_t preceding_phases) : grid_(grid) {
  const double initial = static_cast<double>(goal->initial_trial_ns);
  const double growth = static_cast<double>(goal->duration_sum_ns) / initial;
  for (uint32_t i = 0; i <= preceding_phases; ++i) {
    Phase phase;
    const bool last = i == preceding_phases;
    // Duration sums grow evenly on a logarithmic scale; a trial is never longer than the goal asks for.
    const double share = preceding_phases == 0 ? 1 : static_cast<double>(i) / preceding_phases;
    const uint64_t sum_ns = last ? goal->duration_sum_ns : static_cast<uint64_t>(initial * std::pow(growth, share));
    const uint64_t trial_ns = last ? goal->final_trial_ns : std::min(goal->final_trial_ns, sum_ns);
    phase.target = {goal->loss_ratio, goal->exceed_ratio, trial_ns, sum_ns};
    phase.width_steps = grid->Steps(goal->width) << (preceding_phases - i);
    phases_.push_back(phase);
  }
}

bool GoalSearch::Narrow(RelevantBounds bounds) const {
  return bounds.lower >= 0 && bounds.upper >= 0 && bounds.upper - bounds.lower <= phases_[phase_].width_steps;
}

std::optional<GoalSearch::Nominee> GoalSearch::Nominate(const TrialsByLoad& trials, int64_t cap, int64_t start) {
  const RelevantBounds bounds = Bounds(trials);
  if (pivot_ < 0) pivot_ = start;
  if (phase_ == 0 && !led_ && bounds.lower < 0 && bounds.upper == pivot_ && pivot_ > 0) {
    // What the subject forwarded of a load that was too much is a good guess at what it can do.
    led_ = true;
    pivot_ = std::clamp<int64_t>(grid_->AtMost(ForwardedLeast(*grid_, bounds.upper, trials)), 0, pivot_ - 1);
  }
  if (Narrow(bounds) || bounds.upper == 0) return std::nullopt;
  const int64_t position = std::min(NextPosition(bounds), cap);
  // Also where the generator ends below a known upper bound.
  if (bounds.lower >= position) return std::nullopt;
  return Nominee{position, phases_[phase_].target.trial_ns};
}

int64_t GoalSearch::NextPosition(RelevantBounds bounds) const {
  const int64_t width = phases_[phase_].width_steps;
  if (bounds.lower < 0 && bounds.upper < 0) return pivot_;
  // The pivot is untried where another goal's trials gave the bound.
  if (bounds.upper < 0) {
    if (pivot_ > bounds.lower) return pivot_;
    return std::min(grid_->top(), bounds.lower + std::max(width, bounds.lower - pivot_));
  }
  if (bounds.lower < 0) {
    if (pivot_ < bounds.upper) return pivot_;
    return std::max<int64_t>(0, bounds.upper - std::max(width, pivot_ - bounds.upper));
  }
  const int64_t middle = (bounds.lower + bounds.upper) / 2;
  // Walking away from the pivot, as long as that is shorter than bisecting.
  if (pivot_ <= bounds.lower) return std::min(middle, bounds.lower + std::max(width, bounds.lower - pivot_));
  if (pivot_ >= bounds.upper) return std::max(middle, bounds.upper - std::max(width, pivot_ - bounds.upper));
  return pivot_;
}

void GoalSearch::Advance(const TrialsByLoad& trials) {
  const RelevantBounds bounds = Bounds(trials);
  if (bounds.lower >= 0) {
    pivot_ = bounds.lower;
  } else if (bounds.upper >= 0) {
    pivot_ = bounds.upper;
  }
  ++phase_;
}

}  // namespace feedfarm
