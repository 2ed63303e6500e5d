#include "coordinator/gate/evidence_check.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kMs = 1'000'000;

class EvidenceCheck : public testing::Test {
 protected:
  EvidenceCheck() {
    source_.set_messages(1000);
    handler_.set_messages(1000);
    source_.set_data_packets_a(250);
    source_.set_data_packets_b(250);
    for (const char* name : {"A", "B"}) {
      v1::LineResult* line = handler_.add_lines();
      line->set_line(name);
      line->set_packets(260);
      line->set_heartbeats(10);
    }
  }
  v1::Fault* AddFault(uint64_t at_ns) {
    v1::Fault* fault = scenario_.add_faults();
    fault->set_at_ns(at_ns);
    return fault;
  }
  void AddCut(uint64_t at_ns, v1::Line line, uint64_t duration_ns) {
    v1::CutFault* cut = AddFault(at_ns)->mutable_cut();
    cut->set_line(line);
    cut->set_duration_ns(duration_ns);
  }
  void Measure(int line, uint64_t packets, uint64_t measured_ns) {
    handler_.mutable_lines(line)->set_cut_packets(packets);
    handler_.mutable_lines(line)->set_cut_measured_ns(measured_ns);
  }
  std::vector<std::string> Missing() const { return MissingEvidence(scenario_, {.handler = &handler_, .source = &source_}); }

  v1::Scenario scenario_;
  v1::HandlerResult handler_;
  v1::SourceResult source_;
};

TEST_F(EvidenceCheck, AWholeRunMissesNothing) { EXPECT_THAT(Missing(), IsEmpty()); }

TEST_F(EvidenceCheck, NothingSentOrDeliveredProvesNothing) {
  source_.set_messages(0);
  handler_.set_messages(0);
  EXPECT_THAT(Missing(), ElementsAre("no data: nothing was sent", "no data: the handler delivered no message"));
  EXPECT_THAT(MissingEvidence(scenario_, {}),
              ElementsAre("no data: the source gave no result", "no data: the handler gave no result"));
}

TEST_F(EvidenceCheck, ADeadLineProvesNothingWhateverTheTimelineTakesAway) {
  handler_.mutable_lines(1)->set_packets(0);
  handler_.mutable_lines(1)->set_heartbeats(0);
  EXPECT_THAT(Missing(), ElementsAre("line B was dead: none of the 250 packets sent on it was received"));
  EXPECT_THAT(MissingEvidence(scenario_, {.handler = &handler_, .source = &source_}, {"src a to dut a", "src b to dut b"}),
              ElementsAre(HasSubstr("line B (src b to dut b) was dead")));
  AddFault(1000 * kMs)->mutable_kill_handler();
  handler_.set_restarts(1);
  EXPECT_THAT(Missing(), ElementsAre(HasSubstr("line B was dead")));
  // Cut from its beginning to its end, it was there.
  handler_.mutable_lines(1)->set_cut_packets(250);
  EXPECT_THAT(Missing(), IsEmpty());
  source_.set_data_packets_b(0);
  handler_.mutable_lines(1)->set_cut_packets(0);
  EXPECT_THAT(Missing(), IsEmpty());
}

TEST_F(EvidenceCheck, WhatALineLosesTheHandlersHostMustKnow) {
  handler_.mutable_lines(0)->set_packets(258);  // 248 of 250
  EXPECT_THAT(Missing(), ElementsAre("line A lost 2 of 250 packets sent on it, and the handler's host does not know of them"));
  // What came damaged did not come.
  handler_.mutable_lines(0)->set_packets(260);
  handler_.mutable_lines(0)->set_malformed_packets(1);
  EXPECT_THAT(Missing(), ElementsAre(HasSubstr("line A lost 1 of 250")));
  v1::ReasonCount* drop = handler_.add_drops();
  drop->set_count(1);
  for (const char* reason : {"window_full", "answers_stale", "events_lost", "receive_errors"}) {
    drop->set_reason(reason);
    EXPECT_THAT(Missing(), ElementsAre(HasSubstr("line A lost 1"))) << reason;
  }
  for (const char* reason : {"ring_full", "fill_ring_empty", "invalid", "no_socket", "no_metadata"}) {
    drop->set_reason(reason);
    EXPECT_THAT(Missing(), IsEmpty()) << reason;
  }
  handler_.clear_drops();
  scenario_.mutable_handler()->set_start_after_ns(500 * kMs);
  EXPECT_THAT(Missing(), IsEmpty());
}

