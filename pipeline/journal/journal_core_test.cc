#include "pipeline/journal/journal_core.h"

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"
#include "pipeline/journal/numbered_name.h"
#include "pipeline/journal/testing/model_folder.h"
#include "pipeline/journal/testing/tally_book.h"
#include "pipeline/journal/testing/test_stream.h"

namespace feedfarm {
namespace {

JournalOptions Small() {
  JournalOptions options;
  options.ring_bytes = 512 * 1024;
  options.group_bytes = 4096;
  options.segment_bytes = 16 * 1024;
  options.sync = {.kind = SyncPolicy::Kind::kGroup};
  options.snapshot_messages = 0;
  options.snapshot_at_stop = false;
  return options;
}

class JournalCoreTest : public testing::Test {
 protected:
  using Core = JournalCore<TallyBook>;

  std::unique_ptr<Core> Open(const JournalOptions& options) {
    auto core = TryOpen(options);
    EXPECT_TRUE(core.ok()) << core.status();
    return core.ok() ? *std::move(core) : nullptr;
  }
  absl::StatusOr<std::unique_ptr<Core>> TryOpen(const JournalOptions& options) {
    return Core::Open(options, &folder_, &clock_, ++lives_, &book_, std::make_unique<TallyBook>());
  }
  // Appends the stream's messages up to `end`, in batches, a Step after each.
  void Feed(Core& core, const TestStream& stream, size_t end, size_t batch = 16) {
    for (size_t i = stream.IndexOf(core.state().cursor()); i < end;) {
      for (size_t n = 0; n < batch && i < end; ++n) stream.Append(core.ring(), i++);
      core.ring().Publish();
      core.Step(now_ns_ += 1'000'000);
    }
  }
  std::vector<std::string> Names(const NumberedName& kind) {
    std::vector<std::string> names = *folder_.List();
    std::erase_if(names, [&](const std::string& name) { return !kind.Number(name); });
    std::sort(names.begin(), names.end());
    return names;
  }

