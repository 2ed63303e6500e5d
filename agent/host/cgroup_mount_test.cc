#include "absl/status/status.h"
#include "agent/host/cgroup.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(CgroupMountPoint, IsFoundWhereverItIs) {
  EXPECT_EQ(CgroupMountPoint("proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n").value(),
            "/sys/fs/cgroup");
  EXPECT_EQ(CgroupMountPoint("tmpfs /sys/fs/cgroup tmpfs rw 0 0\n"
                             "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n"
                             "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n")
                .value(),
            "/sys/fs/cgroup/unified");
  EXPECT_TRUE(absl::IsNotFound(CgroupMountPoint("cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n").status()));
  EXPECT_TRUE(absl::IsNotFound(CgroupMountPoint("").status()));
}

TEST(Cgroup, RefusesNamesThatLeaveItsFolder) {
  for (const char* name : {"", ".", "..", "a/b", "../x", "a b", ".hidden"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Cgroup::Create(name).status())) << name;
    EXPECT_TRUE(absl::IsInvalidArgument(Cgroup::Reclaim(name))) << name;
  }
}

}  // namespace
}  // namespace feedfarm
