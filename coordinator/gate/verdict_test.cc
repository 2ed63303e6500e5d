#include "coordinator/gate/verdict.h"

#include <string>
#include <vector>

#include "coordinator/gate/exit_code.h"
#include "coordinator/gate/gate_evaluator.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/stats/hdr_codec.h"
#include "pipeline/stats/histogram.h"

namespace feedfarm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

v1::Histogram Encoded(v1::LatencyMetric metric, v1::TimestampClass timestamp_class, uint64_t first, uint64_t count) {
  Histogram histogram;
  for (uint64_t i = 0; i < count; ++i) histogram.Record(first + i);
  v1::Histogram encoded;
  encoded.set_metric(metric);
  encoded.set_timestamp_class(timestamp_class);
  encoded.set_hdr_v2_compressed(EncodeHdrV2Compressed(histogram));
  encoded.set_count(count);
  return encoded;
}

v1::HandlerResult GoodHandler() {
  v1::HandlerResult handler;
  handler.set_messages(1000);
  handler.set_stream_hash("00000000000000bb");
  handler.set_state_hash("00000000000000aa");
  v1::TypeCount* type = handler.add_types();
  type->set_type("A");
  type->set_messages(600);
  for (const char* name : {"A", "B"}) {
    v1::LineResult* line = handler.add_lines();
    line->set_line(name);
    line->set_packets(250);
    line->set_malformed_packets(name[0] == 'A' ? 2 : 3);
  }
  handler.set_pool_frames(4096);
  handler.set_pool_available(4096);
  return handler;
}

v1::SourceResult GoodSource() {
  v1::SourceResult source;
  source.set_messages(1000);
  source.set_first_send_unix_ns(1'700'000'000'000'000'000);
  source.set_last_send_unix_ns(1'700'000'010'000'000'000);
  source.set_reference_hash("00000000000000bb");
  source.set_reference_state_hash("00000000000000aa");
  return source;
}

// A run of one scenario whose gates are given.
class VerdictTest : public ::testing::Test {
 protected:
  v1::RunResult Judge(const std::vector<std::string>& gates) {
    v1::Scenario scenario = scenario_;
    for (const std::string& gate : gates) scenario.add_gates()->set_expression(gate);
    evidence_.handler = has_handler_ ? &handler_ : nullptr;
    evidence_.source = has_source_ ? &source_ : nullptr;
    return JudgeRun(scenario, evidence_);
  }
  v1::GateResult Gate(const std::string& gate) { return Judge({gate}).gates(0); }

  v1::Scenario scenario_;
  v1::HandlerResult handler_ = GoodHandler();
  v1::SourceResult source_ = GoodSource();
  bool has_handler_ = true;
  bool has_source_ = true;
  RunEvidence evidence_;
};

struct ClockCase {
  std::vector<std::string> future;
  std::string gate;
  bool decided;
};

// All that is left of them are the samples that look good.
TEST_F(VerdictTest, StampsFromTheFutureLeaveALatencyUndecided) {
  for (const auto metric : {v1::LATENCY_METRIC_DECODE, v1::LATENCY_METRIC_DELIVER, v1::LATENCY_METRIC_END_TO_END}) {
    ASSERT_TRUE(evidence_.latencies.Add(Encoded(metric, v1::TIMESTAMP_CLASS_SOFTWARE, 1000, 100)).ok());
  }
  ASSERT_TRUE(evidence_.latencies.Add(Encoded(v1::LATENCY_METRIC_DECODE, v1::TIMESTAMP_CLASS_HARDWARE, 0, 100)).ok());
  ASSERT_TRUE(evidence_.latencies.Add(Encoded(v1::LATENCY_METRIC_SEND, v1::TIMESTAMP_CLASS_SOFTWARE, 1000, 100)).ok());
  const ClockCase kCases[] = {
      {{}, "p50(latency.decode.software) < 9us", true},
      {{"decode.software"}, "p50(latency.decode.software) < 9us", false},
      {{"decode.software"}, "p50(latency.deliver) < 9us", false},
      {{"deliver.software"}, "max(latency.decode.software) < 9us", false},
      {{"deliver.software"}, "p50(latency.decode.hardware) < 9us", true},
      {{"decode.hardware"}, "p50(latency.decode.hardware) < 9us", false},
      {{"decode.hardware"}, "p50(latency.decode.software) < 9us", true},
      {{"decode.software"}, "p50(latency.end_to_end) < 9us", true},
      {{"end_to_end.software"}, "p50(latency.end_to_end) < 9us", false},
      {{"end_to_end.none"}, "p50(latency.end_to_end) < 9us", false},
      {{"end_to_end.software"}, "p50(latency.deliver) < 9us", true},
      {{"decode.software", "end_to_end.software"}, "p50(latency.send) < 9us", true},
  };
  for (const ClockCase& one : kCases) {
    handler_.clear_future_stamps();
    for (const std::string& samples : one.future) {
      v1::ReasonCount* count = handler_.add_future_stamps();
      count->set_reason(samples);
      count->set_count(3);
    }
    const v1::GateResult result = Gate(one.gate);
    EXPECT_EQ(result.outcome(), one.decided ? v1::GATE_OUTCOME_HELD : v1::GATE_OUTCOME_NO_DATA)
        << one.gate << ": " << result.reason();
    if (!one.decided) {
      EXPECT_THAT(result.reason(), HasSubstr("clocks differ: 3 ")) << one.gate;
    }
    EXPECT_EQ(Gate("future_stamps == 0").outcome(),
              one.future.empty() ? v1::GATE_OUTCOME_HELD : v1::GATE_OUTCOME_BROKEN);
  }
}

