#include "coordinator/artifact/text_table.h"
#include "gtest/gtest.h"
#include "tools/feedfarm/annotations.h"
#include "tools/feedfarm/campaign_view.h"
#include "tools/feedfarm/host_view.h"
#include "tools/feedfarm/progress.h"
#include "tools/feedfarm/units_text.h"

namespace feedfarm {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

TEST(Views, APlanTellsWhatASearchCosts) {
  v1::PlanReply reply;
  for (uint32_t repetition : {1, 2}) {
    v1::PlannedRun* run = reply.add_runs();
    run->set_scenario("ndr");
    run->set_repetition(repetition);
    run->mutable_search()->set_trials_least(7);
    run->mutable_search()->set_least_ns(20'000'000'000);
    run->mutable_search()->set_trials_usual(20);
    run->mutable_search()->set_usual_ns(50'000'000'000);
    run->mutable_search()->set_trials_most(200);
    run->mutable_search()->set_most_ns(1'260'000'000'000);
  }
  const std::string text = PlanText(reply);
  EXPECT_NE(text.find("2 runs, about 100s one after another\n"), std::string::npos) << text;
  const std::string costs =
      "ndr: about 20 trials in 50.0s on a steady handler, some twice that on a noisy one; at least 7 in 20.0s, at most "
      "200 in 1260s";
  EXPECT_NE(text.find(costs), std::string::npos) << text;
  EXPECT_EQ(text.find(costs), text.rfind(costs)) << text;
  EXPECT_EQ(text.find("capture"), std::string::npos) << text;
}

TEST(TextTable, AlignsByCharactersAndKeepsControlCharactersOut) {
  TextTable table({"NAME", ">COUNT"});
  table.AddRow({"µ", "1"});
  table.AddRow({"a\x1b[2Jb", "1,000"});
  EXPECT_EQ(table.ToString(),
            "NAME    COUNT\n"
            "µ           1\n"
            "a?[2Jb  1,000\n");
}

TEST(UnitsText, HasThreeDigitsAndAUnit) {
  EXPECT_EQ(DurationText(0), "0ns");
  EXPECT_EQ(DurationText(7'420), "7.42us");
  EXPECT_EQ(DurationText(200'000'000), "200ms");
  EXPECT_EQ(DurationText(61 * kSecond), "61.0s");
  EXPECT_EQ(CountText(0), "0");
  EXPECT_EQ(CountText(999), "999");
  EXPECT_EQ(CountText(1000), "1,000");
  EXPECT_EQ(CountText(391999), "391,999");
  EXPECT_EQ(CountText(1234567), "1,234,567");
  EXPECT_EQ(TimeText(0), "-");
  EXPECT_EQ(TimeText(1'700'000'000 * kSecond), "2023-11-14 22:13:20Z");
}

v1::CampaignStatus OneRun() {
  v1::CampaignStatus status;
  status.set_campaign_id("c1");
  status.set_name("demo");
  status.set_seed(42);
  status.set_runs_count(1);
  v1::RunStatus* run = status.add_runs();
  run->set_run_id("c1.r1");
  run->set_scenario("clean");
  run->set_state(v1::RUN_STATE_RUNNING);
  run->set_source_host("src");
  run->set_handler_host("dut");
  run->set_messages(1000);
  run->set_progress(0.5);
  return status;
}

v1::CampaignStatus OneBrokenRun() {
  v1::CampaignStatus status = OneRun();
  status.set_finished(true);
  status.set_verdict(v1::VERDICT_FAILED);
  status.set_runs_finished(1);
  status.mutable_runs(0)->set_state(v1::RUN_STATE_FINISHED);
  v1::RunResult* result = status.mutable_runs(0)->mutable_result();
  result->set_verdict(v1::VERDICT_FAILED);
  result->add_reasons("the gate did\nnot hold");
  v1::GateResult* gate = result->add_gates();
  gate->set_expression("duplicates == 0");
  gate->set_outcome(v1::GATE_OUTCOME_BROKEN);
  gate->set_measured("3");
  gate = result->add_gates();
  gate->set_expression("gaps == 0");
  gate->set_outcome(v1::GATE_OUTCOME_HELD);
  gate->set_measured("0");
  return status;
}

TEST(CampaignView, ShowsWhatDidNotHold) {
  EXPECT_EQ(CampaignText(OneBrokenRun(), false),
            "campaign c1 (demo), seed 42: failed\n"
            "RUN    SCENARIO  VERDICT  HOSTS    MESSAGES  DONE  NOW\n"
            "c1.r1  clean     failed   src>dut     1,000   50%  -\n"
            "  c1.r1: the gate did?not hold\n"
            "  c1.r1 broken: duplicates == 0  measured 3\n");
  EXPECT_NE(CampaignText(OneBrokenRun(), true).find("held: gaps == 0"), std::string::npos);
}

TEST(CampaignView, DiagnosticsAreFileLineColumn) {
  v1::PlanReply reply;
  v1::Diagnostic* diagnostic = reply.add_diagnostics();
  diagnostic->set_file("a.yaml");
  diagnostic->set_line(3);
  diagnostic->set_column(7);
  diagnostic->set_message("unknown field");
  diagnostic = reply.add_diagnostics();
  diagnostic->set_file("a.yaml");
  diagnostic->set_message("too large");
  EXPECT_EQ(DiagnosticsText(reply.diagnostics()), "a.yaml:3:7: unknown field\na.yaml: too large\n");
}

TEST(HostView, PutsHealthAndItsReasonsFirst) {
  v1::ListHostsReply reply;
  v1::HostStatus* host = reply.add_hosts();
  host->set_name("dut");
  host->set_health(v1::HOST_HEALTH_QUARANTINED);
  host->add_reasons("XDP program left on lineA");
  host->set_last_seen_unix_ns(9 * kSecond);
  v1::PortFacts* port = host->mutable_facts()->add_ports();
  port->set_name("lineA");
  port->set_link("feed-a");
  EXPECT_EQ(HostsTable(reply, 10 * kSecond, false),
            "HOST  HEALTH       RUN  SEEN       PORTS         WHY\n"
            "dut   quarantined  -    1.00s ago  lineA=feed-a  XDP program left on lineA\n");
  EXPECT_NE(HostText(*host, 10 * kSecond).find("why: XDP program left on lineA"), std::string::npos);
}

TEST(Progress, WritesALineAChangeWhereNothingIsRedrawn) {
  Progress progress({});
  EXPECT_EQ(progress.Update(OneRun(), kSecond), "c1.r1 clean: running, 1,000 messages\n");
  EXPECT_EQ(progress.Update(OneRun(), 2 * kSecond), "");
  EXPECT_EQ(progress.Update(OneRun(), 7 * kSecond), "c1.r1 clean: running, 1,000 messages\n");
  EXPECT_EQ(progress.Update(OneBrokenRun(), 8 * kSecond), "c1.r1 clean: failed, 1,000 messages\n");
  EXPECT_EQ(progress.Update(OneBrokenRun(), 20 * kSecond), "");
}

TEST(Progress, RedrawsItsBlockOnATerminal) {
  Progress progress({.redraw = true});
  const std::string first = progress.Update(OneRun(), 0);
  EXPECT_NE(first.find("[############............]"), std::string::npos);
  EXPECT_EQ(first.find("\x1b[2A"), std::string::npos);
  EXPECT_EQ(progress.Update(OneRun(), 1).find("\x1b[2A"), 0u);
}

TEST(Annotations, EscapesAndLimitsToTheWorstTen) {
  v1::CampaignStatus status = OneBrokenRun();
  for (int i = 0; i < 12; ++i) status.mutable_runs(0)->mutable_result()->add_reasons("100% wrong");
  const std::string text = AnnotationsText(status);
  EXPECT_EQ(text.find("::error title=clean::the gate did%0Anot hold\n"), 0u);
  EXPECT_NE(text.find("::error title=clean::100%25 wrong\n"), std::string::npos);
  EXPECT_NE(text.find("::notice::4 more findings in the report\n"), std::string::npos);
  EXPECT_NE(text.find("| clean | c1.r1 | failed |"), std::string::npos);
}

}  // namespace
}  // namespace feedfarm
