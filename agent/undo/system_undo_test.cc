#include "agent/undo/system_undo.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

namespace fs = std::filesystem;

class SystemUndoTest : public ::testing::Test {
 protected:
  SystemUndoTest() {
    std::string pattern = ::testing::TempDir() + "/system_undo.XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~SystemUndoTest() override { fs::remove_all(folder_); }

  absl::Status Undo(UndoKind kind, std::vector<std::string> arguments) {
    SystemUndo undo({.cgroups = {}, .sysctl_root = folder_ / "sysctl"});
    return undo.Undo({.kind = kind, .run_id = "", .arguments = std::move(arguments)});
  }
  void Write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

  fs::path folder_;
};

TEST_F(SystemUndoTest, RemovesFilesAndFoldersTwiceWithoutHarm) {
  Write(folder_ / "file", "x");
  Write(folder_ / "tree/deep/file", "x");
  for (int again = 0; again < 2; ++again) {
    EXPECT_TRUE(Undo(UndoKind::kRemoveFile, {folder_ / "file"}).ok());
    EXPECT_TRUE(Undo(UndoKind::kRemoveFolder, {folder_ / "tree"}).ok());
    EXPECT_FALSE(fs::exists(folder_ / "file"));
    EXPECT_FALSE(fs::exists(folder_ / "tree"));
  }
}

TEST_F(SystemUndoTest, RestoresASysctl) {
  Write(folder_ / "sysctl/net/core/rmem_max", "1");
  EXPECT_TRUE(Undo(UndoKind::kRestoreSysctl, {"net/core/rmem_max", "212992"}).ok());
  std::string value;
  std::ifstream(folder_ / "sysctl/net/core/rmem_max") >> value;
  EXPECT_EQ(value, "212992");
  EXPECT_TRUE(Undo(UndoKind::kRestoreSysctl, {"net/ipv4/conf/gone/rp_filter", "1"}).ok());
}

TEST_F(SystemUndoTest, RefusesRecordsThatMakeNoSense) {
  const std::vector<std::vector<std::string>> paths = {{},          {""}, {"/"}, {"//"}, {"relative"}, {"/tmp/../etc"},
                                                       {"/a", "/b"}};
  for (const auto& arguments : paths) {
    EXPECT_TRUE(absl::IsInvalidArgument(Undo(UndoKind::kRemoveFile, arguments)));
    EXPECT_TRUE(absl::IsInvalidArgument(Undo(UndoKind::kRemoveFolder, arguments)));
  }
  EXPECT_FALSE(Undo(UndoKind::kKillCgroup, {"../x"}).ok());
  EXPECT_FALSE(Undo(UndoKind::kRestoreSysctl, {"../../etc/passwd", "x"}).ok());
  EXPECT_FALSE(Undo(UndoKind::kRestoreMtu, {"lo", "many"}).ok());
  EXPECT_FALSE(Undo(UndoKind::kRestoreOffload, {"lo", "gro", "perhaps"}).ok());
  EXPECT_FALSE(Undo(static_cast<UndoKind>(99), {}).ok());
}

TEST_F(SystemUndoTest, AnInterfaceThatIsGoneHasNothingToRestore) {
  EXPECT_TRUE(Undo(UndoKind::kRestoreMtu, {"ffnosuch0", "1500"}).ok());
  EXPECT_TRUE(Undo(UndoKind::kRestoreOffload, {"ffnosuch0", "gro", "off"}).ok());
}

}  // namespace
}  // namespace feedfarm
