#pragma once

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"
#include "pipeline/base/rng.h"

namespace feedfarm {

// How long to wait before trying again: doubling from `first` to `longest`, each wait between half and all of it, so
// that many agents do not come back at the same moment. One thread.
class Backoff {
 public:
  Backoff(absl::Duration first, absl::Duration longest, uint64_t seed)
      : first_(first), longest_(longest), next_(first), rng_(seed) {}

  absl::Duration Next() {
    const absl::Duration wait = next_ * (0.5 + 0.5 * rng_.Uniform());
    next_ = std::min(next_ * 2, longest_);
    return wait;
  }

  // It worked: the next failure begins anew.
  void Reset() { next_ = first_; }

 private:
  const absl::Duration first_;
  const absl::Duration longest_;
  absl::Duration next_;
  Rng rng_;
};

}  // namespace feedfarm
