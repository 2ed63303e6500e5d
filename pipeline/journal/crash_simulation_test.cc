// The journal over a folder in memory, stopped at every single step: by a killed process, which loses nothing that was
// written, and by a power cut, which loses of what was not synced whatever it likes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "pipeline/journal/journal_core.h"
#include "pipeline/journal/testing/model_folder.h"
#include "pipeline/journal/testing/tally_book.h"
#include "pipeline/journal/testing/test_stream.h"

namespace feedfarm {
namespace {

using Core = JournalCore<TallyBook>;

// A choice of power cuts at each step; 0 stands for a killed process.
constexpr uint64_t kCuts = 5;
constexpr size_t kEvents = 180;

uint64_t Seed() {
  const char* text = std::getenv("FEEDFARM_FUZZ_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 0);
}

class CrashSimulation : public testing::TestWithParam<SyncPolicy> {
 protected:
  CrashSimulation() : stream_(Seed(), kEvents) {
    options_.ring_bytes = 512 * 1024;
    options_.group_bytes = 256;
    options_.segment_bytes = 1'500;
    options_.sync = GetParam();
    options_.snapshot_messages = 50;
  }

  struct Life {
    bool opened = false;
    JournalCursor recovered;
    uint64_t recovered_snapshot = 0;
    // The last words of the process.
    uint64_t durable_record = 0;
    uint64_t snapshot_record = 0;
    absl::Status status;  // why it did not come to its end
  };

  // One process: recovers, goes on with the stream from its cursor to its end, stops. Ends where the folder stops.
  Life Live(ModelFolder& folder) {
    Life life;
    TallyBook book;
    auto core = Core::Open(options_, &folder, &clock_, ++salts_, &book, std::make_unique<TallyBook>());
    if (!core.ok()) {
      life.status = core.status();
      return life;
    }
    life.opened = true;
    life.recovered = (*core)->state().cursor();
    life.recovered_snapshot = life.snapshot_record = (*core)->report().snapshot_record;
    life.durable_record = (*core)->stats().durable_record;
    const size_t from = stream_.IndexOf(life.recovered);
    EXPECT_EQ(book.StateHash(), stream_.StateHashAt(from));
    EXPECT_EQ((*core)->state().book()->StateHash(), stream_.StateHashAt(from));
    EXPECT_EQ((*core)->state().tally(), stream_.TallyAt(from));
    EXPECT_EQ(life.recovered.stream_hash, stream_.HashAt(from));
    uint64_t now_ns = 0;
    for (size_t i = from; i < stream_.size() && (*core)->stats().status.ok(); ++i) {
      stream_.Append((*core)->ring(), i);
      if (i % 7 != 0) continue;
      (*core)->ring().Publish();
      (*core)->Step(now_ns += 1'000'000);
      life.durable_record = (*core)->stats().durable_record;
      life.snapshot_record = std::max(life.snapshot_record, (*core)->stats().snapshot_record);
    }
    (*core)->ring().Publish();
    life.status = (*core)->Finish();
    life.durable_record = (*core)->stats().durable_record;
    life.snapshot_record = std::max(life.snapshot_record, (*core)->stats().snapshot_record);
    if (life.status.ok()) {
      EXPECT_EQ((*core)->state().book()->StateHash(), stream_.StateHashAt(stream_.size()));
    }
    return life;
  }

  static void Crash(ModelFolder& folder, uint64_t cut) { cut == 0 ? folder.Kill() : folder.PowerCut(cut); }

  // What must hold of a life that follows another one.
  static void CheckSuccessor(const Life& life, const Life& before) {
    ASSERT_TRUE(life.status.ok()) << life.status;
    EXPECT_GE(life.recovered.record, before.durable_record);
    EXPECT_GE(life.recovered_snapshot, before.snapshot_record);
  }

  const TestStream stream_;
  JournalOptions options_;
  SystemClock clock_;
  uint64_t salts_ = 0;
};

TEST_P(CrashSimulation, EveryStepOfALife) {
  std::cout << "seed " << Seed() << "\n";
  ModelFolder whole;
  ASSERT_TRUE(Live(whole).status.ok());
  std::cout << whole.steps() << " steps\n";
  ASSERT_GT(whole.steps(), 200u);
  for (uint64_t step = 1; step <= whole.steps(); ++step) {
    for (uint64_t cut = 0; cut < kCuts; ++cut) {
      SCOPED_TRACE(absl::StrCat("step ", step, ", cut ", cut));
      ModelFolder folder;
      folder.StopAt(step);
      const Life first = Live(folder);
      ASSERT_FALSE(first.status.ok());
      Crash(folder, cut == 0 ? 0 : step * kCuts + cut);
      CheckSuccessor(Live(folder), first);
      if (HasFailure()) return;
    }
  }
}

// Every step of the recovery after a crash, and of what follows it, for crashes all over a life.
TEST_P(CrashSimulation, EveryStepOfTheLifeAfterACrash) {
  std::cout << "seed " << Seed() << "\n";
  ModelFolder whole;
  ASSERT_TRUE(Live(whole).status.ok());
  // Steps that a recovery takes: cutting, syncing, a new segment; the rest is an ordinary life.
  constexpr uint64_t kRecoverySteps = 16;
  for (uint64_t step = 1; step <= whole.steps(); step += 5) {
    for (uint64_t second = 1; second <= kRecoverySteps; ++second) {
      for (uint64_t cut = 0; cut < 4; ++cut) {
        SCOPED_TRACE(absl::StrCat("step ", step, ", then step ", second, ", cut ", cut));
        ModelFolder folder;
        folder.StopAt(step);
        const Life first = Live(folder);
        Crash(folder, (cut & 1) == 0 ? 0 : step + 77);
        folder.StopAt(second);
        Life between = Live(folder);
        if (between.opened) {
          EXPECT_GE(between.recovered.record, first.durable_record);
        } else {
          between = first;
        }
        Crash(folder, (cut & 2) == 0 ? 0 : step + second + 99);
        CheckSuccessor(Live(folder), between);
        if (HasFailure()) return;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, CrashSimulation,
                         testing::Values(SyncPolicy{.kind = SyncPolicy::Kind::kGroup},
                                         SyncPolicy{.kind = SyncPolicy::Kind::kInterval, .interval_ns = 4'000'000},
                                         SyncPolicy{.kind = SyncPolicy::Kind::kNone}),
                         [](const auto& policy) {
                           const std::string name = ToString(policy.param);
                           return name.substr(0, name.find(' '));
                         });

}  // namespace
}  // namespace feedfarm
