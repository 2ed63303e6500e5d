#include "agent/epoch_store.h"

#include <cstdlib>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

std::string TestFile(const std::string& name) { return ::testing::TempDir() + "/" + name; }

TEST(EpochStore, KeepsTheLargestOverARestart) {
  const std::string path = TestFile("epoch_kept");
  {
    auto store = EpochStore::Open(path);
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_EQ(store->seen(), 0u);
    EXPECT_TRUE(store->Raise(7).ok());
    EXPECT_TRUE(store->Raise(3).ok());
    EXPECT_EQ(store->seen(), 7u);
  }
  auto again = EpochStore::Open(path);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->seen(), 7u);
}

TEST(EpochStore, RefusesAFileThatIsNoEpoch) {
  const std::string path = TestFile("epoch_garbage");
  std::ofstream(path) << "seven";
  EXPECT_EQ(EpochStore::Open(path).status().code(), absl::StatusCode::kDataLoss);
}

TEST(EpochStore, DoesNotRaiseWhatItCannotKeep) {
  auto store = EpochStore::Open(TestFile("no_such_folder/epoch"));
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_FALSE(store->Raise(5).ok());
  EXPECT_EQ(store->seen(), 0u);
}

TEST(EpochStore, IgnoresAHalfWrittenNeighbour) {
  const std::string path = TestFile("epoch_neighbour");
  std::ofstream(path) << "12\n";
  std::ofstream(path + ".new") << "1";
  auto store = EpochStore::Open(path);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ(store->seen(), 12u);
}

}  // namespace
}  // namespace feedfarm