  ModelFolder folder_;
  SystemClock clock_;
  TallyBook book_;
  uint64_t lives_ = 0;
  uint64_t now_ns_ = 0;
};

TEST_F(JournalCoreTest, EmptyFolderIsAJournalWithoutRecords) {
  const auto core = Open(Small());
  EXPECT_FALSE(core->state().cursor().joined);
  EXPECT_EQ(core->state().cursor().record, 0u);
  EXPECT_EQ(core->report().records, 0u);
}

TEST_F(JournalCoreTest, ComesBackToTheSameState) {
  const TestStream stream(1, 3'000);
  auto core = Open(Small());
  Feed(*core, stream, stream.size());
  ASSERT_TRUE(core->Finish().ok());
  const JournalCursor cursor = core->state().cursor();
  EXPECT_EQ(core->stats().durable_record, cursor.record);
  EXPECT_GT(core->stats().segments, 3u);
  core.reset();
  core = Open(Small());
  EXPECT_EQ(core->state().cursor(), cursor);
  EXPECT_EQ(cursor.stream_hash, stream.HashAt(stream.size()));
  EXPECT_EQ(book_.StateHash(), stream.StateHashAt(stream.size()));
  EXPECT_EQ(core->state().book()->StateHash(), book_.StateHash());
  EXPECT_EQ(core->state().tally(), stream.TallyAt(stream.size()));
  EXPECT_EQ(core->report().messages, stream.messages());
}

TEST_F(JournalCoreTest, SnapshotSparesTheReplayAndOldSegmentsGo) {
  const TestStream stream(2, 3'000);
  JournalOptions options = Small();
  options.snapshot_messages = 500;
  auto core = Open(options);
  Feed(*core, stream, stream.size());
  EXPECT_GE(core->stats().snapshots, 4u);
  EXPECT_EQ(Names(kSnapshotName).size(), 2u);
  EXPECT_EQ(*kSegmentName.Number(Names(kSegmentName).front()), *kSnapshotName.Number(Names(kSnapshotName).front()));
  core.reset();
  core = Open(options);
  EXPECT_EQ(core->report().snapshot, Names(kSnapshotName).back());
  EXPECT_LT(core->report().messages, 600u);
  EXPECT_EQ(book_.StateHash(), stream.StateHashAt(stream.size()));
  EXPECT_EQ(core->state().cursor().stream_hash, stream.HashAt(stream.size()));
  EXPECT_EQ(core->state().tally(), stream.TallyAt(stream.size()));
}

TEST_F(JournalCoreTest, DamagedNewestSnapshotFallsBackAndSaysSo) {
  const TestStream stream(3, 3'000);
  JournalOptions options = Small();
  options.snapshot_messages = 500;
  auto core = Open(options);
  Feed(*core, stream, stream.size());
  core.reset();
  const std::vector<std::string> snapshots = Names(kSnapshotName);
  for (size_t at = 0; at < folder_.Bytes(snapshots[1]).size(); at += 37) {
    folder_.Bytes(snapshots[1])[at] ^= 0x10;
    core = Open(options);
    EXPECT_EQ(core->report().snapshot, snapshots[0]);
    ASSERT_EQ(core->report().damaged_snapshots.size(), 1u);
    EXPECT_NE(core->report().damaged_snapshots[0].find(snapshots[1]), std::string::npos);
    EXPECT_EQ(book_.StateHash(), stream.StateHashAt(stream.size()));
    EXPECT_EQ(core->state().tally(), stream.TallyAt(stream.size()));
    core.reset();
    folder_.Bytes(snapshots[1])[at] ^= 0x10;
  }
  folder_.Bytes(snapshots[0])[50] ^= 1;
  folder_.Bytes(snapshots[1])[50] ^= 1;
  const absl::Status status = TryOpen(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("records 0 to"), std::string::npos) << status;
}

TEST_F(JournalCoreTest, TornLastRecordIsCutAndReportedAtEachByte) {
  const TestStream stream(4, 60);
  JournalOptions options = Small();
  auto core = Open(options);
  Feed(*core, stream, stream.size(), 4);
  core.reset();
  const std::string segment = Names(kSegmentName).back();
  const std::vector<uint8_t> whole = folder_.Bytes(segment);
  uint64_t records_before = UINT64_MAX;
  for (size_t bytes = whole.size(); bytes >= kSegmentHeaderBytes; --bytes) {
    folder_.Bytes(segment).assign(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(bytes));
    core = Open(options);
    const uint64_t cut_at = bytes - core->report().torn_bytes;
    EXPECT_EQ(core->report().torn_segment, core->report().torn_bytes == 0 ? "" : segment);
    if (core->report().torn_bytes != 0) {
      EXPECT_EQ(core->report().torn_offset, cut_at);
    }
    EXPECT_LE(core->report().records, records_before);
    records_before = core->report().records;
    const size_t index = stream.IndexOf(core->state().cursor());
    EXPECT_EQ(book_.StateHash(), stream.StateHashAt(index));
    EXPECT_EQ(folder_.Bytes(segment).size(), cut_at == kSegmentHeaderBytes ? kSegmentHeaderBytes : cut_at);
    // Twice gives the same.
    const JournalCursor cursor = core->state().cursor();
    core = Open(options);
    EXPECT_EQ(core->state().cursor(), cursor);
    EXPECT_EQ(core->report().torn_bytes, 0u);
    core.reset();
    for (const std::string& name : Names(kSegmentName)) {
      if (name != segment) folder_.Erase(name);
    }
  }
}

// What is told of the last record: FORMAT.md, "The last record".
TEST_F(JournalCoreTest, AlteredLastRecordIsCutLikeATornOneAndSaidSo) {
  const TestStream stream(4, 60);
  auto core = Open(Small());
  Feed(*core, stream, stream.size(), 4);
  core.reset();
  const std::string segment = Names(kSegmentName).back();
  const std::vector<uint8_t> whole = folder_.Bytes(segment);
  const auto open_with = [&](const std::vector<uint8_t>& bytes) {
    for (const std::string& name : Names(kSegmentName)) {
      if (name > segment) folder_.Erase(name);
    }
    folder_.Bytes(segment) = bytes;
    core.reset();
    core = Open(Small());
    return core->report();
  };
  // Shorter than it says: a killed process.
  EXPECT_FALSE(open_with({whole.begin(), whole.end() - 1}).torn_altered);
  const uint64_t last = core->report().torn_offset;
  EXPECT_EQ(core->report().torn_bytes, whole.size() - 1 - last);
  // All its bytes, but the last page was never written: a power cut.
  std::vector<uint8_t> zeros = whole;
  std::fill(zeros.begin() + static_cast<ptrdiff_t>(last), zeros.end(), 0);
  EXPECT_FALSE(open_with(zeros).torn_altered);
  EXPECT_EQ(core->report().torn_offset, last);
  // All its bytes, and one is another: a power cut, or damage. The stream before it is whole in any case.
  for (const size_t at : {last, last + 20, whole.size() - 1}) {
    std::vector<uint8_t> altered = whole;
    altered[at] ^= 0x40;
    EXPECT_TRUE(open_with(altered).torn_altered) << at;
    EXPECT_EQ(core->report().torn_offset, last);
    EXPECT_EQ(core->report().torn_bytes, whole.size() - last);
    EXPECT_EQ(book_.StateHash(), stream.StateHashAt(stream.IndexOf(core->state().cursor())));
  }
}

// Behind a clean stop the last record is the seal: nothing of the stream is lost with it.
TEST_F(JournalCoreTest, DamagedSealLosesNothing) {
  const TestStream stream(4, 60);
  auto core = Open(Small());
  Feed(*core, stream, stream.size(), 4);
  ASSERT_TRUE(core->Finish().ok());
  core.reset();
  folder_.Bytes(Names(kSegmentName).back()).back() ^= 1;
  folder_.Bytes(Names(kSegmentName).back())[folder_.Bytes(Names(kSegmentName).back()).size() - 30] ^= 1;
  core = Open(Small());
  EXPECT_TRUE(core->report().torn_altered);
  EXPECT_EQ(core->report().torn_bytes, RecordBytes(0));
  EXPECT_EQ(book_.StateHash(), stream.StateHashAt(stream.size()));
}

TEST_F(JournalCoreTest, DamageInTheMiddleNamesSegmentAndOffset) {
  const TestStream stream(5, 2'000);
  auto core = Open(Small());
  Feed(*core, stream, stream.size());
  ASSERT_TRUE(core->Finish().ok());
  core.reset();
  Rng rng(5);
  const std::vector<std::string> segments = Names(kSegmentName);
  ASSERT_GT(segments.size(), 2u);
  for (int i = 0; i < 300; ++i) {
    const std::string& name = segments[rng.Below(segments.size())];
    std::vector<uint8_t>& bytes = folder_.Bytes(name);
    // The seal is the one record whose damage looks as if it had not been written.
    const size_t at = rng.Below(bytes.size() - (name == segments.back() ? RecordBytes(0) : 0));
    const uint8_t before = bytes[at];
    bytes[at] ^= static_cast<uint8_t>(1 + rng.Below(255));
    const absl::Status status = TryOpen(Small()).status();
    EXPECT_TRUE(status.code() == absl::StatusCode::kDataLoss || status.code() == absl::StatusCode::kUnimplemented)
        << name << " byte " << at << " " << status;
    EXPECT_NE(status.message().find(name), std::string::npos) << status;
    if (at >= kSegmentHeaderBytes) {
      EXPECT_NE(status.message().find("offset "), std::string::npos) << status;
    }
    folder_.Bytes(name)[at] = before;
  }
  EXPECT_TRUE(TryOpen(Small()).ok());
}

TEST_F(JournalCoreTest, MissingSegmentIsNamed) {
  const TestStream stream(6, 2'000);
  auto core = Open(Small());
  Feed(*core, stream, stream.size());
  core.reset();
  const std::vector<std::string> segments = Names(kSegmentName);
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    const std::vector<uint8_t> bytes = folder_.Bytes(segments[i]);
    folder_.Erase(segments[i]);
    const absl::Status status = TryOpen(Small()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_NE(status.message().find(segments[i]), std::string::npos) << status;
    EXPECT_NE(status.message().find("missing"), std::string::npos) << status;
    (void)(*folder_.Create(segments[i]))->Append(bytes);
  }
}

TEST_F(JournalCoreTest, FullDiskEndsJournallingAndSaysWhere) {
  for (const int error : {ENOSPC, EIO}) {
    for (uint64_t room = 0; room < 6'000; room += 171) {
      folder_ = ModelFolder();
      const TestStream stream(7, 1'000);
      auto core = Open(Small());
      Feed(*core, stream, 100);
      folder_.FailAppends(error, room);
      Feed(*core, stream, stream.size());
      EXPECT_FALSE(core->stats().status.ok());
      EXPECT_NE(core->stats().status.message().find(".ffj"), std::string::npos) << core->stats().status;
      EXPECT_EQ(core->Finish(), core->stats().status);
      const uint64_t durable = core->stats().durable_record;
      core.reset();
      folder_.FailAppends(0, 0);
      folder_.PowerCut(room);
      core = Open(Small());
      EXPECT_GE(core->state().cursor().record, durable);
      EXPECT_EQ(book_.StateHash(), stream.StateHashAt(stream.IndexOf(core->state().cursor())));
    }
  }
}

TEST_F(JournalCoreTest, FailedSyncIsNeverTriedAgain) {
  const TestStream stream(8, 1'000);
  auto core = Open(Small());
  Feed(*core, stream, 100);
  const uint64_t durable = core->stats().durable_record;
  folder_.FailSyncs(EIO);
  Feed(*core, stream, 200);
  folder_.FailSyncs(0);
  Feed(*core, stream, stream.size());
  EXPECT_EQ(core->stats().durable_record, durable);
  EXPECT_NE(core->stats().status.message().find("fdatasync"), std::string::npos) << core->stats().status;
}

TEST_F(JournalCoreTest, FailedSnapshotStopsNothing) {
  const TestStream stream(9, 2'000);
  auto core = Open(Small());
  Feed(*core, stream, 1'000);
  ASSERT_TRUE(core->Snapshot().ok());
  Feed(*core, stream, 1'500);
  folder_.FailAppends(ENOSPC, kSegmentHeaderBytes);
  EXPECT_FALSE(core->Snapshot().ok());
  EXPECT_EQ(core->stats().snapshot_failures, 1u);
  folder_.FailAppends(0, 0);
  Feed(*core, stream, stream.size());
  EXPECT_TRUE(core->stats().status.ok()) << core->stats().status;
  core.reset();
  core = Open(Small());
  EXPECT_EQ(book_.StateHash(), stream.StateHashAt(stream.size()));
}

TEST_F(JournalCoreTest, OverrunLeavesAPrefix) {
  const TestStream stream(10, 40'000);
  auto core = Open(Small());
  for (size_t i = 0; i < stream.size(); ++i) stream.Append(core->ring(), i);
  core->ring().Publish();
  ASSERT_TRUE(core->Finish().ok());
  EXPECT_TRUE(core->stats().overrun.happened);
  const size_t index = stream.IndexOf(core->state().cursor());
  EXPECT_LT(index, stream.size());
  core.reset();
  core = Open(Small());
  EXPECT_EQ(stream.IndexOf(core->state().cursor()), index);
  EXPECT_EQ(book_.StateHash(), stream.StateHashAt(index));
}

TEST_F(JournalCoreTest, PoliciesSyncAsTheySay) {
  const TestStream stream(11, 300);
  JournalOptions options = Small();
  options.segment_bytes = 1 << 20;
  options.sync = {.kind = SyncPolicy::Kind::kNone};
  auto core = Open(options);
  Feed(*core, stream, stream.size());
  EXPECT_EQ(core->stats().syncs, 0u);
  EXPECT_EQ(core->stats().durable_record, 0u);
  ASSERT_TRUE(core->Finish().ok());
  EXPECT_EQ(core->stats().durable_record, core->state().cursor().record);
  folder_ = ModelFolder();
  options.sync = {.kind = SyncPolicy::Kind::kGroup};
  core = Open(options);
  Feed(*core, stream, stream.size());
  EXPECT_EQ(core->stats().syncs, core->stats().groups);
  folder_ = ModelFolder();
  options.sync = {.kind = SyncPolicy::Kind::kInterval, .interval_ns = 5'000'000};  // Feed: 1 ms a step
  core = Open(options);
  Feed(*core, stream, stream.size());
  EXPECT_GT(core->stats().syncs, 1u);
  EXPECT_LE(core->stats().syncs, core->stats().groups / 5);
}

TEST_F(JournalCoreTest, ContradictionNeverReachesTheDisk) {
  auto core = Open(Small());
  core->ring().Append(0, 1, std::vector<uint8_t>{'A', 1});  // no generation was begun
  core->ring().Publish();
  core->Step(1);
  EXPECT_EQ(core->stats().status.code(), absl::StatusCode::kDataLoss);
  core.reset();
  EXPECT_EQ(Open(Small())->state().cursor().record, 0u);
}

TEST_F(JournalCoreTest, UnfinishedStateIsCutOff) {
  const TestStream stream(12, 200);
  const std::vector<uint8_t> big(3'000, 'A');
  auto core = Open(Small());
  Feed(*core, stream, stream.size());
  const JournalCursor cursor = core->state().cursor();
  JournalRing& ring = core->ring();
  ring.BeginState(cursor.generation);
  for (int i = 0; i < 40; ++i) {
    ring.AppendState(big);
    ring.Publish();
    core->Step(1);
  }
  EXPECT_EQ(core->Snapshot().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_GT(Names(kSegmentName).size(), 3u);
  core.reset();
  core = Open(Small());
  EXPECT_EQ(core->report().unfinished_states, 1u);
  EXPECT_EQ(core->state().cursor(), cursor);
  EXPECT_EQ(book_.StateHash(), stream.StateHashAt(stream.size()));
  // A whole one replaces the book, and the stream goes on behind it.
  core->ring().BeginState(cursor.generation);
  core->ring().AppendState(big);
  core->ring().EndState(cursor.generation, cursor.next_sequence + 1'000);
  core->ring().Append(cursor.generation, cursor.next_sequence + 1'000, std::vector<uint8_t>{'A', 9, 9});
  core->ring().Publish();
  ASSERT_TRUE(core->Finish().ok());
  const uint64_t hash = core->state().book()->StateHash();
  core.reset();
  core = Open(Small());
  EXPECT_EQ(book_.StateHash(), hash);
  EXPECT_EQ(book_.orders_live(), 2u);
  EXPECT_EQ(core->state().cursor().next_sequence, cursor.next_sequence + 1'001);
}

}  // namespace
}  // namespace feedfarm
