// Any bytes as record, segment, snapshot, and as the files that recovery finds: a status, never a crash or a read
// beyond.
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/fuzz_driver.h"
#include "pipeline/journal/journal_core.h"
#include "pipeline/journal/numbered_name.h"
#include "pipeline/journal/segment.h"
#include "pipeline/journal/snapshot.h"
#include "pipeline/journal/testing/model_folder.h"
#include "pipeline/journal/testing/tally_book.h"
#include "pipeline/journal/testing/test_stream.h"

namespace feedfarm {
namespace {

using Core = JournalCore<TallyBook>;

JournalOptions Small() {
  JournalOptions options;
  options.ring_bytes = 512 * 1024;
  options.group_bytes = 512;
  options.snapshot_messages = 60;
  options.sync = {.kind = SyncPolicy::Kind::kGroup};
  return options;
}

// The files of a short life, by name.
std::vector<std::pair<std::string, std::vector<uint8_t>>> Files() {
  ModelFolder folder;
  SystemClock clock;
  TallyBook book;
  const TestStream stream(3, 150);
  auto core = Core::Open(Small(), &folder, &clock, 1, &book, std::make_unique<TallyBook>());
  EXPECT_TRUE(core.ok());
  for (size_t i = 0; i < stream.size(); ++i) {
    stream.Append((*core)->ring(), i);
    (*core)->ring().Publish();
    (*core)->Step(i);
  }
  std::vector<std::pair<std::string, std::vector<uint8_t>>> files;
  const std::vector<std::string> names = *folder.List();
  for (const std::string& name : names) files.push_back({name, folder.Bytes(name)});
  return files;
}

std::vector<std::vector<uint8_t>> Contents(const NumberedName& kind) {
  std::vector<std::vector<uint8_t>> contents;
  for (auto& [name, bytes] : Files()) {
    if (kind.Number(name)) contents.push_back(bytes);
  }
  return contents;
}

TEST(JournalFuzz, Record) {
  std::vector<uint8_t> valid(RecordBytes(60));
  SealRecord({.body_bytes = 60}, 7, 0, valid.data());
  FuzzDriver({valid}).Run([](std::span<const uint8_t> bytes) {
    RecordView record;
    if (!ParseRecord(bytes, 7, 0, &record)) return;
    EXPECT_LE(record.bytes, bytes.size());
    MessageWalk walk(record.body);
    std::span<const uint8_t> message;
    uint64_t sum = 0;
    while (walk.Next(&message)) {
      for (const uint8_t byte : message) sum += byte;
    }
    EXPECT_GE(sum, 0u);
  });
}

TEST(JournalFuzz, Segment) {
  FuzzDriver(Contents(kSegmentName), 2048)
      .Run(
          [](std::span<const uint8_t> bytes) {
            const auto header = ParseSegmentHeader(bytes);
            if (!header.ok()) return;
            SegmentWalk walk(bytes, header->salt);
            RecordView record;
            while (walk.Next(&record)) EXPECT_LE(walk.offset(), bytes.size());
            if (!walk.at_end()) (void)walk.SearchBehind();
          },
          FuzzDriver::kCases / 4);
}

TEST(JournalFuzz, Snapshot) {
  FuzzDriver(Contents(kSnapshotName), 4096)
      .Run(
          [](std::span<const uint8_t> bytes) {
            const auto snapshot = ParseSnapshot(bytes);
            if (!snapshot.ok()) return;
            TallyBook book;
            JournalState<TallyBook> state(&book);
            (void)state.Load(*snapshot);
          },
          FuzzDriver::kCases / 4);
}

// A record whose checksum is right says anything: what a program that is wrong could have written.
TEST(JournalFuzz, SealedRecordsOfAnyContent) {
  TallyBook book;
  FuzzDriver({std::vector<uint8_t>(200)}).Run([&book](std::span<const uint8_t> bytes) {
    if (bytes.size() < 24) return;
    JournalState<TallyBook> state(&book);
    std::array<uint8_t, 16 + kFrontBytes> begin{};
    EXPECT_TRUE(state.Apply({.header = {.kind = RecordKind::kBegin}, .body = begin}).ok());
    const RecordHeader header = {.kind = static_cast<RecordKind>(bytes[0] % 8),
                                 .flags = bytes[1],
                                 .generation = static_cast<uint32_t>(bytes[2] % 3),
                                 .count = bytes[3],
                                 .first_sequence = LoadLittle<uint64_t>(bytes.data() + 8),
                                 .record = 1,
                                 .body_bytes = static_cast<uint32_t>(bytes.size() - 16)};
    const uint64_t record = state.cursor().record;
    const bool taken = state.Apply({.header = header, .body = bytes.subspan(16)}).ok();
    EXPECT_EQ(state.cursor().record, record + (taken ? 1 : 0));
  });
}

// One file of a folder is anything: recovery gives a state or a status, and a second time the same.
TEST(JournalFuzz, FolderWithAnyFile) {
  const auto files = Files();
  std::vector<std::vector<uint8_t>> valid;
  for (const auto& [name, bytes] : files) valid.push_back(bytes);
  SystemClock clock;
  uint64_t round = 0;
  FuzzDriver(valid, 2048)
      .Run(
          [&](std::span<const uint8_t> bytes) {
            ModelFolder folder;
            const std::string& changed = files[round++ % files.size()].first;
            for (const auto& [name, content] : files) {
              (void)(*folder.Create(name))->Append(name == changed ? bytes : std::span<const uint8_t>(content));
            }
            TallyBook book;
            JournalState<TallyBook> state(&book);
            const auto first = JournalRecovery(&folder, &clock, &state).Run();
            if (!first.ok()) {
              EXPECT_FALSE(first.status().message().empty());
              return;
            }
            const JournalCursor cursor = state.cursor();
            ASSERT_TRUE(JournalRecovery(&folder, &clock, &state).Run().ok());
            EXPECT_EQ(state.cursor(), cursor);
          },
          FuzzDriver::kCases / 20);
}

}  // namespace
}  // namespace feedfarm
