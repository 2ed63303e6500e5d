// kill -9 of a process that journals real order flow into real files: at each crash point, in the recovery after one,
// and at 100 random times. Whatever happens, the lives together end on the state of one that was never killed.
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "pipeline/base/rng.h"
#include "pipeline/book/itch_book.h"
#include "pipeline/capture/capture_reader.h"
#include "pipeline/journal/disk_folder.h"
#include "pipeline/journal/journal.h"
#include "pipeline/journal/testing/itch_flow.h"
#include "pipeline/journal/testing/killing_folder.h"

namespace feedfarm {
namespace {

// Exit codes of a child that came to its own end.
constexpr int kDone = 0;
constexpr int kBroken = 3;

constexpr ItchBook::Options kBounds = {.orders_max = 1 << 15, .levels_max = 1 << 14, .locates_max = 64};

using Messages = std::vector<std::vector<uint8_t>>;

// The ES flow where the real captures are, else a made one.
Messages LoadFlow() {
  const char* data = std::getenv("FEEDFARM_DATA");
  Messages messages;
  if (data != nullptr) {
    auto reader = CaptureReader::Open(absl::StrCat(data, "/es-20231225.itch.gz"));
    while (reader.ok()) {
      const auto record = (*reader)->Next();
      if (!record.ok() || !record->has_value()) break;
      messages.push_back({(*record)->payload.begin(), (*record)->payload.end()});
    }
  }
  std::cout << (messages.empty() ? "made flow\n" : "ES flow\n");
  ItchFlow flow(1, 2'000, 20);
  while (messages.size() < 60'000) {
    const std::span<const uint8_t> message = flow.Next();
    messages.push_back({message.begin(), message.end()});
  }
  return messages;
}

// What one life says to the next, whatever becomes of it.
struct Shared {
  std::atomic<uint64_t> durable_record;
  std::atomic<uint64_t> lives;
};

class KillTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* temporary = std::getenv("TEST_TMPDIR");
    path_ = absl::StrCat(temporary == nullptr ? "/tmp" : temporary, "/kill_test.", ::getpid());
    std::filesystem::remove_all(path_);
    void* const memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    shared_ = new (memory) Shared{};
  }
  // The stream ends behind so many messages of the flow.
  void Limit(size_t messages) {
    end_ = std::min(messages, flow().size());
    state_hash_ = StateHashAt(end_);
    StreamHash hash;
    for (size_t i = 0; i < end_; ++i) hash.Add(0, i + 1, flow()[i]);
    stream_hash_ = hash.value();
  }
  void TearDown() override {
    std::filesystem::remove_all(path_);
    ::munmap(shared_, sizeof(Shared));
  }

  static const Messages& flow() {
    static const Messages& flow = *new Messages(LoadFlow());
    return flow;
  }
  static JournalOptions Options() {
    JournalOptions options;
    options.ring_bytes = size_t{4} << 20;
    options.group_bytes = 32 * 1024;
    options.segment_bytes = 200 * 1024;
    options.sync = {.kind = SyncPolicy::Kind::kGroup};
    options.snapshot_messages = 6'000;
    options.idle_ns = 20'000;
    return options;
  }

  void StartAfresh() {
    std::filesystem::remove_all(path_);
    shared_->durable_record = 0;
  }

  // The book after the first `messages` of the flow, made anew.
  static uint64_t StateHashAt(size_t messages) {
    const auto book = *ItchBook::Create(kBounds);
    for (size_t i = 0; i < messages; ++i) book->Apply(flow()[i]);
    return book->StateHash();
  }

  // What was recovered is the stream up to the cursor, and nothing that was promised is missing.
  bool Sound(const JournalCursor& cursor, const ItchBook& book) const {
    const size_t messages = cursor.joined ? cursor.next_sequence - 1 : 0;
    const bool sound = cursor.record >= shared_->durable_record && cursor.messages == messages && messages <= end_ &&
                       book.StateHash() == StateHashAt(messages);
    if (!sound) std::cerr << "life " << shared_->lives << ": not the state of " << messages << " messages\n";
    return sound;
  }

