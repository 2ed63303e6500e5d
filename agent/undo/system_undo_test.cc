#include "agent/undo/system_undo.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "agent/host/host_guard.h"
#include "gtest/gtest.h"
#include "pipeline/xdp/testing/fake_stamping_device.h"

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

// A handler that is killed cannot put its interfaces back: the agent does, from its journal.
TEST_F(SystemUndoTest, StampingThatAKilledHandlerLeftOnIsPutBack) {
  FakeStampingDevice device;
  device.config = {.flags = 0, .tx_type = HWTSTAMP_TX_OFF, .rx_filter = HWTSTAMP_FILTER_PTP_V2_EVENT};
  SystemUndo undo({.cgroups = {}, .sysctl_root = "", .stamping = &device});
  const RunKey key{"r1", v1::ROLE_HANDLER};
  const std::string path = folder_ / "undo.journal";
  const HostGuard::Options options{
      .group_prefix = "ff-test", .journal_path = path, .cgroups = {}, .stamping = &device};
  {
    auto guard = HostGuard::Open(options, &undo);
    ASSERT_TRUE(guard.ok()) << guard.status();
    ASSERT_TRUE((*guard)->RememberStamping(key, {"line_a"}).ok());
  }
  // The handler switches it on and is killed, and so is the agent; meanwhile a PTP daemon sets its transmit side.
  device.config.rx_filter = HWTSTAMP_FILTER_ALL;
  device.config.tx_type = HWTSTAMP_TX_ON;
  auto guard = HostGuard::Open(options, &undo);
  ASSERT_TRUE(guard.ok()) << guard.status();
  const auto report = (*guard)->PutBackAll();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->undone, std::vector<std::string>{"restore_stamping line_a 12 0 (run r1.handler)"});
  EXPECT_EQ(device.config.rx_filter, HWTSTAMP_FILTER_PTP_V2_EVENT);
  EXPECT_EQ(device.config.tx_type, HWTSTAMP_TX_ON);
  EXPECT_EQ(device.set.size(), 1u);
  // As it was: nothing is told to the driver again.
  EXPECT_TRUE((*guard)->PutBackAll()->undone.empty());
  ASSERT_TRUE((*guard)->RememberStamping(key, {"line_a"}).ok());
  EXPECT_TRUE((*guard)->PutBack(key).empty());
  EXPECT_EQ(device.set.size(), 1u);
}

TEST_F(SystemUndoTest, StampingThatNeedsNothingHasNoRecord) {
  FakeStampingDevice device;
  SystemUndo undo({.cgroups = {}, .sysctl_root = "", .stamping = &device});
  auto guard = HostGuard::Open(
      {.group_prefix = "ff-test", .journal_path = folder_ / "undo.journal", .cgroups = {}, .stamping = &device}, &undo);
  ASSERT_TRUE(guard.ok()) << guard.status();
  device.config.rx_filter = HWTSTAMP_FILTER_ALL;
  ASSERT_TRUE((*guard)->RememberStamping({"r1", v1::ROLE_HANDLER}, {"line_a"}).ok());
  device.tells = false;
  ASSERT_TRUE((*guard)->RememberStamping({"r1", v1::ROLE_HANDLER}, {"line_b"}).ok());
  EXPECT_TRUE((*guard)->PutBackAll()->undone.empty());
  EXPECT_TRUE(device.set.empty());
}

TEST_F(SystemUndoTest, StampingOfADriverThatCannotIsNoTrouble) {
  FakeStampingDevice device;
  device.tells = device.can = false;
  SystemUndo undo({.cgroups = {}, .sysctl_root = "", .stamping = &device});
  EXPECT_TRUE(undo.Undo({UndoKind::kRestoreStamping, "r1", {"line_a", "0", "0"}}).ok());
  EXPECT_FALSE(undo.Undo({UndoKind::kRestoreStamping, "r1", {"line_a", "none", "0"}}).ok());
  EXPECT_FALSE(undo.Undo({UndoKind::kRestoreStamping, "r1", {"line_a"}}).ok());
  // The kernel's own calls; this interface is none.
  EXPECT_TRUE(Undo(UndoKind::kRestoreStamping, {"ffnosuch0", "0", "0"}).ok());
}

}  // namespace
}  // namespace feedfarm
