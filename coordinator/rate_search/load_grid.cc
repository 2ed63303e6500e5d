#include "coordinator/rate_search/load_grid.h"

#include <algorithm>
#include <cmath>

namespace feedfarm {
namespace {

// What logarithms and the rounding of loads may be off, in steps.
constexpr double kSlack = 1e-3;

}  // namespace

LoadGrid::LoadGrid(double min_pps, double max_pps, double width)
    : min_pps_(min_pps), max_pps_(max_pps), log_step_(-std::log1p(-width)) {
  top_ = std::max<int64_t>(1, static_cast<int64_t>(std::ceil(std::log(max_pps / min_pps) / log_step_ - kSlack)));
}

double LoadGrid::Load(int64_t position) const {
  if (position <= 0) return min_pps_;
  if (position >= top_) return max_pps_;
  return std::round(max_pps_ * std::exp(-log_step_ * static_cast<double>(top_ - position)) * 1e6) / 1e6;
}

int64_t LoadGrid::AtMost(double load_pps) const {
  if (load_pps < min_pps_) return -1;
  if (load_pps >= max_pps_) return top_;
  const double below_top = std::log(max_pps_ / load_pps) / log_step_;
  return std::clamp<int64_t>(top_ - static_cast<int64_t>(std::ceil(below_top - kSlack)), 0, top_);
}

int64_t LoadGrid::Nearest(double load_pps) const {
  const int64_t below = std::max<int64_t>(0, AtMost(load_pps));
  const int64_t above = std::min(top_, below + 1);
  return std::abs(Load(above) - load_pps) < std::abs(load_pps - Load(below)) ? above : below;
}

int64_t LoadGrid::Steps(double width) const {
  return std::max<int64_t>(1, static_cast<int64_t>(std::floor(-std::log1p(-width) / log_step_ + kSlack)));
}

}  // namespace feedfarm
