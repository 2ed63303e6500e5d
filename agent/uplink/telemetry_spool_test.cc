#include "agent/uplink/telemetry_spool.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

std::string FreshPath(const std::string& name) {
  const std::string path = ::testing::TempDir() + "/spool_" + name;
  std::remove(path.c_str());
  return path;
}

std::unique_ptr<TelemetrySpool> Open(const std::string& path, uint64_t bytes_max = 64 << 20) {
  auto spool = TelemetrySpool::Open({path, bytes_max});
  EXPECT_TRUE(spool.ok()) << spool.status();
  return *std::move(spool);
}

v1::TelemetryInterval Interval(uint64_t messages, size_t bytes = 0) {
  v1::TelemetryInterval interval;
  interval.set_run_id(std::string(bytes, 'r'));
  interval.set_messages(messages);
  return interval;
}

std::vector<uint64_t> Sequences(const TelemetrySpool& spool, uint64_t after = 0) {
  std::vector<uint64_t> sequences;
  for (auto next = spool.After(after); next.ok(); next = spool.After(sequences.back())) {
    sequences.push_back(next->sequence());
  }
  return sequences;
}

using Numbers = std::vector<uint64_t>;

TEST(TelemetrySpool, GivesSequencesWithoutHoles) {
  auto spool = Open(FreshPath("order"));
  for (uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(spool->Append(Interval(i * 10)).ok());
  EXPECT_EQ(Sequences(*spool), (Numbers{1, 2, 3}));
  EXPECT_EQ(spool->After(1)->messages(), 20u);
  EXPECT_EQ(spool->After(3).status().code(), absl::StatusCode::kNotFound);
}

TEST(TelemetrySpool, ForgetsOnlyWhatIsAcknowledged) {
  auto spool = Open(FreshPath("ack"));
  for (uint64_t i = 1; i <= 4; ++i) ASSERT_TRUE(spool->Append(Interval(i)).ok());
  spool->Ack(2);
  spool->Ack(1);
  EXPECT_EQ(Sequences(*spool), (Numbers{3, 4}));
  EXPECT_FALSE(spool->collected());
  spool->Ack(99);
  EXPECT_EQ(spool->acked(), 4u);
  EXPECT_TRUE(spool->collected());
}

TEST(TelemetrySpool, GoesOnAfterTheAgentWasKilled) {
  const std::string path = FreshPath("restart");
  {
    auto spool = Open(path);
    for (uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(spool->Append(Interval(i)).ok());
  }
  auto spool = Open(path);
  EXPECT_EQ(spool->last_sequence(), 3u);
  ASSERT_TRUE(spool->Append(Interval(4)).ok());
  EXPECT_EQ(Sequences(*spool), (Numbers{1, 2, 3, 4}));
}

TEST(TelemetrySpool, CutsOffATornEndWhereverItIsTorn) {
  const std::string path = FreshPath("torn");
  {
    auto spool = Open(path);
    for (uint64_t i = 1; i <= 2; ++i) ASSERT_TRUE(spool->Append(Interval(i, 10)).ok());
  }
  struct stat whole;
  ASSERT_EQ(::stat(path.c_str(), &whole), 0);
  for (off_t size = whole.st_size - 1; size > whole.st_size / 2; --size) {
    ASSERT_EQ(::truncate(path.c_str(), size), 0);
    EXPECT_EQ(Sequences(*Open(path)), Numbers{1}) << size;
  }
}

TEST(TelemetrySpool, SurvivesAnyChangedByte) {
  const std::string path = FreshPath("changed");
  {
    auto spool = Open(path);
    for (uint64_t i = 1; i <= 4; ++i) ASSERT_TRUE(spool->Append(Interval(i, 20)).ok());
  }
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Rng rng(seed);
    std::string changed = bytes;
    changed[rng.Below(changed.size())] ^= static_cast<char>(1 + rng.Below(255));
    std::ofstream(path, std::ios::binary | std::ios::trunc) << changed;
    // What is before the damage is kept.
    const Numbers kept = Sequences(*Open(path));
    for (size_t i = 0; i < kept.size(); ++i) EXPECT_EQ(kept[i], i + 1) << "seed " << seed;
    EXPECT_LT(kept.size(), 4u) << "seed " << seed;
  }
}

TEST(TelemetrySpool, DropsTheOldestOverItsBoundAndCountsThem) {
  const std::string path = FreshPath("bound");
  auto spool = Open(path, 10'000);
  for (uint64_t i = 1; i <= 50; ++i) ASSERT_TRUE(spool->Append(Interval(i, 1000)).ok());
  const Numbers kept = Sequences(*spool);
  EXPECT_EQ(kept.back(), 50u);
  EXPECT_EQ(spool->dropped(), 50 - kept.size());
  EXPECT_GT(spool->dropped(), 0u);
  for (size_t i = 1; i < kept.size(); ++i) EXPECT_EQ(kept[i], kept[i - 1] + 1);
  struct stat now;
  ASSERT_EQ(::stat(path.c_str(), &now), 0);
  EXPECT_LE(now.st_size, 10'000);
}

TEST(TelemetrySpool, AcknowledgedOnesMakeRoomWithoutLoss) {
  auto spool = Open(FreshPath("room"), 10'000);
  for (uint64_t i = 1; i <= 200; ++i) {
    ASSERT_TRUE(spool->Append(Interval(i, 1000)).ok());
    EXPECT_EQ(spool->After(i - 1)->messages(), i);
    spool->Ack(i);
  }
  EXPECT_EQ(spool->dropped(), 0u);
}

TEST(TelemetrySpool, WaitEndsWithTheSpool) {
  auto spool = Open(FreshPath("wait"));
  EXPECT_FALSE(spool->WaitFor(0, absl::ZeroDuration()));
  spool->Close();
  EXPECT_FALSE(spool->WaitFor(0, absl::InfiniteDuration()));
  ASSERT_TRUE(spool->Append(Interval(1)).ok());
  EXPECT_TRUE(spool->WaitFor(0, absl::InfiniteDuration()));
}

}  // namespace
}  // namespace feedfarm