  // A whole life in steps, everything on this thread. An exit code.
  int LiveInSteps(const std::function<void(const std::string&)>& at_point) {
    ++shared_->lives;
    auto disk = DiskFolder::Open(path_);
    if (!disk.ok()) return Broken(disk.status());
    KillingFolder folder(disk->get(), at_point);
    const auto book = *ItchBook::Create(kBounds);
    SystemClock clock;
    auto core =
        JournalCore<ItchBook>::Open(Options(), &folder, &clock, shared_->lives, book.get(), *ItchBook::Create(kBounds));
    if (!core.ok()) return Broken(core.status());
    if (!Sound((*core)->state().cursor(), *book)) return kBroken;
    JournalRing& ring = (*core)->ring();
    Join((*core)->state().cursor(), ring);
    for (uint64_t next = Next((*core)->state().cursor()); next <= end_; ++next) {
      ring.Append(0, next, flow()[next - 1]);
      book->Apply(flow()[next - 1]);
      if (next % 512 != 0) continue;
      ring.Publish();
      (*core)->Step(clock.Monotonic());
      shared_->durable_record = (*core)->stats().durable_record;
    }
    ring.Publish();
    if (const absl::Status status = (*core)->Finish(); !status.ok()) return Broken(status);
    return AtTheEnd((*core)->state(), *book);
  }

  // A whole life with its journal thread, paced so that there is time to be killed in. An exit code.
  int LiveWithThread() {
    ++shared_->lives;
    auto disk = DiskFolder::Open(path_);
    if (!disk.ok()) return Broken(disk.status());
    const auto book = *ItchBook::Create(kBounds);
    SystemClock clock;
    auto journal = Journal<ItchBook>::Open(Options(), disk->get(), &clock, book.get(), *ItchBook::Create(kBounds));
    if (!journal.ok()) return Broken(journal.status());
    if (!Sound((*journal)->recovered(), *book)) return kBroken;
    (*journal)->Start();
    JournalRing& ring = (*journal)->ring();
    Join((*journal)->recovered(), ring);
    for (uint64_t next = Next((*journal)->recovered()); next <= end_; ++next) {
      ring.Append(0, next, flow()[next - 1]);
      book->Apply(flow()[next - 1]);
      if (next % 64 != 0) continue;
      ring.Publish();
      shared_->durable_record = (*journal)->stats().durable_record;
      const timespec pace = {0, 30'000};
      ::nanosleep(&pace, nullptr);
    }
    ring.Publish();
    if (const absl::Status status = (*journal)->Stop(); !status.ok()) return Broken(status);
    return AtTheEnd((*journal)->state(), *book);
  }

  static void Join(const JournalCursor& cursor, JournalRing& ring) {
    if (!cursor.joined) ring.Begin(0, {1, 2}, 1, {});
  }
  static uint64_t Next(const JournalCursor& cursor) { return cursor.joined ? cursor.next_sequence : 1; }
  static int Broken(const absl::Status& status) {
    std::cerr << status << "\n";
    return kBroken;
  }
  int AtTheEnd(const JournalState<ItchBook>& state, const ItchBook& book) const {
    const bool same = state.cursor().stream_hash == stream_hash_ && state.book()->StateHash() == state_hash_ &&
                      book.StateHash() == state_hash_;
    if (!same) std::cerr << "another state at the end\n";
    return same ? kDone : kBroken;
  }

  static pid_t Fork(const std::function<int()>& life) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(life());
    return child;
  }
  static int Wait(pid_t child) {
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return status;
  }
  static void ExpectKilled(int status) { EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status; }
  static void ExpectDone(int status) {
    EXPECT_TRUE(WIFEXITED(status)) << status;
    EXPECT_EQ(WEXITSTATUS(status), kDone);
  }
  // Dies at the `nth` time (from 1) that `point` is passed.
  static std::function<void(const std::string&)> KillAt(std::string point, uint64_t nth) {
    return [point = std::move(point), nth](const std::string& passed) mutable {
      if (passed == point && --nth == 0) ::raise(SIGKILL);
    };
  }

