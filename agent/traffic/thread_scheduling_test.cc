#include "agent/traffic/thread_scheduling.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

struct Standing {
  int policy = 0;
  int nice = 0;
};

Standing Own() { return {::sched_getscheduler(0) & ~SCHED_RESET_ON_FORK, ::getpriority(PRIO_PROCESS, 0)}; }

// What `favour` makes of a new thread.
Standing After(void (*favour)()) {
  Standing standing;
  std::thread([&] {
    favour();
    standing = Own();
  }).join();
  return standing;
}

class ThreadScheduling : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs CAP_SYS_NICE";
  }
};

TEST_F(ThreadScheduling, SpinningThreadComesFirstAmongOrdinaryOnes) {
  const Standing standing = After(FavourSpinningThread);
  EXPECT_EQ(standing.policy, SCHED_OTHER);
  EXPECT_EQ(standing.nice, -20);
}

TEST_F(ThreadScheduling, WakingThreadIsRealTimeWhereTheKernelGrantsIt) {
  bool granted = false;
  std::thread([&granted] {
    const sched_param parameters{.sched_priority = 1};
    granted = ::sched_setscheduler(0, SCHED_FIFO, &parameters) == 0;
  }).join();
  const Standing standing = After(FavourWakingThread);
  EXPECT_EQ(standing.policy, granted ? SCHED_FIFO : SCHED_OTHER);
  EXPECT_EQ(standing.nice, -20);
}

TEST_F(ThreadScheduling, StandsOffTheSpinningCoreWhereThereAreOthers) {
  cpu_set_t before, after;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(before), &before), 0);
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  const int cpus = CPU_COUNT(&before);
  std::thread([&] {
    StandBeside(first);
    ::sched_getaffinity(0, sizeof(after), &after);
  }).join();
  EXPECT_EQ(CPU_ISSET(first, &after) != 0, cpus <= 2);
  EXPECT_EQ(CPU_COUNT(&after), cpus <= 2 ? 1 : cpus - 1);
  std::thread([&] {
    StandBeside(-1);
    ::sched_getaffinity(0, sizeof(after), &after);
  }).join();
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST_F(ThreadScheduling, CallersThreadStaysAsItIs) {
  const Standing before = Own();
  After(FavourWakingThread);
  EXPECT_EQ(Own().policy, before.policy);
  EXPECT_EQ(Own().nice, before.nice);
}

}  // namespace
}  // namespace feedfarm
