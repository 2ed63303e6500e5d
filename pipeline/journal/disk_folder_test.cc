#include "pipeline/journal/disk_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

class DiskFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* temporary = std::getenv("TEST_TMPDIR");
    path_ = absl::StrCat(temporary == nullptr ? "/tmp" : temporary, "/disk_folder_test.", ::getpid());
    std::filesystem::remove_all(path_);
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  std::string path_;
};

constexpr uint8_t kBytes[] = {1, 2, 3, 4, 5};

TEST_F(DiskFolderTest, FilesComeBackAsTheyWereWritten) {
  const auto folder = *DiskFolder::Open(path_);
  {
    const auto file = *folder->Create("a.new");
    ASSERT_TRUE(file->Append(kBytes).ok());
    ASSERT_TRUE(file->Append(kBytes).ok());
    ASSERT_TRUE(file->Sync().ok());
  }
  ASSERT_TRUE(folder->Rename("a.new", "a").ok());
  ASSERT_TRUE(folder->SyncNames().ok());
  ASSERT_TRUE(folder->Truncate("a", 7).ok());
  ASSERT_TRUE(folder->SyncFile("a").ok());
  folder->Expect("a");
  FileBytes bytes;
  ASSERT_TRUE(folder->Read("a", &bytes).ok());
  EXPECT_EQ(std::vector<uint8_t>(bytes.bytes().begin(), bytes.bytes().end()),
            (std::vector<uint8_t>{1, 2, 3, 4, 5, 1, 2}));
  EXPECT_EQ(*folder->List(), std::vector<std::string>{"a"});
  ASSERT_TRUE((*folder->Create("a"))->Append({}).ok());
  ASSERT_TRUE(folder->Read("a", &bytes).ok());
  EXPECT_TRUE(bytes.bytes().empty());
  ASSERT_TRUE(folder->Remove("a").ok());
  EXPECT_TRUE(folder->List()->empty());
}

TEST_F(DiskFolderTest, OneProcessAtATime) {
  auto folder = DiskFolder::Open(path_);
  ASSERT_TRUE(folder.ok());
  EXPECT_EQ(DiskFolder::Open(path_).status().code(), absl::StatusCode::kFailedPrecondition);
  folder->reset();
  EXPECT_TRUE(DiskFolder::Open(path_).ok());
}

TEST_F(DiskFolderTest, ErrorsNameTheFile) {
  const auto folder = *DiskFolder::Open(path_);
  FileBytes bytes;
  for (const absl::Status& status :
       {folder->Read("none", &bytes), folder->Remove("none"), folder->Rename("none", "other"),
        folder->Truncate("none", 1), folder->SyncFile("none"), folder->Create("no/where").status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
    EXPECT_NE(status.message().find(path_ + "/no"), std::string::npos) << status;
  }
  EXPECT_EQ(DiskFolder::Open(path_ + "/a/b").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(DiskFolderTest, FullDiskIsResourceExhausted) {
  struct stat full;
  if (::stat("/dev/full", &full) != 0) GTEST_SKIP() << "no /dev/full";
  const auto folder = *DiskFolder::Open(path_);
  std::filesystem::create_symlink("/dev/full", path_ + "/full");
  const absl::Status status = (*folder->Create("full"))->Append(kBytes);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_NE(status.message().find("/full"), std::string::npos) << status;
}

}  // namespace
}  // namespace feedfarm
