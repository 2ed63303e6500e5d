#include "agent/traffic/thread_scheduling.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace feedfarm {
namespace {

constexpr int kNiceMost = -20;
// Below the handler's hot thread, should that be real-time on the same host.
constexpr int kFifoPriority = 1;

}  // namespace

void FavourSpinningThread() {
  // Wake from a sleep when it ends, not up to 50 us later.
  (void)::prctl(PR_SET_TIMERSLACK, 1);
  (void)::setpriority(PRIO_PROCESS, 0, kNiceMost);
}

void FavourWakingThread() {
  FavourSpinningThread();
  // Threads and processes that it might start are ordinary ones again.
  const sched_param parameters{.sched_priority = kFifoPriority};
  (void)::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameters);
}

}  // namespace feedfarm
