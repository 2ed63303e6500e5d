#include "pipeline/profile/pool_soak.h"

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(PoolSoak, GivesEveryBufferBack) {
  const auto report = RunPoolSoak({.frames = 512, .burst = 256, .rounds = 1'000, .batch = 64});
  ASSERT_TRUE(report.ok()) << report.status();
  // Page faults are the host's matter.
  EXPECT_TRUE(report->status() == ProfileStatus::kOk || report->status() == ProfileStatus::kBreached) << report->Line();
  EXPECT_NE(report->Line().find(" operations=64000 misses=0 return_drops=0 pool_available=512 pool_size=512 "),
            std::string::npos)
      << report->Line();
}

TEST(PoolSoak, ThePoolMayBeExactlyAsLargeAsWhatIsOut) {
  const auto report = RunPoolSoak({.frames = 72, .burst = 64, .rounds = 100, .batch = 8});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_NE(report->status(), ProfileStatus::kBroken) << report->Line();
}

TEST(PoolSoak, RefusesWhatCannotBe) {
  EXPECT_FALSE(RunPoolSoak({.frames = 0}).ok());
  EXPECT_FALSE(RunPoolSoak({.frames = 64, .burst = 64, .rounds = 1, .batch = 1}).ok());
  EXPECT_FALSE(RunPoolSoak({.frames = 1'024, .burst = 16, .rounds = 1, .batch = 17}).ok());
  EXPECT_FALSE(RunPoolSoak({.frames = (1u << 20) + 1}).ok());
}

}  // namespace
}  // namespace feedfarm