  std::string path_;
  Shared* shared_ = nullptr;
  // Of a life that was never killed.
  size_t end_ = 0;
  uint64_t state_hash_ = 0;
  uint64_t stream_hash_ = 0;
};

// First, one in the middle and last time.
std::vector<uint64_t> Times(uint64_t count) {
  std::vector<uint64_t> times = {1, (count + 1) / 2, count};
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  return times;
}

TEST_F(KillTest, AtEachCrashPoint) {
  Limit(20'000);
  std::map<std::string, uint64_t> points;
  ASSERT_EQ(LiveInSteps([&points](const std::string& point) { ++points[point]; }), kDone);
  for (const char* needed :
       {"journal-before-write", "journal-inside-write", "journal-after-write", "journal-before-fsync",
        "journal-after-fsync", "journal-before-rename", "journal-after-rename", "snapshot-before-write",
        "snapshot-inside-write", "snapshot-after-write", "snapshot-before-fsync", "snapshot-after-fsync",
        "snapshot-before-rename", "snapshot-after-rename", "before-directory-sync", "after-directory-sync",
        "journal-before-remove", "snapshot-after-remove"}) {
    EXPECT_GT(points[needed], 0u) << needed;
  }
  for (const auto& [point, count] : points) {
    for (const uint64_t nth : Times(count)) {
      SCOPED_TRACE(absl::StrCat("crash-", point, " ", nth, " of ", count));
      StartAfresh();
      ExpectKilled(Wait(Fork([&, at = KillAt(point, nth)] { return LiveInSteps(at); })));
      ExpectDone(Wait(Fork([&] { return LiveInSteps([](const std::string&) {}); })));
    }
  }
  std::cout << points.size() << " crash points\n";
}

// The first life dies inside a write, so that there is a torn record; the second at each step of its recovery.
TEST_F(KillTest, InsideRecovery) {
  Limit(20'000);
  const auto tear = [&] {
    StartAfresh();
    ExpectKilled(Wait(Fork([&, at = KillAt("journal-inside-write", 20)] { return LiveInSteps(at); })));
  };
  tear();
  std::vector<std::string> points;
  ASSERT_EQ(LiveInSteps([&points](const std::string& point) { points.push_back(point); }), kDone);
  // Recovery ends when the new segment's name is durable.
  const auto end = std::find(points.begin(), points.end(), "after-directory-sync");
  ASSERT_NE(end, points.end());
  points.erase(end + 1, points.end());
  EXPECT_NE(std::find(points.begin(), points.end(), "journal-before-truncate"), points.end());
  EXPECT_NE(std::find(points.begin(), points.end(), "journal-after-fsync"), points.end());
  for (size_t i = 0; i < points.size(); ++i) {
    SCOPED_TRACE(absl::StrCat("recovery-crash-", points[i]));
    tear();
    ExpectKilled(Wait(Fork([&] {
      size_t passed = 0;
      return LiveInSteps([&passed, i](const std::string&) {
        if (passed++ == i) ::raise(SIGKILL);
      });
    })));
    ExpectDone(Wait(Fork([&] { return LiveInSteps([](const std::string&) {}); })));
  }
  std::cout << points.size() << " steps of recovery\n";
}

TEST_F(KillTest, AtRandomTimes) {
  Limit(SIZE_MAX);
  const char* text = std::getenv("FEEDFARM_FUZZ_SEED");
  const uint64_t seed = text == nullptr ? 1 : std::strtoull(text, nullptr, 0);
  std::cout << "seed " << seed << "\n";
  constexpr int kKills = 100;
  constexpr uint64_t kLifeNs = 150'000'000;  // about what a life takes, recovery and all
  Rng rng(seed);
  StartAfresh();
  int kills = 0, ends = 0;
  while (kills < kKills && !HasFailure()) {
    const pid_t child = Fork([&] { return LiveWithThread(); });
    const timespec life = {0, static_cast<long>(rng.Below(kLifeNs))};
    ::nanosleep(&life, nullptr);
    ::kill(child, SIGKILL);
    const int status = Wait(child);
    if (WIFSIGNALED(status)) {
      ++kills;
      continue;
    }
    ExpectDone(status);
    ++ends;
    StartAfresh();
  }
  ExpectDone(Wait(Fork([&] { return LiveWithThread(); })));
  std::cout << kills << " kills, " << ends << " lives that came to the stream's end before\n";
}

}  // namespace
}  // namespace feedfarm
