#include "coordinator/rate_search/goal_search.h"

#include <algorithm>
#include <cmath>

#include "coordinator/rate_search/capacity_estimate.h"

namespace feedfarm {

namespace {

// A phase follows the estimate for so many loads; then it walks and bisects from the last one, which ends whatever the
// subject does.
constexpr uint32_t kGuidedLoadsMax = 6;
// Where a goal begins that forgives no trial: a load that this share of the trials' time was too much for. Lower, the
// estimate rests on too few trials; higher, most long trials there fail.
constexpr double kUnforgivenShare = 0.13;

// Packets a second, in the worst trial at the load.
double ForwardedLeast(const LoadGrid& grid, int64_t position, const TrialsByLoad& trials) {
  double most_lost = 0;
  for (const TrialResult& result : trials.at(position)) most_lost = std::max(most_lost, result.loss_ratio);
  return grid.Load(position) * (1 - most_lost);
}

uint64_t TimeAt(const TrialsByLoad& trials, int64_t position) {
  const auto at_load = trials.find(position);
  if (at_load == trials.end()) return 0;
  uint64_t sum_ns = 0;
  for (const TrialResult& result : at_load->second) sum_ns += result.trial.duration_ns;
  return sum_ns;
}

}  // namespace

GoalSearch::GoalSearch(const SearchGoal* goal, const LoadGrid* grid, uint32_t preceding_phases)
    : grid_(grid), initial_trial_ns_(goal->initial_trial_ns) {
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

bool GoalSearch::Forgives() const { return final_target().exceed_ratio > 0; }

int64_t GoalSearch::Aligned(int64_t position) const {
  const int64_t width = phases_.back().width_steps;
  const int64_t above_lattice = (width - (grid_->top() - position) % width) % width;
  return Forgives() ? std::max<int64_t>(0, position - above_lattice) : position;
}

std::optional<GoalSearch::Nominee> GoalSearch::Nominate(const TrialsByLoad& trials, int64_t cap, int64_t start) {
  const RelevantBounds bounds = Bounds(trials);
  if (pivot_ < 0) pivot_ = bounds.lower >= 0 ? bounds.lower : start;
  if (phase_ == 0 && !led_ && bounds.lower < 0 && bounds.upper == pivot_ && pivot_ > 0) {
    // What the subject forwarded of a load that was too much is a good guess at what it can do.
    led_ = true;
    const int64_t forwarded =
        Aligned(std::max<int64_t>(0, grid_->AtMost(ForwardedLeast(*grid_, bounds.upper, trials))));
    pivot_ = std::min(forwarded, pivot_ - 1);
  }
  if (Narrow(bounds) || bounds.upper == 0) return std::nullopt;
  const bool undecided = trying_ > bounds.lower && (bounds.upper < 0 || trying_ < bounds.upper) && trying_ <= cap;
  if (!undecided) {
    Guide(trials, bounds);
    trying_ = std::min(NextPosition(bounds), cap);
    // Not between the bounds of a goal that forgives more.
    if (!Forgives() && bounds.lower < start) trying_ = std::min(trying_, start);
  }
  // Also where the generator ends below a known upper bound.
  if (bounds.lower >= trying_) return std::nullopt;
  return Nominee{trying_, TrialLength(trials)};
}

uint64_t GoalSearch::TrialLength(const TrialsByLoad& trials) const {
  const uint64_t trial_ns = phases_[phase_].target.trial_ns;
  // One loss is enough against a load where nothing is forgiven: where an upper bound is looked for, short trials find
  // it sooner.
  const bool upwards = !Forgives() && phase_ == last_phase() && trying_ > pivot_;
  return upwards && TimeAt(trials, trying_) < 2 * trial_ns ? initial_trial_ns_ : trial_ns;
}

void GoalSearch::Guide(const TrialsByLoad& trials, RelevantBounds bounds) {
  if (guided_loads_ >= (Forgives() ? kGuidedLoadsMax : 1)) return;
  ++guided_loads_;
  const LoadTarget& target = phases_[phase_].target;
  const double share = Forgives() ? target.exceed_ratio : kUnforgivenShare;
  const std::optional<double> capacity = EstimateCapacity(trials, *grid_, share, phases_.back().target.trial_ns);
  const int64_t position = capacity.has_value() ? grid_->AtMost(*capacity / (1 - target.loss_ratio)) : -1;
  if (Forgives()) {
    if (position < 0) return;
    const int64_t within = std::clamp(position, bounds.lower, bounds.upper < 0 ? grid_->top() : bounds.upper);
    // Where trials have contradicted the estimate, the walk goes on from where it was, by steps that grow.
    const bool contradicted = within == bounds.lower || within == bounds.upper;
    if (guided_loads_ == 1 || !contradicted) pivot_ = std::max<int64_t>(0, Aligned(within));
    return;
  }
  // Below all loads that ever lost.
  if (bounds.upper > 0) pivot_ = position >= 0 ? std::min(position, bounds.upper - 1) : bounds.upper - 1;
}

int64_t GoalSearch::NextPosition(RelevantBounds bounds) const {
  if (bounds.lower < pivot_ && (bounds.upper < 0 || pivot_ < bounds.upper)) return pivot_;
  const int64_t width = phases_[phase_].width_steps;
  const int64_t middle = (bounds.lower + bounds.upper) / 2;
  const int64_t between = std::max(Aligned(middle), bounds.lower + 1);
  if (bounds.lower >= pivot_) {
    const int64_t expected = pivot_ + width;
    const int64_t up = bounds.lower < expected ? expected : bounds.lower + std::max(width, bounds.lower - pivot_);
    return bounds.upper < 0 ? std::min(grid_->top(), up) : std::min(between, up);
  }
  // Where nothing is forgiven, each trial by mischance costs a step, which is therefore small, and grows late.
  const int64_t gone = pivot_ - bounds.upper;
  const int64_t down = bounds.upper - (Forgives() ? std::max(width, gone) : std::max<int64_t>(1, gone / 2));
  return bounds.lower < 0 ? std::max<int64_t>(0, down) : std::max(between, down);
}

void GoalSearch::Advance(const TrialsByLoad& trials) {
  const RelevantBounds bounds = Bounds(trials);
  if (bounds.lower >= 0) {
    pivot_ = bounds.lower;
  } else if (bounds.upper >= 0) {
    pivot_ = bounds.upper;
  }
  ++phase_;
  guided_loads_ = 0;
  trying_ = -1;
}

}  // namespace feedfarm
