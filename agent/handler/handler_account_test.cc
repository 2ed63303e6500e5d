#include "agent/handler/handler_account.h"

#include <string>

#include "gtest/gtest.h"
#include "pipeline/stats/hdr_codec.h"

namespace feedfarm {
namespace {

HistogramRecord Samples(uint64_t value, uint64_t count) {
  Histogram histogram;
  histogram.RecordCount(value, count);
  return {LatencyMetric::kDecode, TimestampClass::kSoftware, EncodeHdrV2Compressed(histogram), count};
}

IntervalRecord Interval(uint64_t sequence, uint64_t messages) {
  IntervalRecord record;
  record.sequence = sequence;
  record.start_unix_ns = 100 * sequence;
  record.end_unix_ns = 100 * sequence + 100;
  record.messages = messages;
  record.packets_a = 1;
  record.packets_b = 2;
  record.gaps = 3;
  record.recovered_messages = 4;
  record.histograms = {Samples(1000, 5)};
  return record;
}

EventRecord Gap() {
  EventRecord event;
  event.kind = FeedEventKind::kGap;
  event.first_sequence = 7;
  event.messages = 2;
  return event;
}

TEST(HandlerAccount, TurnsAnIntervalIntoTelemetryWithTheEventsBeforeIt) {
  HandlerAccount account;
  account.Take(Gap());
  auto telemetry = account.Take(Interval(1, 50));
  ASSERT_TRUE(telemetry.ok()) << telemetry.status();
  EXPECT_EQ(telemetry->start_unix_ns(), 100u);
  EXPECT_EQ(telemetry->end_unix_ns(), 200u);
  EXPECT_EQ(telemetry->messages(), 50u);
  EXPECT_EQ(telemetry->packets_a(), 1u);
  EXPECT_EQ(telemetry->packets_b(), 2u);
  EXPECT_EQ(telemetry->gaps(), 3u);
  EXPECT_EQ(telemetry->recovered_messages(), 4u);
  ASSERT_EQ(telemetry->events_size(), 1);
  EXPECT_EQ(telemetry->events(0).kind(), v1::HandlerEvent::KIND_GAP);
  ASSERT_EQ(telemetry->histograms_size(), 1);
  EXPECT_EQ(telemetry->histograms(0).metric(), v1::LATENCY_METRIC_DECODE);
  EXPECT_EQ(telemetry->histograms(0).timestamp_class(), v1::TIMESTAMP_CLASS_SOFTWARE);
  EXPECT_EQ(telemetry->histograms(0).count(), 5u);
  EXPECT_EQ(account.Take(Interval(2, 60))->events_size(), 0);
}

TEST(HandlerAccount, RefusesAHoleAndABrokenHistogram) {
  HandlerAccount account;
  ASSERT_TRUE(account.Take(Interval(1, 50)).ok());
  EXPECT_EQ(account.Take(Interval(3, 50)).status().message(), "interval 3 after interval 1");
  HandlerAccount other;
  IntervalRecord broken = Interval(1, 50);
  broken.histograms[0].hdr_v2_compressed = "nonsense";
  EXPECT_EQ(other.Take(broken).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(HandlerAccount, FinalRecordIsTheAccount) {
  HandlerAccount account;
  account.Take(ReadyRecord{"native", "copy", "software", "gcc"});
  account.Take(Gap());
  ASSERT_TRUE(account.Take(Interval(1, 50)).ok());
  FinalRecord final;
  final.messages = 77;
  final.types = {{"A", 70}, {"D", 7}};
  final.drops = {{"window_full", 2}};
  final.lines[1].second_copies = 9;
  final.state_hash = "00000000000000aa";
  final.histograms = {Samples(1000, 8)};
  ASSERT_TRUE(account.Take(final).ok());
  const v1::HandlerResult result = account.WholeResult();
  EXPECT_EQ(result.messages(), 77u);
  EXPECT_EQ(result.types(1).type(), "D");
  EXPECT_EQ(result.drops(0).reason(), "window_full");
  EXPECT_EQ(result.lines(1).line(), "B");
  EXPECT_EQ(result.lines(1).second_copies(), 9u);
  EXPECT_EQ(result.state_hash(), "00000000000000aa");
  EXPECT_EQ(result.events_size(), 1);
  ASSERT_EQ(result.histograms_size(), 1);
  EXPECT_EQ(result.histograms(0).count(), 8u);
  EXPECT_EQ(account.build(), "gcc");
}

TEST(HandlerAccount, AfterAKillTotalsAreTheLastOnesAndHistogramsAreAll) {
  HandlerAccount account;
  ASSERT_TRUE(account.Take(Interval(1, 50)).ok());
  ASSERT_TRUE(account.Take(Interval(2, 60)).ok());
  account.BeginInstance();
  account.TakeRestart(5, 300);
  auto telemetry = account.Take(Interval(1, 10));
  ASSERT_TRUE(telemetry.ok()) << telemetry.status();
  EXPECT_EQ(telemetry->messages(), 10u);
  EXPECT_EQ(telemetry->events(0).kind(), v1::HandlerEvent::KIND_HANDLER_RESTART);
  FinalRecord final;
  final.messages = 90;
  final.histograms = {Samples(2000, 20)};
  ASSERT_TRUE(account.Take(final).ok());
  const v1::HandlerResult result = account.WholeResult();
  EXPECT_EQ(result.messages(), 90u);
  EXPECT_EQ(result.restarts(), 1u);
  EXPECT_EQ(result.histograms(0).count(), 30u);
  auto merged = DecodeHdrV2Compressed(result.histograms(0).hdr_v2_compressed());
  ASSERT_TRUE(merged.ok());
  EXPECT_EQ(merged->Count(), 30u);
  EXPECT_EQ(merged->CountAt(Histogram::IndexOf(1000)), 10u);
}

TEST(HandlerAccount, ADeadHandlersResultIsWhatItLastSaid) {
  HandlerAccount account;
  ASSERT_TRUE(account.Take(Interval(1, 50)).ok());
  account.Take(Gap());
  const v1::HandlerResult result = account.WholeResult();
  EXPECT_EQ(result.messages(), 50u);
  EXPECT_EQ(result.histograms(0).count(), 5u);
  EXPECT_TRUE(account.has_unsent_events());
  EXPECT_EQ(account.TakeUnsentEvents(9).events_size(), 1);
  EXPECT_FALSE(account.has_unsent_events());
}

}  // namespace
}  // namespace feedfarm
