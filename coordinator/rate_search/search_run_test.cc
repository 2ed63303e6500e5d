#include "coordinator/rate_search/search_run.h"

#include <memory>
#include <vector>

#include "coordinator/rate_search/trial_run.h"
#include "gtest/gtest.h"
#include "pipeline/stats/hdr_codec.h"
#include "pipeline/stats/histogram.h"

namespace feedfarm {
namespace {

constexpr uint64_t kMillisecond = 1'000'000;

v1::RateSearch Search() {
  v1::RateSearch search;
  search.set_min_pps(1000);
  search.set_max_pps(100'000);
  search.add_goals("ndr");
  search.set_width(0.05);
  search.set_initial_trial_ns(100 * kMillisecond);
  search.set_final_trial_ns(1000 * kMillisecond);
  search.set_strict_trial_ns(1000 * kMillisecond);
  search.set_duration_sum_ns(3000 * kMillisecond);
  search.set_exceed_ratio(0.5);
  search.set_pdr_loss_ratio(0.005);
  search.set_trials_max(100);
  search.set_lateness_max_ns(5 * kMillisecond);
  return search;
}

// What both roles say of a trial of 1,000 data packets a line.
struct Accounts {
  v1::HandlerResult handler;
  v1::SourceResult source;
  HistogramSet latencies;

  Accounts(uint64_t received_a, uint64_t received_b, uint64_t lateness_ns = 0, uint64_t late_packets = 1) {
    source.set_messages(2000);
    source.set_reference_hash("aa");
    source.set_reference_state_hash("bb");
    handler.set_messages(2000);
    handler.set_stream_hash("aa");
    handler.set_state_hash("bb");
    source.set_data_packets_a(1000);
    source.set_data_packets_b(1000);
    source.set_packets_a(1004);
    for (const uint64_t received : {received_a, received_b}) {
      v1::LineResult* line = handler.add_lines();
      line->set_line(handler.lines_size() == 1 ? "A" : "B");
      line->set_packets(received + 3);
      line->set_heartbeats(3);
    }
    Histogram histogram;
    for (uint64_t i = 0; i < 2000; ++i) histogram.Record(i < late_packets ? lateness_ns : 10);
    v1::Histogram encoded;
    encoded.set_metric(v1::LATENCY_METRIC_SEND);
    encoded.set_timestamp_class(v1::TIMESTAMP_CLASS_SOFTWARE);
    encoded.set_hdr_v2_compressed(EncodeHdrV2Compressed(histogram));
    EXPECT_TRUE(latencies.Add(encoded).ok());
  }
  v1::TrialOutcome Outcome() const {
    return *OutcomeOfTrial(Search(), {1000, 1000 * kMillisecond}, handler, source, latencies, 0);
  }
  std::string Wrong() const { return WrongStream(Outcome(), handler, source); }
};

TEST(TrialRun, LossIsTheWorseLinesWithoutHeartbeats) {
  EXPECT_EQ(Accounts(1000, 1000).Outcome().loss_ratio(), 0);
  const v1::TrialOutcome outcome = Accounts(990, 980).Outcome();
  EXPECT_DOUBLE_EQ(outcome.loss_ratio(), 0.02);
  EXPECT_EQ(outcome.lost_packets(), 30u);
  EXPECT_EQ(outcome.sent_packets(), 2000u);
  EXPECT_FALSE(outcome.generator_limited());
}

TEST(TrialRun, ALineThatWasNeverSeenIsLost) {
  Accounts accounts(1000, 1000);
  accounts.handler.clear_lines();
  EXPECT_EQ(accounts.Outcome().loss_ratio(), 1);
}

TEST(TrialRun, MessagesInGapsAreLossWhateverTheLinesSay) {
  Accounts accounts(1000, 1000);
  accounts.handler.set_gap_messages(20);
  EXPECT_DOUBLE_EQ(accounts.Outcome().loss_ratio(), 0.01);
}

TEST(TrialRun, WhatTheSourceDidNotOfferSaysNothingOfTheHandler) {
  // One packet of 2,000 was late: nobody was hurt; but where packets were lost, it may have been that.
  EXPECT_FALSE(Accounts(1000, 1000, 50 * kMillisecond, 1).Outcome().generator_limited());
  EXPECT_TRUE(Accounts(999, 1000, 50 * kMillisecond, 1).Outcome().generator_limited());
  EXPECT_FALSE(Accounts(999, 1000, kMillisecond, 1).Outcome().generator_limited());
  const v1::TrialOutcome late = Accounts(1000, 1000, 1000 * kMillisecond, 200).Outcome();
  EXPECT_TRUE(late.generator_limited());
  EXPECT_NEAR(late.sent_pps(), 500, 1);
  Accounts refused(1000, 1000);
  refused.source.set_send_errors(1);
  EXPECT_TRUE(refused.Outcome().generator_limited());
}

TEST(TrialRun, WithoutTelemetryItIsNotKnownWhatWasOffered) {
  const Accounts accounts(1000, 1000);
  const Trial trial = {1000, 1000 * kMillisecond};
  EXPECT_TRUE(OutcomeOfTrial(Search(), trial, accounts.handler, accounts.source, accounts.latencies, 0).has_value());
  EXPECT_FALSE(OutcomeOfTrial(Search(), trial, accounts.handler, accounts.source, accounts.latencies, 1).has_value());
  EXPECT_FALSE(OutcomeOfTrial(Search(), trial, accounts.handler, accounts.source, {}, 0).has_value());
}

TEST(TrialRun, WhatNoLoadExcusesIsWrong) {
  EXPECT_EQ(Accounts(1000, 1000).Wrong(), "");
  struct Case {
    void (*spoil)(Accounts*);
    const char* sentence;
    bool excused_by_loss;
  };
  const Case cases[] = {
      {[](Accounts* a) { a->handler.set_duplicates(1); }, "1 messages were delivered twice", false},
      {[](Accounts* a) { a->handler.set_out_of_order(2); }, "2 out of order", false},
      {[](Accounts* a) { a->handler.set_messages(1999); }, "1999 of 2000 messages were delivered", true},
      {[](Accounts* a) { a->handler.set_stream_hash("ab"); }, "stream_hash is ab instead of aa", true},
      {[](Accounts* a) { a->handler.set_state_hash("bc"); }, "state_hash is bc instead of bb", true},
  };
  for (const Case& each : cases) {
    Accounts right(1000, 1000);
    each.spoil(&right);
    EXPECT_NE(right.Wrong().find(each.sentence), std::string::npos) << right.Wrong();
    Accounts lossy(990, 1000);
    each.spoil(&lossy);
    EXPECT_EQ(lossy.Wrong().empty(), each.excused_by_loss) << lossy.Wrong();
    Accounts gap(1000, 1000);
    gap.handler.set_gap_messages(1);
    each.spoil(&gap);
    EXPECT_EQ(gap.Wrong().empty(), each.excused_by_loss) << gap.Wrong();
  }
}

TEST(TrialRun, ScenarioHasTheTrialsRateAndLengthAndHosts) {
  v1::Scenario scenario;
  *scenario.mutable_rate_search() = Search();
  scenario.add_gates();
  scenario.mutable_traffic()->mutable_synthetic()->set_messages_per_packet(4);
  const v1::Scenario trial = TrialScenario(scenario, {2500, 200 * kMillisecond}, "src", "dut");
  EXPECT_FALSE(trial.has_rate_search());
  EXPECT_EQ(trial.gates_size(), 0);
  EXPECT_EQ(trial.traffic().rate_pps(), 2500);
  EXPECT_EQ(trial.traffic().synthetic().messages(), 2000u);
  EXPECT_EQ(trial.placement().source().host(), "src");
  EXPECT_EQ(trial.placement().handler().host(), "dut");
}

// Trials as the store has them.
class SearchRun : public testing::Test {
 protected:
  SearchStep Next() const {
    std::vector<const record::RunRecord*> records;
    for (const auto& trial : trials_) records.push_back(trial.get());
    return NextSearchStep(Search(), records);
  }
  record::RunRecord* Add(v1::RunState state = v1::RUN_STATE_FINISHED) {
    record::RunRecord* trial = trials_.emplace_back(std::make_unique<record::RunRecord>()).get();
    trial->set_trial(static_cast<uint32_t>(trials_.size()));
    trial->set_state(state);
    return trial;
  }
  // A trial that gave a result.
  void Done(const Trial& trial, double loss_ratio) {
    v1::TrialOutcome* outcome = Add()->mutable_outcome();
    outcome->set_load_pps(trial.load_pps);
    outcome->set_duration_ns(trial.duration_ns);
    outcome->set_loss_ratio(loss_ratio);
  }
  std::vector<std::unique_ptr<record::RunRecord>> trials_;
};

TEST_F(SearchRun, TriesUntilItHasItsAnswers) {
  for (;;) {
    const SearchStep step = Next();
    if (step.kind == SearchStep::Kind::kOver) {
      ASSERT_EQ(step.result.goals_size(), 1);
      EXPECT_EQ(step.result.goals(0).end(), "found");
      EXPECT_FALSE(step.result.goals(0).at_least());
      EXPECT_NEAR(step.result.goals(0).lower_pps(), 40'000, 2'000);
      EXPECT_EQ(step.result.trials_size(), static_cast<int>(trials_.size()));
      return;
    }
    ASSERT_EQ(step.kind, SearchStep::Kind::kTry);
    Done(step.trial, step.trial.load_pps > 40'000 ? 0.5 : 0);
  }
}

TEST_F(SearchRun, WaitsForTheTrialUnderWay) {
  for (const v1::RunState state : {v1::RUN_STATE_QUEUED, v1::RUN_STATE_PREPARING, v1::RUN_STATE_RUNNING,
                                   v1::RUN_STATE_COLLECTING, v1::RUN_STATE_TEARING_DOWN}) {
    trials_.clear();
    Add(state);
    EXPECT_EQ(Next().kind, SearchStep::Kind::kWait) << state;
  }
}

TEST_F(SearchRun, TroubleOfTheFarmIsTriedAgainTheSameWayAndNotForever) {
  const Trial first = Next().trial;
  for (uint32_t i = 1; i < kTrialAttemptsMax; ++i) {
    Add()->add_farm_failures("no answer");
    const SearchStep step = Next();
    ASSERT_EQ(step.kind, SearchStep::Kind::kTry);
    EXPECT_EQ(step.trial, first);
    EXPECT_EQ(step.result.trials_repeated(), i);
  }
  Add()->add_farm_failures("no answer");
  const SearchStep step = Next();
  EXPECT_EQ(step.kind, SearchStep::Kind::kOver);
  ASSERT_EQ(step.farm_failures.size(), 1u);
  EXPECT_NE(step.farm_failures[0].find("trial 3"), std::string::npos);
}

TEST_F(SearchRun, ATrialThatWorkedForgivesTheTroubleBefore) {
  for (int i = 0; i < 3; ++i) {
    Add()->add_farm_failures("no answer");
    Add()->add_farm_failures("no answer");
    const SearchStep step = Next();
    ASSERT_EQ(step.kind, SearchStep::Kind::kTry);
    Done(step.trial, step.trial.load_pps > 40'000 ? 0.5 : 0);
  }
}

TEST_F(SearchRun, ACrashOfTheHandlerEndsIt) {
  record::RunFailure* failure = Add()->add_failures();
  failure->set_role(v1::ROLE_HANDLER);
  failure->set_cause(v1::FAILURE_CAUSE_SUBJECT);
  failure->set_sentence("signal 11");
  const SearchStep step = Next();
  EXPECT_EQ(step.kind, SearchStep::Kind::kOver);
  ASSERT_EQ(step.failures.size(), 1u);
  EXPECT_EQ(step.failures[0].cause(), v1::FAILURE_CAUSE_SUBJECT);
}

TEST_F(SearchRun, AWrongStreamEndsItThoughTheTrialHasAnOutcome) {
  Done({1000, 1000 * kMillisecond}, 0);
  record::RunFailure* failure = trials_.back()->add_failures();
  failure->set_role(v1::ROLE_HANDLER);
  failure->set_cause(v1::FAILURE_CAUSE_SUBJECT);
  failure->set_sentence("nothing was lost, and yet");
  const SearchStep step = Next();
  EXPECT_EQ(step.kind, SearchStep::Kind::kOver);
  ASSERT_EQ(step.failures.size(), 1u);
  EXPECT_EQ(step.result.goals_size(), 0);
}

TEST_F(SearchRun, ACancelledTrialCancelsIt) {
  Add()->set_cancelled(true);
  const SearchStep step = Next();
  EXPECT_EQ(step.kind, SearchStep::Kind::kOver);
  EXPECT_TRUE(step.cancelled);
}

}  // namespace
}  // namespace feedfarm