TEST_F(VerdictTest, PassesWhenEveryGateHolds) {
  const v1::RunResult result =
      Judge({"messages == sent_messages", "state_hash == reference", "stream_hash == stream_reference",
             "messages[A] == 600", "malformed_packets == 5", "malformed_packets.B == 3", "delivered >= 100%",
             "pool_leaked == 0", "packets.A == 250"});
  EXPECT_EQ(result.verdict(), v1::VERDICT_PASSED) << result.DebugString();
  EXPECT_THAT(result.reasons(), IsEmpty());
  EXPECT_EQ(result.gates(0).measured(), "1000");
  EXPECT_EQ(result.gates(0).expected(), "== 1000");
  EXPECT_EQ(result.gates(1).measured(), "00000000000000aa");
  EXPECT_EQ(result.gates(6).measured(), "100%");
}

TEST_F(VerdictTest, FailsOnABrokenCorrectnessGate) {
  handler_.set_duplicates(3);
  const v1::RunResult result = Judge({"duplicates == 0", "p50(latency.decode) < 9us"});
  EXPECT_EQ(result.verdict(), v1::VERDICT_FAILED);
  EXPECT_THAT(result.reasons(),
              ElementsAre("gate duplicates == 0 broke: measured 3, wanted == 0",
                          "gate p50(latency.decode) < 9us has no data: latency.decode has no samples"));
}

TEST_F(VerdictTest, OneCauseOfMissingDataIsOneReason) {
  has_handler_ = false;
  const v1::RunResult result = Judge({"duplicates == 0", "out_of_order == 0", "gaps == 0"});
  EXPECT_EQ(result.reasons(0), "3 gates have no data: the handler gave no result");
  EXPECT_EQ(result.gates_size(), 3);
}

