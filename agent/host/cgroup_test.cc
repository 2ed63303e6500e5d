#include "agent/host/cgroup.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

// A child that lives until it is killed, and ends with this test at the latest.
pid_t StartSleeper() {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    for (;;) ::pause();
  }
  return child;
}

class CgroupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto group = Cgroup::Create(name_, options_);
    if (absl::IsNotFound(group.status())) GTEST_SKIP() << group.status().message();
    ASSERT_TRUE(group.ok()) << group.status();
    group_.emplace(*std::move(group));
  }

  const CgroupOptions options_{.mounts = "/proc/mounts", .parent = absl::StrCat("feedfarm-test-", ::getpid())};
  const std::string name_ = "group.1";
  std::optional<Cgroup> group_;
};

TEST_F(CgroupTest, KillsWhatItHoldsAndItsChildren) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!group_->MoveIn(::getpid()).ok()) ::_exit(1);
    StartSleeper();
    ::alarm(60);
    for (;;) ::pause();
  }
  // The grandchild is there as soon as the group says so.
  for (;;) {
    const auto processes = group_->Processes();
    ASSERT_TRUE(processes.ok()) << processes.status();
    if (processes->size() == 2) break;
    ASSERT_EQ(::waitpid(child, nullptr, WNOHANG), 0) << "the child could not move in";
  }
  EXPECT_TRUE(group_->Remove().ok());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_TRUE(Cgroup::List(options_)->empty());
  EXPECT_TRUE(group_->Remove().ok()) << "removing again must be harmless";
}

TEST_F(CgroupTest, ReclaimEndsAGroupByName) {
  const pid_t child = StartSleeper();
  ASSERT_TRUE(group_->MoveIn(child).ok());
  EXPECT_THAT(*Cgroup::ProcessesOf(name_, options_), UnorderedElementsAre(child));
  EXPECT_THAT(*Cgroup::List(options_), Contains(name_));
  EXPECT_TRUE(Cgroup::Reclaim(name_, options_).ok());
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_THAT(*Cgroup::List(options_), Not(Contains(name_)));
  EXPECT_TRUE(Cgroup::ProcessesOf(name_, options_)->empty());
  EXPECT_TRUE(Cgroup::Reclaim(name_, options_).ok()) << "reclaiming again must be harmless";
}

// A child born inside the group, as the handler is.
pid_t CloneInto(int group_fd) {
  clone_args arguments{};
  arguments.flags = CLONE_INTO_CGROUP;
  arguments.exit_signal = SIGCHLD;
  arguments.cgroup = static_cast<uint64_t>(group_fd);
  const auto child = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof(arguments)));
  if (child == 0) ::_exit(7);
  return child;
}

TEST_F(CgroupTest, RenewedAfterAKillItHoldsLivingProcesses) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(group_->Kill().ok());
    ASSERT_TRUE(group_->Renew().ok());
    int status = 0;
    const pid_t child = CloneInto(group_->fd());
    ASSERT_GT(child, 0);
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
  }
}

TEST_F(CgroupTest, NamesAreUsedOnce) { EXPECT_TRUE(absl::IsAlreadyExists(Cgroup::Create(name_, options_).status())); }

TEST_F(CgroupTest, WaitingForALivingProcessTimesOut) {
  const pid_t child = StartSleeper();
  ASSERT_TRUE(group_->MoveIn(child).ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(group_->WaitEmpty(1'000'000)));
  ASSERT_TRUE(group_->Kill().ok());
  EXPECT_TRUE(group_->WaitEmpty(Cgroup::kWaitNs).ok());
  ::waitpid(child, nullptr, 0);
}

TEST_F(CgroupTest, DestroyingItLeavesNothing) {
  const pid_t child = StartSleeper();
  ASSERT_TRUE(group_->MoveIn(child).ok());
  group_.reset();
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(Cgroup::List(options_)->empty());
}

}  // namespace
}  // namespace feedfarm
