// Kills a writing process with SIGKILL at random points and looks whether everything that it acknowledged is there.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "coordinator/store/campaigns.h"
#include "coordinator/store/leases.h"
#include "coordinator/store/runs.h"
#include "coordinator/store/store.h"
#include "gtest/gtest.h"
#include "pipeline/base/rng.h"
#include "pipeline/base/scoped_fd.h"

namespace feedfarm {
namespace {

constexpr int kRounds = 40;

// Campaign n with its two runs and a lease of epoch n, in one transaction.
absl::Status WriteCampaign(Store* store, uint64_t n) {
  return store->Write([&](Database& database) -> absl::Status {
    record::CampaignRecord campaign;
    campaign.set_campaign_id(CampaignId(n));
    absl::Status status = PutCampaign(database, campaign);
    for (int i = 0; i < 2 && status.ok(); ++i) {
      record::RunRecord run;
      run.set_run_id(absl::StrCat("c", n, ".r", i + 1));
      run.set_campaign_id(campaign.campaign_id());
      run.set_index(i);
      status = PutRun(database, run);
    }
    record::LeaseRecord lease;
    lease.set_host("dut");
    lease.set_epoch(n);
    return status.ok() ? PutLease(database, lease) : status;
  });
}

// Writes campaigns from `first` on and says each number into the pipe once its transaction is acknowledged. Never returns.
[[noreturn]] void WriteForever(const std::string& path, uint64_t first, int pipe) {
  auto store = Store::Open(path);
  if (!store.ok()) ::_exit(2);
  for (uint64_t n = first;; ++n) {
    if (!WriteCampaign(store->get(), n).ok()) ::_exit(3);
    if (::write(pipe, &n, sizeof(n)) != sizeof(n)) ::_exit(4);
  }
}

// The last number that a child acknowledged before it was killed after `life_us`; 0 = none.
uint64_t RunAndKill(const std::string& path, uint64_t first, useconds_t life_us) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const ScopedFd read_end(ends[0]);
  ScopedFd write_end(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) WriteForever(path, first, write_end.get());
  write_end.Reset();
  ::usleep(life_us);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
  uint64_t last = 0, n = 0;
  while (::read(read_end.get(), &n, sizeof(n)) == sizeof(n)) last = n;
  return last;
}

TEST(StoreCrash, WhatWasAcknowledgedSurvivesKill9AtAnyPoint) {
  constexpr uint64_t kSeed = 4711;
  SCOPED_TRACE(absl::StrCat("seed ", kSeed));
  Rng rng(kSeed);
  const std::filesystem::path dir = std::filesystem::path(testing::TempDir()) / "store-crash";
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  const std::string path = (dir / "feedfarm.db").string();
  uint64_t acknowledged = 0, there = 0;
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t before = there;
    const uint64_t last = RunAndKill(path, there + 1, 1000 + rng.Below(60'000));
    acknowledged = std::max(acknowledged, last);
    auto store = Store::Open(path);
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)
                    ->Read([&](Database& database) -> absl::Status {
                      there = *NextCampaignNumber(database) - 1;
                      EXPECT_EQ(AllCampaigns(database)->size(), there);
                      EXPECT_EQ(AllRuns(database)->size(), 2 * there) << "a transaction is whole or not there";
                      if (there > 0) {
                        EXPECT_EQ(AllLeases(database)->at(0).epoch(), there);
                      }
                      return absl::OkStatus();
                    })
                    .ok());
    ASSERT_GE(there, acknowledged) << "round " << round;
    // At most the one transaction whose answer was on its way.
    ASSERT_LE(there, std::max(acknowledged, before) + 1) << "round " << round;
  }
  EXPECT_GT(acknowledged, 0u);
  printf("%d kills, %d campaigns acknowledged\n", kRounds, static_cast<int>(acknowledged));
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace feedfarm
