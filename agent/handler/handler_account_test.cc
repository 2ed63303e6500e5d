#include "agent/handler/handler_account.h"

#include <string>

#include "gtest/gtest.h"
#include "pipeline/stats/hdr_codec.h"

namespace feedfarm {
namespace {

const BuildStamp kBuild{"0123abcd", false, "gcc 12", "glibc"};

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
  account.Take(ReadyRecord{"native", "copy", "software", kBuild, {"zero-copy: no", "huge-pages: none"}});
  account.Take(ReadyRecord{"native", "copy", "software", kBuild, {"zero-copy: no"}});
  account.Take(Gap());
  ASSERT_TRUE(account.Take(Interval(1, 50)).ok());
  FinalRecord final;
  final.messages = 77;
  final.types = {{"A", 70}, {"D", 7}};
  final.drops = {{"window_full", 2}};
  final.implausible = {{"session", 3}};
  final.future_stamps = {{"decode.hardware", 4}};
  final.lines[1].second_copies = 9;
  final.state_hash = "00000000000000aa";
  final.histograms = {Samples(1000, 8)};
  ASSERT_TRUE(account.Take(final).ok());
  const v1::HandlerResult result = account.WholeResult();
  EXPECT_EQ(result.messages(), 77u);
  EXPECT_EQ(result.types(1).type(), "D");
  EXPECT_EQ(result.drops(0).reason(), "window_full");
  ASSERT_EQ(result.implausible_size(), 1);
  EXPECT_EQ(result.implausible(0).reason(), "session");
  EXPECT_EQ(result.implausible(0).count(), 3u);
  ASSERT_EQ(result.future_stamps_size(), 1);
  EXPECT_EQ(result.future_stamps(0).reason(), "decode.hardware");
  EXPECT_EQ(result.future_stamps(0).count(), 4u);
  EXPECT_EQ(result.lines(1).line(), "B");
  EXPECT_EQ(result.lines(1).second_copies(), 9u);
  EXPECT_EQ(result.state_hash(), "00000000000000aa");
  EXPECT_EQ(result.events_size(), 1);
  ASSERT_EQ(result.histograms_size(), 1);
  EXPECT_EQ(result.histograms(0).count(), 8u);
  EXPECT_EQ(account.build(), kBuild);
  ASSERT_EQ(result.not_granted_size(), 2);
  EXPECT_EQ(result.not_granted(1), "huge-pages: none");
}

// What a killed handler left: one of each, all others 0.
HandlerAccount::Killed Left(uint64_t messages) {
  LeftAccount left;
  left.sampled_unix_ns = 950;
  left.record.messages = messages;
  left.record.duplicates = 1;
  left.record.gaps = 4;
  left.record.gap_messages = 40;
  left.record.unrecovered_messages = 5;
  left.record.snapshot_skipped_messages = 6;
  left.record.session_changes = 7;
  left.record.recovery_max_ns = 800;
  left.record.pool_frames = 64;
  left.record.lines[0].packets = 9;
  left.record.lines[1].cut_measured_ns = 70;
  left.record.drops = {{"ring_full", 2}, {"invalid", 1}};
  return {.left = left, .spawned_unix_ns = 10, .killed_unix_ns = 1'000, .journal = true};
}

TEST(HandlerAccount, AfterAKillCountersAndHistogramsAreThoseOfAllProcesses) {
  HandlerAccount account;
  ASSERT_TRUE(account.Take(Interval(1, 50)).ok());
  ASSERT_TRUE(account.Take(Interval(2, 60)).ok());
  account.BeginInstance(Left(/*messages=*/75));
  account.TakeRestart(5, 300);
  auto telemetry = account.Take(Interval(1, 10));
  ASSERT_TRUE(telemetry.ok()) << telemetry.status();
  EXPECT_EQ(telemetry->messages(), 10u);
  EXPECT_EQ(telemetry->gaps(), 7u);
  EXPECT_EQ(telemetry->events(0).kind(), v1::HandlerEvent::KIND_HANDLER_RESTART);
  FinalRecord final;
  final.messages = 90;
  final.gaps = 1;
  final.unrecovered_messages = 2;
  final.session_changes = 3;
  final.recovery_max_ns = 900;
  final.pool_frames = 32;
  final.lines[0].packets = 100;
  final.drops = {{"ring_full", 10}};
  final.histograms = {Samples(2000, 20)};
  ASSERT_TRUE(account.Take(final).ok());
  const v1::HandlerResult result = account.WholeResult();
  EXPECT_EQ(result.restarts(), 1u);
  // What both did.
  EXPECT_EQ(result.duplicates(), 1u);
  EXPECT_EQ(result.gaps(), 5u);
  EXPECT_EQ(result.gap_messages(), 40u);
  EXPECT_EQ(result.unrecovered_messages(), 7u);
  EXPECT_EQ(result.snapshot_skipped_messages(), 6u);
  EXPECT_EQ(result.recovery_max_ns(), 900u);
  EXPECT_EQ(result.lines(0).packets(), 109u);
  EXPECT_EQ(result.lines(1).cut_measured_ns(), 70u);
  ASSERT_EQ(result.drops_size(), 2);
  EXPECT_EQ(result.drops(0).count(), 12u);
  EXPECT_EQ(result.drops(1).reason(), "invalid");
  // What the stream and the last process are.
  EXPECT_EQ(result.messages(), 90u);
  EXPECT_EQ(result.session_changes(), 3u);
  EXPECT_EQ(result.pool_frames(), 32u);
  EXPECT_EQ(result.histograms(0).count(), 30u);
  auto merged = DecodeHdrV2Compressed(result.histograms(0).hdr_v2_compressed());
  ASSERT_TRUE(merged.ok());
  EXPECT_EQ(merged->Count(), 30u);
  EXPECT_EQ(merged->CountAt(Histogram::IndexOf(1000)), 10u);
}

TEST(HandlerAccount, SaysWhatIsNotKnownOfKilledProcesses) {
  HandlerAccount account;
  ASSERT_TRUE(account.Take(Interval(1, 60)).ok());
  account.BeginInstance(Left(/*messages=*/75));
  EXPECT_EQ(account.WholeResult().killed_unsampled_ns(), 50u);
  EXPECT_EQ(account.WholeResult().killed_unrecorded_samples(), 15u);
  // Killed before its first interval: nothing of it is recorded, and it was never sampled.
  HandlerAccount::Killed young = Left(/*messages=*/4);
  young.left->sampled_unix_ns = 0;
  young.left->record.lines[0].packets = 20;
  account.BeginInstance(young);
  EXPECT_EQ(account.WholeResult().killed_unsampled_ns(), 990u);
  EXPECT_EQ(account.WholeResult().killed_unrecorded_samples(), 35u);
  EXPECT_EQ(account.WholeResult().gaps(), 8u);
  account.BeginInstance({.left = absl::DataLossError("torn")});
  ASSERT_TRUE(account.Take(FinalRecord()).ok());
  EXPECT_EQ(account.WholeResult().killed_accounts_lost(), 1u);
  EXPECT_EQ(account.WholeResult().killed_unrecorded_samples(), 35u);
  EXPECT_EQ(account.WholeResult().gaps(), 8u);
  EXPECT_EQ(account.WholeResult().restarts(), 3u);
}

TEST(HandlerAccount, WithoutAJournalTheNextOneDeliversWhatWasSkipped) {
  HandlerAccount account;
  HandlerAccount::Killed killed = Left(/*messages=*/75);
  killed.journal = false;
  account.BeginInstance(killed);
  ASSERT_TRUE(account.Take(FinalRecord()).ok());
  EXPECT_EQ(account.WholeResult().snapshot_skipped_messages(), 0u);
  EXPECT_EQ(account.WholeResult().unrecovered_messages(), 5u);
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
