#include "agent/undo/undo_journal.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

// A host whose side effects are files: an effect "x" exists while the file does.
class FileHost final : public UndoExecutor {
 public:
  explicit FileHost(fs::path folder) : folder_(std::move(folder)) { fs::create_directories(folder_); }

  void Make(const std::string& effect) { std::ofstream(folder_ / effect) << "made"; }
  absl::Status Undo(const UndoRecord& record) override {
    order.push_back(record.arguments[0]);
    if (record.arguments[0] == refuse) return absl::UnavailableError("busy");
    fs::remove(folder_ / record.arguments[0]);
    return absl::OkStatus();
  }
  std::set<std::string> Effects() const {
    std::set<std::string> effects;
    for (const auto& entry : fs::directory_iterator(folder_)) effects.insert(entry.path().filename());
    return effects;
  }

  std::vector<std::string> order;
  std::string refuse;

 private:
  fs::path folder_;
};

UndoRecord Removing(const std::string& effect, const std::string& run = "run") {
  return {.kind = UndoKind::kRemoveFile, .run_id = run, .arguments = {effect}};
}

class UndoJournalTest : public ::testing::Test {
 protected:
  UndoJournalTest() {
    std::string pattern = ::testing::TempDir() + "/undo.XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~UndoJournalTest() override { fs::remove_all(folder_); }

  std::string path() const { return folder_ / "undo.journal"; }
  absl::StatusOr<UndoJournal> Open() { return UndoJournal::Open({.path = path(), .crash_point = {}}); }
  std::string Contents() const {
    std::ifstream file(path(), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  void SetContents(const std::string& bytes) const {
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << bytes;
  }

  fs::path folder_;
};

TEST_F(UndoJournalTest, OpenRecordsSurviveAndAreUndoneInReverse) {
  FileHost host(folder_ / "host");
  {
    UndoJournal journal = *Open();
    for (const char* effect : {"a", "b", "c"}) {
      ASSERT_TRUE(journal.Begin(Removing(effect)).ok());
      host.Make(effect);
    }
  }
  UndoJournal journal = *Open();
  EXPECT_EQ(journal.open_records().size(), 3u);
  const UndoReport report = *journal.Replay(host);
  EXPECT_THAT(report.undone,
              ElementsAre("remove_file c (run run)", "remove_file b (run run)", "remove_file a (run run)"));
  EXPECT_THAT(host.order, ElementsAre("c", "b", "a"));
  EXPECT_THAT(host.Effects(), IsEmpty());
  EXPECT_THAT(journal.Replay(host)->undone, IsEmpty());
  EXPECT_THAT(Open()->open_records(), IsEmpty());
}

TEST_F(UndoJournalTest, ClosedRecordsAreForgottenAndTheFileStaysSmall) {
  UndoJournal journal = *Open();
  const size_t empty = Contents().size();
  for (int i = 0; i < 100; ++i) {
    const uint64_t number = *journal.Begin(Removing("a"));
    ASSERT_TRUE(journal.Close(number).ok());
    ASSERT_TRUE(journal.Close(number).ok()) << "closing again must be harmless";
  }
  EXPECT_EQ(Contents().size(), empty);
}

TEST_F(UndoJournalTest, OneRunIsUndoneAlone) {
  FileHost host(folder_ / "host");
  UndoJournal journal = *Open();
  for (const char* effect : {"a1", "b1", "a2", "b2"}) {
    ASSERT_TRUE(journal.Begin(Removing(effect, std::string(1, effect[0]))).ok());
    host.Make(effect);
  }
  EXPECT_EQ(journal.ReplayRun(host, "a")->undone.size(), 2u);
  EXPECT_THAT(host.order, ElementsAre("a2", "a1"));
  EXPECT_EQ(Open()->open_records().size(), 2u);
}

TEST_F(UndoJournalTest, AFailedActionStaysOpenAndStopsNoOther) {
  FileHost host(folder_ / "host");
  host.refuse = "b";
  UndoJournal journal = *Open();
  for (const char* effect : {"a", "b", "c"}) ASSERT_TRUE(journal.Begin(Removing(effect)).ok());
  const UndoReport report = *journal.Replay(host);
  EXPECT_EQ(report.undone.size(), 2u);
  EXPECT_THAT(report.failed, ElementsAre("remove_file b (run run): busy"));
  host.refuse = "";
  EXPECT_EQ(Open()->Replay(host)->undone.size(), 1u);
  EXPECT_THAT(Open()->open_records(), IsEmpty());
}

TEST_F(UndoJournalTest, KeepsEveryKindAndAnyArgument) {
  std::vector<UndoRecord> records;
  for (uint8_t kind = 1; kind <= 6; ++kind) {
    records.push_back({.kind = static_cast<UndoKind>(kind),
                       .run_id = std::string("r\0\n", 3),
                       .arguments = {std::string("\xff\0 x", 4), "", std::string(5000, 'y')}});
  }
  {
    UndoJournal journal = *Open();
    for (const UndoRecord& record : records) ASSERT_TRUE(journal.Begin(record).ok());
  }
  UndoJournal journal = *Open();
  size_t i = 0;
  for (const auto& [number, record] : journal.open_records()) EXPECT_EQ(record, records[i++]);
  EXPECT_EQ(i, records.size());
  EXPECT_FALSE(journal.Begin({.kind = static_cast<UndoKind>(99), .run_id = "", .arguments = {}}).ok());
  EXPECT_FALSE(journal.Begin(Removing(std::string(100'000, 'x'))).ok());
}

TEST_F(UndoJournalTest, ATornLastRecordIsCutWhereverItTore) {
  {
    UndoJournal journal = *Open();
    ASSERT_TRUE(journal.Begin(Removing("a")).ok());
  }
  const std::string one = Contents();
  ASSERT_TRUE(Open()->Begin(Removing("b")).ok());
  const std::string two = Contents();
  for (size_t size = one.size(); size < two.size(); ++size) {
    for (const std::string& tail : {std::string(), std::string(two.size() - size, '\0')}) {
      if (tail.empty() && size == one.size()) continue;
      SetContents(two.substr(0, size) + tail);
      if (Contents() == two) continue;  // its last bytes are zeros
      auto journal = Open();
      ASSERT_TRUE(journal.ok()) << size << journal.status();
      EXPECT_EQ(journal->open_records().size(), 1u);
      EXPECT_EQ(journal->torn_bytes(), size + tail.size() - one.size());
      EXPECT_EQ(Contents(), one);
      EXPECT_EQ(Open()->torn_bytes(), 0u);
    }
  }
}

TEST_F(UndoJournalTest, DamageInTheMiddleIsNamedAndNothingIsChanged) {
  {
    UndoJournal journal = *Open();
    ASSERT_TRUE(journal.Begin(Removing("a")).ok());
  }
  const size_t second = Contents().size();
  for (const char* effect : {"b", "c"}) ASSERT_TRUE(Open()->Begin(Removing(effect)).ok());
  const std::string whole = Contents();
  const size_t third = second + (second - 8);
  for (size_t at = second; at < third; ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    SetContents(damaged);
    const auto journal = Open();
    ASSERT_TRUE(absl::IsDataLoss(journal.status())) << at << journal.status();
    EXPECT_THAT(std::string(journal.status().message()), HasSubstr(absl::StrCat("offset ", second)));
    EXPECT_EQ(Contents(), damaged);
  }
  SetContents("something else");
  EXPECT_TRUE(absl::IsDataLoss(Open().status()));
  SetContents("");
  EXPECT_TRUE(absl::IsDataLoss(Open().status()));
}

// What an agent does: three effects, then the teardown of the first run, then of everything.
void LiveOnce(const std::string& journal_path, FileHost& host, const std::function<void(UndoCrashPoint)>& crash_point) {
  auto journal = UndoJournal::Open({.path = journal_path, .crash_point = crash_point});
  if (!journal.ok()) ::_exit(3);
  if (!journal->Replay(host).ok()) ::_exit(3);
  for (const char* effect : {"a1", "b1", "a2"}) {
    if (!journal->Begin(Removing(effect, std::string(1, effect[0]))).ok()) ::_exit(3);
    host.Make(effect);
  }
  if (!journal->ReplayRun(host, "a").ok() || !journal->Replay(host).ok()) ::_exit(3);
}

// Runs `life` in a child that ends at the n-th crash point; false where it got to its end.
template <class Life>
bool CrashedAt(int n, Life life) {
  const pid_t child = ::fork();
  if (child == 0) {
    int passed = 0;
    life([&](UndoCrashPoint) {
      if (++passed == n) ::_exit(2);
    });
    ::_exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 3) << n;
  return WIFEXITED(status) && WEXITSTATUS(status) == 2;
}

TEST_F(UndoJournalTest, RecoveryAfterACrashAnywhereLeavesNothingAndTwiceIsTheSame) {
  int crashes = 0;
  for (int n = 1;; ++n) {
    const fs::path place = folder_ / absl::StrCat("n", n);
    FileHost host(place / "host");
    const std::string journal_path = place / "undo.journal";
    if (!CrashedAt(n, [&](auto crash_point) { LiveOnce(journal_path, host, crash_point); })) break;
    ++crashes;
    // Recovery itself may crash, anywhere, before one gets through.
    for (int m = 1; CrashedAt(m,
                              [&](auto crash_point) {
                                auto journal = UndoJournal::Open({.path = journal_path, .crash_point = crash_point});
                                if (!journal.ok() || !journal->Replay(host).ok()) ::_exit(3);
                              });
         ++m) {
    }
    for (int again = 0; again < 2; ++again) {
      auto journal = UndoJournal::Open({.path = journal_path, .crash_point = {}});
      ASSERT_TRUE(journal.ok()) << journal.status();
      EXPECT_THAT(journal->Replay(host)->undone, IsEmpty()) << n;
      EXPECT_THAT(journal->open_records(), IsEmpty()) << n;
      EXPECT_THAT(host.Effects(), IsEmpty()) << n;
    }
  }
  EXPECT_GE(crashes, 30) << "every durable step has its points";
}

TEST_F(UndoJournalTest, NoEffectWithoutADurableRecord) {
  UndoJournal journal = *Open();
  // The folder is gone: a rewrite fails, and with it everything after.
  const uint64_t number = *journal.Begin(Removing("a"));
  fs::remove_all(folder_);
  EXPECT_FALSE(journal.Close(number).ok());
  EXPECT_FALSE(journal.Begin(Removing("b")).ok());
}

}  // namespace
}  // namespace feedfarm