TEST_F(EvidenceCheck, FaultsOfTheSourceAreCountedALine) {
  AddFault(0)->mutable_gap()->set_messages(1000);
  scenario_.mutable_faults(0)->mutable_gap()->set_lines(v1::LINE_BOTH);
  AddFault(0)->mutable_duplicate()->set_packets(10);
  scenario_.mutable_faults(1)->mutable_duplicate()->set_lines(v1::LINE_BOTH);
  AddFault(0)->mutable_reorder()->set_packets(10);
  scenario_.mutable_faults(2)->mutable_reorder()->set_lines(v1::LINE_A);
  source_.set_gap_messages(999);
  source_.set_duplicate_packets(19);
  source_.set_reordered_packets(9);
  EXPECT_THAT(Missing(), ElementsAre("fault gap did not happen as asked for: 999 of 1000 messages",
                                     "fault duplicate did not happen as asked for: 19 of 20 packets",
                                     "fault reorder did not happen as asked for: 9 of 10 packets"));
  source_.set_gap_messages(1000);
  source_.set_duplicate_packets(20);
  source_.set_reordered_packets(10);
  EXPECT_THAT(Missing(), IsEmpty());
}

TEST_F(EvidenceCheck, ACutThatDroppedNothingOrEndedEarlyIsNone) {
  AddCut(1000 * kMs, v1::LINE_BOTH, 200 * kMs);
  Measure(0, 4000, 200 * kMs);
  EXPECT_THAT(Missing(), ElementsAre("fault cut of line B at 1s did not happen: no packet was dropped by it"));
  Measure(1, 1000, 50 * kMs);
  EXPECT_THAT(Missing(), ElementsAre(HasSubstr("line B at 1s did not last")));
  Measure(1, 4000, 199 * kMs);
  EXPECT_THAT(Missing(), IsEmpty());
}

TEST_F(EvidenceCheck, AKillAfterTheEndKilledNothing) {
  AddFault(1000 * kMs)->mutable_kill_handler();
  EXPECT_THAT(Missing(), ElementsAre("fault kill_handler did not happen as asked for: 0 of 1 kills"));
  handler_.set_restarts(1);
  EXPECT_THAT(Missing(), IsEmpty());
  // What the killed one had counted of a cut is lost with it; a later cut is not.
  AddCut(500 * kMs, v1::LINE_A, 200 * kMs);
  EXPECT_THAT(Missing(), IsEmpty());
  AddCut(2000 * kMs, v1::LINE_A, 200 * kMs);
  EXPECT_THAT(Missing(), ElementsAre(HasSubstr("line A at 2s did not happen")));
}

TEST_F(EvidenceCheck, LateStartWithoutASnapshotProvesNothing) {
  scenario_.mutable_handler()->set_snapshot(v1::SNAPSHOT_METHOD_GLIMPSE);
  EXPECT_THAT(Missing(), IsEmpty());
  scenario_.mutable_handler()->set_start_after_ns(500 * kMs);
  EXPECT_THAT(Missing(), ElementsAre("the late start proves nothing: no snapshot was asked for"));
  handler_.set_snapshots_asked(1);
  EXPECT_THAT(Missing(), IsEmpty());
}

TEST_F(EvidenceCheck, GapBeyondTheReRequestServerNeedsASnapshot) {
  scenario_.mutable_handler()->set_snapshot(v1::SNAPSHOT_METHOD_GLIMPSE);
  scenario_.mutable_traffic()->mutable_rerequest()->set_port(26490);
  AddFault(0)->mutable_gap()->set_messages(1000);
  source_.set_gap_messages(1000);
  EXPECT_THAT(Missing(), IsEmpty());
  scenario_.mutable_traffic()->mutable_rerequest()->set_keep_messages(1000);
  EXPECT_THAT(Missing(), IsEmpty());
  scenario_.mutable_traffic()->mutable_rerequest()->set_keep_messages(999);
  EXPECT_THAT(Missing(), ElementsAre(HasSubstr("no snapshot was asked for")));
  scenario_.mutable_traffic()->mutable_rerequest()->set_port(0);
  EXPECT_THAT(Missing(), ElementsAre(HasSubstr("no snapshot was asked for")));
  handler_.set_snapshots_asked(1);
  EXPECT_THAT(Missing(), IsEmpty());
}

TEST_F(EvidenceCheck, FaultsOfTheGlimpseServerMustHaveHappened) {
  scenario_.mutable_handler()->set_snapshot(v1::SNAPSHOT_METHOD_GLIMPSE);
  v1::Glimpse* glimpse = scenario_.mutable_traffic()->mutable_glimpse();
  glimpse->set_cut_after_bytes(10);
  glimpse->set_cut_logins(2);
  source_.set_snapshots_cut(1);
  EXPECT_THAT(Missing(), ElementsAre("fault glimpse.cut_after_bytes did not happen as asked for: 1 of 2 logins"));
  source_.set_snapshots_cut(2);
  EXPECT_THAT(Missing(), IsEmpty());
  glimpse->set_reject_login(true);
  EXPECT_THAT(Missing(), ElementsAre(HasSubstr("glimpse.reject_login")));
}

}  // namespace
}  // namespace feedfarm
