#pragma once

#include <cstdint>

namespace feedfarm {

// The loads that a search may try: from max downwards, each `width` (a share of the higher one) below the next, and min. All goals try
// the same loads, so that a trial speaks for each of them. Positions count from 0 = min. Immutable.
class LoadGrid {
 public:
  // 1 <= min < max; 0 < width < 1.
  LoadGrid(double min_pps, double max_pps, double width);

  int64_t top() const { return top_; }
  // Rounded to a millionth of a packet a second. 0 <= position <= top().
  double Load(int64_t position) const;
  // The highest position whose load is not above this one; -1 below min.
  int64_t AtMost(double load_pps) const;
  // The position whose load is nearest.
  int64_t Nearest(double load_pps) const;
  // The most steps that are not wider than `width` (at least 1).
  int64_t Steps(double width) const;

 private:
  double min_pps_, max_pps_, log_step_;
  int64_t top_;
};

}  // namespace feedfarm
