#pragma once

#include <time.h>

#include <cerrno>
#include <cstdint>

#include "pipeline/base/clock.h"

namespace feedfarm {

// The kernel frees a dead process's queue or program a little after its end; binding meanwhile answers EBUSY.
inline constexpr uint64_t kBusyRetryNs = 1'000'000'000;
inline constexpr long kBusyPauseNs = 10'000'000;

// Calls `attempt` (which returns an errno, 0 = done) until it answers other than EBUSY, for about a second. For set-up
// only.
template <class Attempt>
int RetryWhileBusy(Attempt attempt) {
  const uint64_t give_up_ns = MonotonicNow() + kBusyRetryNs;
  while (true) {
    const int error = attempt();
    if (error != EBUSY || MonotonicNow() >= give_up_ns) return error;
    const timespec pause{0, kBusyPauseNs};
    nanosleep(&pause, nullptr);
  }
}

}  // namespace feedfarm
