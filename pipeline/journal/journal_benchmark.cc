// What the journal costs: the hot thread's append, the sustained rate to the disk under each sync policy with the proof
// that the hot thread never waited, and the restart from a snapshot of a million orders and ten million messages.
//
// Files go to FEEDFARM_BENCHMARK_FOLDER (default: the working folder) and are removed.
#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "glog/logging.h"
#include "pipeline/base/clock.h"
#include "pipeline/book/itch_book.h"
#include "pipeline/itch/synthetic_day.h"
#include "pipeline/journal/disk_folder.h"
#include "pipeline/journal/journal.h"

namespace feedfarm {
namespace {

constexpr size_t kLiveOrders = 1'000'000;
constexpr uint16_t kLocates = 8'000;
constexpr uint64_t kReplayed = 10'000'000;
constexpr uint64_t kBatch = 64;

std::string FolderPath() {
  const char* folder = std::getenv("FEEDFARM_BENCHMARK_FOLDER");
  return absl::StrCat(folder == nullptr ? "." : folder, "/journal_benchmark.", ::getpid());
}

std::unique_ptr<ItchBook> MakeBook() {
  auto book = ItchBook::Create({});
  CHECK(book.ok()) << book.status();
  return *std::move(book);
}

// A flow laid out in memory, so that making it is no part of what is measured.
struct LaidOut {
  std::vector<uint8_t> bytes;
  std::vector<uint32_t> ends;
  std::span<const uint8_t> operator[](size_t i) const {
    const uint32_t begin = i == 0 ? 0 : ends[i - 1];
    return std::span(bytes).subspan(begin, ends[i] - begin);
  }
};

// The mix of a real day over kLocates symbols, from the open on.
LaidOut LayOut(uint64_t live_orders, size_t messages) {
  LaidOut laid;
  laid.bytes.reserve(messages * 32);
  laid.ends.reserve(messages);
  itch::SyntheticDay day({.symbols = kLocates, .live_orders = live_orders}, [&](std::span<const uint8_t> message) {
    laid.bytes.insert(laid.bytes.end(), message.begin(), message.end());
    laid.ends.push_back(static_cast<uint32_t>(laid.bytes.size()));
  });
  day.Open();
  day.Fill(live_orders);
  day.Run(messages - laid.ends.size());
  return laid;
}

// The hot thread alone: the ring is emptied without being read.
void BM_Append(benchmark::State& state) {
  const LaidOut messages = LayOut(10'000, 1 << 16);
  const auto ring = *JournalRing::Create(size_t{64} << 20);
  uint64_t sequence = 1;
  for (auto _ : state) {
    for (uint64_t i = 0; i < kBatch; ++i, ++sequence) ring->Append(0, sequence, messages[sequence & 0xFFFF]);
    ring->Publish();
    if ((sequence & 0xFFFF) < kBatch) ring->Consume(ring->used_bytes());
  }
  CHECK(!ring->overrun().happened);
  state.SetItemsProcessed(static_cast<int64_t>(sequence - 1));
  state.counters["ns_a_message"] =
      benchmark::Counter(static_cast<double>(sequence - 1), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_Append);

// Ten million messages to the disk as fast as it takes them (rate 0: the feeding thread waits where the ring is three
// quarters full), or at a rate a second with nothing to wait for.
void BM_Journal(benchmark::State& state, const char* policy, uint64_t rate) {
  constexpr uint64_t kMessages = 10'000'000;
  static const LaidOut& messages = *new LaidOut(LayOut(100'000, 4'000'000));
  for (auto _ : state) {
    const std::string path = FolderPath();
    const auto folder = *DiskFolder::Open(path);
    SystemClock clock;
    JournalOptions options;
    options.sync = *ParseSyncPolicy(policy);
    options.snapshot_messages = 4'000'000;
    const auto book = MakeBook();
    auto journal = *Journal<ItchBook>::Open(options, folder.get(), &clock, book.get(), MakeBook());
    journal->Start();
    JournalRing& ring = journal->ring();
    std::vector<uint32_t> batch_ns;
    batch_ns.reserve(kMessages / kBatch + 1);
    ring.Begin(0, {1, 2}, 1, {});
    rusage before, after;
    ::getrusage(RUSAGE_THREAD, &before);
    const uint64_t begin_ns = clock.Monotonic();
    for (uint64_t next = 1; next <= kMessages;) {
      if (rate != 0) {
        while ((clock.Monotonic() - begin_ns) * rate < next * 1'000'000'000u) __builtin_ia32_pause();
      } else if (next % 8192 == 1) {
        while (next - journal->stats().messages > options.ring_bytes / 34 / 4 * 3) ::usleep(200);
      }
      const uint64_t batch_begin_ns = clock.Monotonic();
      for (uint64_t i = 0; i < kBatch; ++i, ++next) ring.Append(0, next, messages[next % 4'000'000]);
      ring.Publish();
      batch_ns.push_back(static_cast<uint32_t>(clock.Monotonic() - batch_begin_ns));
    }
    ::getrusage(RUSAGE_THREAD, &after);
    CHECK(journal->Stop().ok()) << journal->stats().status;
    const double seconds = static_cast<double>(clock.Monotonic() - begin_ns) / 1e9;
    const JournalStats stats = journal->stats();
    std::sort(batch_ns.begin(), batch_ns.end());
    state.SetIterationTime(seconds);
    state.counters["MB_s"] = static_cast<double>(stats.bytes) / 1e6 / seconds;
    state.counters["messages_s"] = static_cast<double>(stats.messages) / seconds;
    state.counters["overrun_messages"] = static_cast<double>(stats.overrun.messages);
    state.counters["ring_high_water_MB"] = static_cast<double>(stats.ring_high_water_bytes) / 1e6;
    state.counters["batch_p50_ns"] = batch_ns[batch_ns.size() / 2];
    state.counters["batch_p999_ns"] = batch_ns[batch_ns.size() * 999 / 1000];
    state.counters["batch_max_ns"] = batch_ns.back();
    state.counters["hot_waits"] = static_cast<double>(after.ru_nvcsw - before.ru_nvcsw);
    state.counters["hot_preempted"] = static_cast<double>(after.ru_nivcsw - before.ru_nivcsw);
    state.counters["syncs"] = static_cast<double>(stats.syncs);
    state.counters["sync_max_ms"] = static_cast<double>(stats.sync_max_ns) / 1e6;
    state.counters["snapshots"] = static_cast<double>(stats.snapshots);
    state.counters["snapshot_max_ms"] = static_cast<double>(stats.snapshot_max_ns) / 1e6;
    journal.reset();
    std::filesystem::remove_all(path);
  }
}
BENCHMARK_CAPTURE(BM_Journal, none_flat_out, "none", 0)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Journal, interval_50_flat_out, "interval 50", 0)
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Journal, group_flat_out, "group", 0)
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Journal, interval_50_at_1M_a_second, "interval 50", 1'000'000)
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

// A folder with a snapshot of a million orders and ten million messages behind it, made once.
class RestartFolder {
 public:
  RestartFolder() : path_(FolderPath() + ".restart") {
    const auto folder = *DiskFolder::Open(path_);
    JournalOptions options;
    options.sync = {.kind = SyncPolicy::Kind::kNone};
    options.snapshot_messages = 0;
    options.snapshot_at_stop = false;
    const auto book = MakeBook();
    auto core = *JournalCore<ItchBook>::Open(options, folder.get(), &clock_, 1, book.get(), MakeBook());
    uint64_t next = 1;
    const auto drain = [&] {
      core->ring().Publish();
      while (core->Step(clock_.Monotonic())) {
      }
    };
    itch::SyntheticDay day({.symbols = kLocates, .live_orders = kLiveOrders}, [&](std::span<const uint8_t> message) {
      core->ring().Append(0, next, message);
      if (next++ % 10'000 == 0) drain();
    });
    core->ring().Begin(0, {1, 2}, 1, {});
    day.Open();
    day.Fill(kLiveOrders);
    drain();
    CHECK(core->Snapshot().ok());
    day.Run(kReplayed);
    drain();
    CHECK(core->Finish().ok());
    state_hash_ = core->state().book()->StateHash();
  }
  ~RestartFolder() { std::filesystem::remove_all(path_); }

  void DropFromCache() const {
    for (const auto& file : std::filesystem::directory_iterator(path_)) {
      const ScopedFd fd(::open(file.path().c_str(), O_RDONLY));
      CHECK_EQ(::fsync(fd.get()), 0);
      CHECK_EQ(::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
    }
  }
  const std::string& path() const { return path_; }
  uint64_t state_hash() const { return state_hash_; }

 private:
  const std::string path_;
  SystemClock clock_;
  uint64_t state_hash_ = 0;
};

// From nothing to a book, its shadow, and a segment to write to: memory made and touched, files read, checked, applied.
void BM_Restart(benchmark::State& state, bool cached) {
  static const RestartFolder made;
  SystemClock clock;
  for (auto _ : state) {
    state.PauseTiming();
    if (!cached) made.DropFromCache();
    state.ResumeTiming();
    const uint64_t begin_ns = clock.Monotonic();
    const auto folder = *DiskFolder::Open(made.path());
    const auto book = MakeBook();
    auto shadow = MakeBook();
    const uint64_t memory_ns = clock.Monotonic();
    JournalOptions options;
    options.snapshot_messages = 0;
    options.snapshot_at_stop = false;
    const auto journal = Journal<ItchBook>::Open(options, folder.get(), &clock, book.get(), std::move(shadow));
    const uint64_t end_ns = clock.Monotonic();
    state.PauseTiming();
    CHECK(journal.ok()) << journal.status();
    CHECK_EQ(book->StateHash(), made.state_hash());
    const RecoveryReport& report = (*journal)->report();
    CHECK_EQ(report.messages, kReplayed);
    state.counters["snapshot_messages"] = static_cast<double>(report.snapshot_messages);
    state.counters["orders"] = static_cast<double>(book->orders_live());
    state.counters["messages"] = static_cast<double>(report.messages);
    state.counters["journal_MB"] = static_cast<double>(report.bytes) / 1e6;
    state.counters["books_ms"] = static_cast<double>(memory_ns - begin_ns) / 1e6;
    state.counters["snapshot_ms"] = static_cast<double>(report.snapshot_ns) / 1e6;
    state.counters["replay_ms"] = static_cast<double>(report.replay_ns) / 1e6;
    state.counters["rest_ms"] = static_cast<double>(end_ns - memory_ns - report.snapshot_ns - report.replay_ns) / 1e6;
    CHECK((*journal)->Stop().ok());
    state.ResumeTiming();
  }
}
BENCHMARK_CAPTURE(BM_Restart, cached, true)->Iterations(1)->Repetitions(5)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Restart, dropped_from_cache, false)->Iterations(1)->Repetitions(5)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace feedfarm

BENCHMARK_MAIN();
