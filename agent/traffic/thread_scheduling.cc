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

void StandBeside(int spinning_cpu) {
  cpu_set_t cpus;
  if (spinning_cpu < 0 || spinning_cpu >= CPU_SETSIZE || ::sched_getaffinity(0, sizeof(cpus), &cpus) != 0) return;
  if (CPU_COUNT(&cpus) > 2) {
    CPU_CLR(spinning_cpu, &cpus);
  } else {
    CPU_ZERO(&cpus);
    CPU_SET(spinning_cpu, &cpus);
  }
  (void)::sched_setaffinity(0, sizeof(cpus), &cpus);
}

}  // namespace feedfarm