TEST_F(VerdictTest, BreachesOnAServiceLevelGateAlone) {
  *handler_.add_histograms() = Encoded(v1::LATENCY_METRIC_DECODE, v1::TIMESTAMP_CLASS_SOFTWARE, 10'000, 100);
  const v1::RunResult result = Judge({"duplicates == 0", "p50(latency.decode) < 9us", "p50(latency.send) < 9us"});
  EXPECT_EQ(result.verdict(), v1::VERDICT_BREACHED);
  EXPECT_EQ(result.gates(1).outcome(), v1::GATE_OUTCOME_BROKEN);
  EXPECT_THAT(result.gates(1).measured(), HasSubstr("us"));
  EXPECT_EQ(result.gates(2).outcome(), v1::GATE_OUTCOME_NO_DATA);
}

TEST_F(VerdictTest, NoDataIsNeverAPass) {
  EXPECT_EQ(Judge({"p50(latency.decode) < 9us"}).verdict(), v1::VERDICT_INCONCLUSIVE);
  EXPECT_EQ(Judge({}).verdict(), v1::VERDICT_INCONCLUSIVE);
  EXPECT_EQ(Judge({"not a gate"}).verdict(), v1::VERDICT_INCONCLUSIVE);
  EXPECT_EQ(Gate("recovery_ms <= 100").reason(), "recovery_ms: no gap was recovered");
  EXPECT_EQ(Gate("failover_ms <= 100").reason(), "failover_ms: no line failed over");
  EXPECT_EQ(Gate("cut_ms.A <= 201").reason(), "cut_ms.A: no cut was measured");
  has_source_ = false;
  EXPECT_EQ(Gate("messages == sent_messages").reason(), "the source gave no result");
  has_handler_ = false;
  EXPECT_EQ(Judge({"duplicates == 0"}).verdict(), v1::VERDICT_INCONCLUSIVE);
  EXPECT_EQ(Gate("duplicates == 0").reason(), "the handler gave no result");
}

TEST_F(VerdictTest, ALoadThatWasNotOfferedProvesNothingButWhatHoldsAtAnyLoad) {
  scenario_.mutable_traffic()->set_rate_pps(1000);
  source_.set_data_packets_a(200);
  source_.set_data_packets_b(200);
  *source_.add_histograms() =
      Encoded(v1::LATENCY_METRIC_SEND, v1::TIMESTAMP_CLASS_SOFTWARE, 5'000'000'000, 1000);
  EXPECT_EQ(Judge({"duplicates == 0"}).verdict(), v1::VERDICT_INCONCLUSIVE);
  EXPECT_THAT(Judge({"duplicates == 0"}).reasons(), ElementsAre(HasSubstr("the source did not offer the load: ")));
  handler_.set_gaps(1);
  const v1::RunResult gaps = Judge({"gaps == 0", "max(latency.send) < 1ms"});
  EXPECT_EQ(gaps.verdict(), v1::VERDICT_INCONCLUSIVE);
  for (const v1::GateResult& gate : gaps.gates()) {
    EXPECT_EQ(gate.outcome(), v1::GATE_OUTCOME_NO_DATA);
    EXPECT_THAT(gate.reason(), HasSubstr("but the source did not offer the load"));
  }
  handler_.set_duplicates(1);
  EXPECT_EQ(Judge({"gaps == 0", "duplicates == 0"}).verdict(), v1::VERDICT_FAILED);
  // On time, it is the handler's doing.
  source_.clear_histograms();
  *source_.add_histograms() = Encoded(v1::LATENCY_METRIC_SEND, v1::TIMESTAMP_CLASS_SOFTWARE, 5'000, 1000);
  handler_.set_duplicates(0);
  EXPECT_EQ(Judge({"gaps == 0"}).verdict(), v1::VERDICT_FAILED);
}

TEST_F(VerdictTest, PageFaultsOfARunThatIsTooShortAreNotKnown) {
  constexpr uint64_t kStartNs = 1'700'000'000'000'000'000;
  source_.set_first_send_unix_ns(kStartNs);
  source_.set_last_send_unix_ns(kStartNs + 4'999'999'999);
  for (const char* gate : {"minor_faults == 0", "major_faults == 0"}) {
    EXPECT_EQ(Judge({gate}).verdict(), v1::VERDICT_INCONCLUSIVE);
    EXPECT_THAT(Gate(gate).reason(), HasSubstr("from the fifth second on"));
  }
  source_.set_last_send_unix_ns(kStartNs + 5'000'000'000);
  EXPECT_EQ(Judge({"minor_faults == 0"}).verdict(), v1::VERDICT_PASSED);
  handler_.set_minor_faults_steady(1);
  EXPECT_EQ(Judge({"minor_faults == 0"}).verdict(), v1::VERDICT_BREACHED);
}

TEST_F(VerdictTest, LostPacketsAreThoseSentAndNotReceived) {
  source_.set_data_packets_a(250);
  source_.set_data_packets_b(245);  // more were received: some are not the source's
  EXPECT_EQ(Gate("lost_packets == 2").outcome(), v1::GATE_OUTCOME_HELD);  // malformed ones
  EXPECT_EQ(Gate("lost_packets.A == 2").outcome(), v1::GATE_OUTCOME_HELD);
  handler_.mutable_lines(1)->set_heartbeats(10);
  EXPECT_EQ(Gate("lost_packets.B == 0").measured(), "8");
  EXPECT_EQ(Judge({"messages == sent_messages"}).verdict(), v1::VERDICT_INCONCLUSIVE);
  EXPECT_EQ(Judge({"lost_packets == 0"}).verdict(), v1::VERDICT_FAILED);
}

TEST_F(VerdictTest, MessagesOfATypeThatIsOnNeitherSideProveNothing) {
  const std::string gate = "messages[Z] == sent_messages[Z]";
  EXPECT_EQ(Judge({gate}).verdict(), v1::VERDICT_INCONCLUSIVE);
  EXPECT_EQ(Gate(gate).reason(), "there was no message of this type on either side");
  EXPECT_EQ(Gate("messages[Z] == 0").outcome(), v1::GATE_OUTCOME_HELD);
  v1::TypeCount* type = source_.add_types();
  type->set_type("Z");
  type->set_messages(1);
  EXPECT_EQ(Judge({gate}).verdict(), v1::VERDICT_FAILED);
}

TEST_F(VerdictTest, WhatAKilledHandlerTookWithItDecidesNothing) {
  // 1,000 us and on, 10 ns apart in the mean: p50 about 1,005 us.
  *handler_.add_histograms() = Encoded(v1::LATENCY_METRIC_DELIVER, v1::TIMESTAMP_CLASS_SOFTWARE, 1'000'000, 10'000);
  *source_.add_histograms() = Encoded(v1::LATENCY_METRIC_SEND, v1::TIMESTAMP_CLASS_SOFTWARE, 1'000, 10'000);
  const std::vector<std::string> held = {"max(latency.deliver) < 2ms", "p99(latency.deliver) < 2ms", "drops == 0",
                                         "minor_faults == 0"};
  for (const std::string& gate : held) EXPECT_EQ(Gate(gate).outcome(), v1::GATE_OUTCOME_HELD) << gate;
  handler_.set_killed_unsampled_ns(62'000'000);
  handler_.set_killed_unrecorded_samples(50);
  // 50 samples of 10,050 can be anything: no more than p99.5 is known.
  EXPECT_EQ(Gate("max(latency.deliver) < 2ms").reason(),
            "undecided: measured 1.01ms, wanted < 2ms; up to 50 samples of a killed handler are in no histogram");
  EXPECT_EQ(Gate("max(latency.deliver) < 1ms").outcome(), v1::GATE_OUTCOME_BROKEN);
  EXPECT_EQ(Gate("min(latency.deliver) > 1us").outcome(), v1::GATE_OUTCOME_NO_DATA);
  EXPECT_EQ(Gate("min(latency.deliver) < 2ms").outcome(), v1::GATE_OUTCOME_HELD);
  EXPECT_EQ(Gate("mean(latency.deliver) < 2ms").outcome(), v1::GATE_OUTCOME_NO_DATA);
  EXPECT_EQ(Gate("p99(latency.deliver) < 2ms").outcome(), v1::GATE_OUTCOME_HELD);
  EXPECT_EQ(Gate("p99(latency.deliver) < 1ms").outcome(), v1::GATE_OUTCOME_BROKEN);
  EXPECT_EQ(Gate("p99.9(latency.deliver) < 2ms").outcome(), v1::GATE_OUTCOME_NO_DATA);
  EXPECT_EQ(Gate("p50(latency.deliver) > p50(latency.send)").outcome(), v1::GATE_OUTCOME_HELD);
  EXPECT_EQ(Gate("max(latency.send) < 2ms").outcome(), v1::GATE_OUTCOME_HELD);
  // What the kernel dropped last is not known, what is known breaks.
  EXPECT_EQ(Gate("drops == 0").reason(),
            "undecided: measured at least 0, wanted == 0; the last 62ms before a kill are not in it");
  EXPECT_EQ(Gate("minor_faults == 0").outcome(), v1::GATE_OUTCOME_NO_DATA);
  EXPECT_EQ(Gate("cut_packets.A >= 0").outcome(), v1::GATE_OUTCOME_HELD);
  EXPECT_EQ(Judge({"drops == 0", "duplicates == 0"}).verdict(), v1::VERDICT_INCONCLUSIVE);
  handler_.set_pool_misses(3);
  EXPECT_EQ(Gate("pool_misses < 3").outcome(), v1::GATE_OUTCOME_BROKEN);
  EXPECT_EQ(Judge({"duplicates == 0"}).verdict(), v1::VERDICT_PASSED);
  handler_.set_killed_accounts_lost(1);
  EXPECT_THAT(Judge({"duplicates == 0"}).reasons(),
              ElementsAre("of 1 killed handlers it is not known what they counted"));
}

TEST_F(VerdictTest, NothingDeliveredIsNoPassWhateverTheGatesSay) {
  handler_.set_messages(0);
  v1::RunResult result = Judge({"duplicates == 0", "gaps == 0"});
  EXPECT_EQ(result.verdict(), v1::VERDICT_INCONCLUSIVE);
  EXPECT_THAT(result.reasons(), ElementsAre("no data: the handler delivered no message"));
  source_.set_messages(0);
  EXPECT_EQ(Judge({"messages == sent_messages", "state_hash == reference"}).verdict(), v1::VERDICT_INCONCLUSIVE);
  has_source_ = false;
  handler_.set_messages(1000);
  EXPECT_EQ(Judge({"duplicates == 0"}).verdict(), v1::VERDICT_INCONCLUSIVE);
}

TEST_F(VerdictTest, AFaultThatNeverHappenedIsNoPass) {
  v1::Scenario scenario;
  scenario.add_gates()->set_expression("duplicates == 0");
  scenario.add_faults()->mutable_kill_handler();
  evidence_.handler = &handler_;
  evidence_.source = &source_;
  EXPECT_EQ(JudgeRun(scenario, evidence_).verdict(), v1::VERDICT_INCONCLUSIVE);
  handler_.set_restarts(1);
  EXPECT_EQ(JudgeRun(scenario, evidence_).verdict(), v1::VERDICT_PASSED);
  // A broken gate says more than a missing fault.
  handler_.set_restarts(0);
  handler_.set_duplicates(1);
  EXPECT_EQ(JudgeRun(scenario, evidence_).verdict(), v1::VERDICT_FAILED);
}

TEST_F(VerdictTest, PacketsThatCouldNotBeSentAreTheSourcesTrouble) {
  source_.set_send_errors(3);
  handler_.set_messages(990);
  const v1::RunResult result = Judge({"messages == sent_messages", "send_errors == 0"});
  EXPECT_EQ(result.verdict(), v1::VERDICT_INFRASTRUCTURE_ERROR);
  EXPECT_THAT(result.reasons(0), HasSubstr("3 packets could not be sent"));
  handler_.set_messages(1000);
  EXPECT_EQ(Judge({"messages == sent_messages"}).verdict(), v1::VERDICT_INFRASTRUCTURE_ERROR);
}

TEST_F(VerdictTest, MeasuresWhatHappened) {
  handler_.set_recovered_messages(1000);
  handler_.set_recovery_max_ns(12'345'678);
  handler_.mutable_lines(0)->set_cut_measured_ns(200'100'000);
  EXPECT_EQ(Gate("recovery_ms <= 100").measured(), "12.3ms");
  EXPECT_EQ(Gate("recovery_ms <= 100").expected(), "<= 100ms");
  EXPECT_EQ(Gate("recovery_ms <= 12").outcome(), v1::GATE_OUTCOME_BROKEN);
  EXPECT_EQ(Gate("cut_ms.A <= 201").outcome(), v1::GATE_OUTCOME_HELD);
  EXPECT_EQ(Gate("cut_ms >= 200").outcome(), v1::GATE_OUTCOME_HELD);
  EXPECT_EQ(Gate("cut_ms.B >= 200").outcome(), v1::GATE_OUTCOME_NO_DATA);
}

TEST_F(VerdictTest, QuantilesNeedEnoughSamples) {
  EXPECT_EQ(SamplesNeeded(0.5), 20);
  EXPECT_EQ(SamplesNeeded(0.99), 1000);
  EXPECT_EQ(SamplesNeeded(0.999), 10'000);
  EXPECT_EQ(SamplesNeeded(0.9999), 100'000);
  *handler_.add_histograms() = Encoded(v1::LATENCY_METRIC_DECODE, v1::TIMESTAMP_CLASS_SOFTWARE, 1000, 1000);
  EXPECT_EQ(Gate("p99(latency.decode) < 9us").outcome(), v1::GATE_OUTCOME_HELD);
  EXPECT_EQ(Gate("p99.9(latency.decode) < 9us").reason(), "insufficient: p99.9 needs 10000 samples, there are 1000");
  EXPECT_EQ(Gate("max(latency.decode) < 9us").outcome(), v1::GATE_OUTCOME_HELD);
  EXPECT_EQ(Gate("min(latency.decode) == 1us").outcome(), v1::GATE_OUTCOME_HELD);
}

TEST_F(VerdictTest, ClassesAreNeverMixed) {
  *handler_.add_histograms() = Encoded(v1::LATENCY_METRIC_DECODE, v1::TIMESTAMP_CLASS_SOFTWARE, 1000, 100);
  *handler_.add_histograms() = Encoded(v1::LATENCY_METRIC_DECODE, v1::TIMESTAMP_CLASS_HARDWARE, 500, 100);
  EXPECT_THAT(Gate("p50(latency.decode) < 9us").reason(),
              HasSubstr("ambiguous: there are latency.decode.software and latency.decode.hardware"));
  EXPECT_EQ(Gate("p50(latency.decode.software) < 9us").outcome(), v1::GATE_OUTCOME_HELD);
  EXPECT_EQ(Gate("p50(latency.decode.none) < 9us").reason(), "latency.decode.none has no samples");
}

TEST_F(VerdictTest, IntervalsAreMergedByAddingCounts) {
  // The median of all is not the mean of the medians: 900 samples near 1 us, 100 near 1 ms.
  ASSERT_TRUE(
      evidence_.latencies.Add(Encoded(v1::LATENCY_METRIC_DECODE, v1::TIMESTAMP_CLASS_SOFTWARE, 1000, 900)).ok());
  ASSERT_TRUE(
      evidence_.latencies.Add(Encoded(v1::LATENCY_METRIC_DECODE, v1::TIMESTAMP_CLASS_SOFTWARE, 1'000'000, 100)).ok());
  const v1::RunResult result = Judge({"p50(latency.decode) < 2us", "p99(latency.decode) > 900us"});
  EXPECT_EQ(result.verdict(), v1::VERDICT_PASSED) << result.DebugString();
  ASSERT_THAT(result.handler().histograms(), SizeIs(1));
  EXPECT_EQ(result.handler().histograms(0).count(), 1000);
}

TEST_F(VerdictTest, MissingIntervalsMakeLatencyGatesInconclusive) {
  ASSERT_TRUE(
      evidence_.latencies.Add(Encoded(v1::LATENCY_METRIC_DECODE, v1::TIMESTAMP_CLASS_SOFTWARE, 1000, 900)).ok());
  evidence_.intervals_missing = 2;
  const v1::RunResult result = Judge({"duplicates == 0", "p50(latency.decode) < 9us"});
  EXPECT_EQ(result.verdict(), v1::VERDICT_INCONCLUSIVE);
  EXPECT_EQ(result.gates(1).reason(), "incomplete: 2 telemetry intervals are missing");
}

TEST_F(VerdictTest, WhoIsAtFaultDecides) {
  struct Case {
    v1::FailureCause cause;
    v1::Verdict verdict;
  };
  for (const Case& c : {Case{v1::FAILURE_CAUSE_BAD_INPUT, v1::VERDICT_INFRASTRUCTURE_ERROR},
                        Case{v1::FAILURE_CAUSE_HOST, v1::VERDICT_INFRASTRUCTURE_ERROR},
                        Case{v1::FAILURE_CAUSE_LEASE, v1::VERDICT_INFRASTRUCTURE_ERROR},
                        Case{v1::FAILURE_CAUSE_AGENT_RESTART, v1::VERDICT_INFRASTRUCTURE_ERROR},
                        Case{v1::FAILURE_CAUSE_UNSPECIFIED, v1::VERDICT_INFRASTRUCTURE_ERROR},
                        Case{v1::FAILURE_CAUSE_SUBJECT, v1::VERDICT_FAILED}}) {
    evidence_.failures = {{v1::ROLE_HANDLER, c.cause, "it broke on dut"}};
    const v1::RunResult result = Judge({"duplicates == 0"});
    EXPECT_EQ(result.verdict(), c.verdict) << c.cause;
    ASSERT_THAT(result.reasons(), SizeIs(1));
    EXPECT_THAT(result.reasons(0), HasSubstr("it broke on dut"));
  }
  // Both: the farm's trouble may be the crash's cause.
  evidence_.failures.push_back({v1::ROLE_SOURCE, v1::FAILURE_CAUSE_HOST, "no interface"});
  EXPECT_EQ(Judge({"duplicates == 0"}).verdict(), v1::VERDICT_INFRASTRUCTURE_ERROR);
  evidence_.failures.clear();
  evidence_.farm_failures = {"timeout of 60s"};
  EXPECT_EQ(Judge({"duplicates == 0"}).verdict(), v1::VERDICT_INFRASTRUCTURE_ERROR);
  evidence_.cancelled = true;
  EXPECT_EQ(Judge({"duplicates == 0"}).verdict(), v1::VERDICT_CANCELLED);
}

TEST(HistogramSet, RefusesWhatItCannotMerge) {
  HistogramSet set;
  v1::Histogram histogram = Encoded(v1::LATENCY_METRIC_DECODE, v1::TIMESTAMP_CLASS_SOFTWARE, 1, 1);
  v1::Histogram broken = histogram;
  broken.set_hdr_v2_compressed("junk");
  EXPECT_EQ(set.Add(broken).code(), absl::StatusCode::kInvalidArgument);
  v1::Histogram unnamed = histogram;
  unnamed.set_metric(v1::LATENCY_METRIC_UNSPECIFIED);
  EXPECT_EQ(set.Add(unnamed).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(set.empty());
  EXPECT_TRUE(set.Add(histogram).ok());
  EXPECT_EQ(set.Count(v1::LATENCY_METRIC_DECODE, v1::TIMESTAMP_CLASS_SOFTWARE), 1);
  EXPECT_EQ(set.Count(v1::LATENCY_METRIC_SEND, v1::TIMESTAMP_CLASS_SOFTWARE), 0);
}

TEST(CampaignVerdict, IsTheWorstAndSkippedOnlyWhenNothingRan) {
  const std::vector<v1::Verdict> order = {v1::VERDICT_INFRASTRUCTURE_ERROR,
                                          v1::VERDICT_FAILED,
                                          v1::VERDICT_BREACHED,
                                          v1::VERDICT_INCONCLUSIVE,
                                          v1::VERDICT_CANCELLED,
                                          v1::VERDICT_NOT_RUN,
                                          v1::VERDICT_PASSED,
                                          v1::VERDICT_SKIPPED};
  for (size_t i = 0; i < order.size(); ++i) {
    for (size_t j = i; j < order.size(); ++j) {
      const v1::Verdict pair[] = {order[j], order[i]};
      EXPECT_EQ(CampaignVerdict(pair), order[i]);
    }
  }
  EXPECT_EQ(CampaignVerdict({}), v1::VERDICT_NOT_RUN);
  const v1::Verdict unknown[] = {v1::VERDICT_PASSED, v1::VERDICT_UNSPECIFIED};
  EXPECT_EQ(CampaignVerdict(unknown), v1::VERDICT_INFRASTRUCTURE_ERROR);
}

TEST(ExitCode, FollowsTheTable) {
  EXPECT_EQ(ExitCodeOf(v1::VERDICT_PASSED), 0);
  EXPECT_EQ(ExitCodeOf(v1::VERDICT_SKIPPED), 4);
  EXPECT_EQ(ExitCodeOf(v1::VERDICT_FAILED), 10);
  EXPECT_EQ(ExitCodeOf(v1::VERDICT_INFRASTRUCTURE_ERROR), 11);
  EXPECT_EQ(ExitCodeOf(v1::VERDICT_INCONCLUSIVE), 20);
  EXPECT_EQ(ExitCodeOf(v1::VERDICT_NOT_RUN), 20);
  EXPECT_EQ(ExitCodeOf(v1::VERDICT_BREACHED), 99);
  EXPECT_EQ(ExitCodeOf(v1::VERDICT_CANCELLED), 130);
  EXPECT_EQ(ExitCodeOf(v1::VERDICT_UNSPECIFIED), 1);
}

}  // namespace
}  // namespace feedfarm
