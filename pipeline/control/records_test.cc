#include "gtest/gtest.h"
#include "pipeline/control/cut_command.h"
#include "pipeline/control/event_record.h"
#include "pipeline/control/final_record.h"
#include "pipeline/control/interval_record.h"
#include "pipeline/control/ready_record.h"

namespace feedfarm {
namespace {

// Through text and back.
template <class Record>
absl::StatusOr<Record> Again(const Record& record) {
  auto line = RecordLine::Parse(record.ToLine().Encode());
  if (!line.ok()) return line.status();
  return Record::FromLine(*line);
}

HistogramRecord SomeHistogram() {
  return {LatencyMetric::kEndToEnd, TimestampClass::kHardware, std::string("\x00\xff=%, ", 6), 17};
}

TEST(FinalRecord, ComesBackWhole) {
  FinalRecord record;
  record.messages = 391'999;
  record.types = {{"A", 12}, {"0x1f", 3}};
  record.lines[0].packets = 5;
  record.lines[1].cut_measured_ns = 200'000'000;
  record.lines[1].heartbeats = 9;
  record.stream_hash = "fedcba9876543210";
  record.state_hash = "0123456789abcdef";
  record.book = {{"applied", 17}, {"unknown_order", 2}};
  record.orders_live = 9;
  record.levels_live = 8;
  record.drops = {{"window_full", 3}, {"ring_full", 1}};
  record.implausible = {{"session", 2}, {"sequence", 1}};
  record.future_stamps = {{"decode.hardware", 5}, {"end_to_end.none", 1}};
  record.histograms = {SomeHistogram()};
  record.end_of_session = true;
  record.xdp_mode = "native";
  record.bind_mode = "copy";
  record.partial_overlaps = UINT64_MAX;
  const auto again = Again(record);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, record);
}

TEST(FinalRecord, MissesNoField) {
  const RecordLine whole = FinalRecord{}.ToLine();
  for (const auto& [left_out, unused] : whole.fields()) {
    RecordLine line("final");
    for (const auto& [key, value] : whole.fields()) {
      if (key != left_out) line.Add(key, value);
    }
    EXPECT_FALSE(FinalRecord::FromLine(line).ok()) << left_out;
  }
}

TEST(IntervalRecord, ComesBackWhole) {
  IntervalRecord record{
      .sequence = 3, .start_unix_ns = 1, .end_unix_ns = 2, .messages = 4, .histograms = {SomeHistogram()}};
  record.packets_b = 7;
  EXPECT_EQ(*Again(record), record);
}

TEST(EventRecord, ComesBackWholeForEachKind) {
  for (int i = 0; i < kFeedEventKinds; ++i) {
    const EventRecord record{.kind = static_cast<FeedEventKind>(i), .time_unix_ns = 5, .messages = 1000, .line = "B"};
    EXPECT_EQ(*Again(record), record);
  }
  EXPECT_FALSE(EventRecord::FromLine(*RecordLine::Parse("event kind=party")).ok());
}

TEST(CutCommand, ComesBackWholeAndNamesItsLine) {
  const CutCommand cut{LineId::kB, 123, 200'000'000};
  EXPECT_EQ(cut.ToLine().Encode(), "cut line=B start_tai_ns=123 duration_ns=200000000");
  EXPECT_EQ(*Again(cut), cut);
  EXPECT_FALSE(CutCommand::FromLine(*RecordLine::Parse("cut line=C start_tai_ns=1 duration_ns=1")).ok());
}

TEST(ReadyRecord, ComesBackWhole) {
  ReadyRecord ready{"native", "copy", "software", {"0123abcd", true, "gcc 12.2.0", "glibc 2.36 malloc"}, {}};
  EXPECT_EQ(*Again(ready), ready);
  ready.not_granted = {"zero-copy: line_a queue 0: Operation not supported", "SCHED_FIFO: 100%; no"};
  EXPECT_EQ(*Again(ready), ready);
}

TEST(Records, RefuseAnotherKind) {
  const RecordLine other("other");
  EXPECT_FALSE(FinalRecord::FromLine(other).ok());
  EXPECT_FALSE(IntervalRecord::FromLine(other).ok());
  EXPECT_FALSE(EventRecord::FromLine(other).ok());
  EXPECT_FALSE(CutCommand::FromLine(other).ok());
  EXPECT_FALSE(ReadyRecord::FromLine(other).ok());
}

}  // namespace
}  // namespace feedfarm
