#include "coordinator/scheduler/run_lifecycle.h"

#include <cmath>
#include <functional>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/role_name.h"

namespace feedfarm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kUnix = 1'700'000'000 * kSecond;
constexpr v1::Role kSource = v1::ROLE_SOURCE;
constexpr v1::Role kHandler = v1::ROLE_HANDLER;
constexpr v1::Role kProfile = v1::ROLE_PROFILE;

// A run on hosts "src" and "dut" with epoch 3, and the two agents' words put into its mouth.
class RunLifecycleTest : public testing::Test {
 protected:
  RunLifecycleTest() {
    scenario_.set_timeout_ns(30 * kSecond);
    scenario_.mutable_handler()->set_dwell_ns(1 * kMs);
    scenario_.mutable_handler()->set_rerequest_timeout_ns(5 * kMs);
    scenario_.mutable_handler()->set_rerequest_tries(8);
    Renew();
  }

  std::unique_ptr<RunLifecycle> Make(const record::RunRecord& record) {
    return std::make_unique<RunLifecycle>(record, &scenario_, waits_, Now());
  }
  Moment Now() const { return {now_ns_, kUnix + now_ns_}; }
  RunActions Step(const RunEvent& event) { return run_->Step(event, Now()); }
  RunActions Wait(uint64_t ns) {
    now_ns_ += ns;
    return Step(Passed{});
  }

  RunActions Grant() {
    RunGranted granted{3, {}};
    for (const v1::Role role : run_->roles()) granted.sides.emplace_back().set_host(role == kSource ? "src" : "dut");
    return Step(granted);
  }

  v1::ObservedRun Word(v1::Role role, v1::AgentRunState state) {
    v1::ObservedRun word;
    word.set_run_id("c1.r1");
    word.set_epoch(3);
    word.set_role(role);
    word.set_state(state);
    word.set_artifacts_uploaded(state >= v1::AGENT_RUN_STATE_DONE);
    if (role == kSource) {
      word.mutable_rerequest()->set_address("10.0.0.1");
      word.mutable_rerequest()->set_port(state >= v1::AGENT_RUN_STATE_READY ? 26490 : 0);
    }
    if (state == v1::AGENT_RUN_STATE_DONE && role == kSource) word.mutable_source_result()->set_messages(100);
    if (state == v1::AGENT_RUN_STATE_DONE && role == kHandler) word.mutable_handler_result()->set_messages(100);
    if (state == v1::AGENT_RUN_STATE_DONE && role == kProfile) word.mutable_profile_result()->set_status("ok");
    return word;
  }
  RunActions Hear(const v1::ObservedRun& word, const std::string& instance = "1") {
    return Step(RunObserved{word.role(), absl::StrCat(word.role(), "-", instance), &word});
  }
  RunActions Hear(v1::Role role, v1::AgentRunState state, const std::string& instance = "1") {
    return Hear(Word(role, state), instance);
  }
  RunActions HearFailed(v1::Role role, v1::FailureCause cause, const std::string& why) {
    v1::ObservedRun word = Word(role, v1::AGENT_RUN_STATE_FAILED);
    word.set_failure_cause(cause);
    word.set_failure(why);
    return Hear(word);
  }
  RunActions HearAbsent(v1::Role role, const std::string& instance = "1") {
    return Step(RunObserved{role, absl::StrCat(role, "-", instance), nullptr});
  }

  // Brings a fresh run to the state.
  void Reach(v1::RunState state) {
    if (state == v1::RUN_STATE_QUEUED) return;
    Grant();
    if (state == v1::RUN_STATE_PREPARING) return;
    for (const v1::Role role : run_->roles()) Hear(role, v1::AGENT_RUN_STATE_READY);
    if (state == v1::RUN_STATE_RUNNING) return;
    // The first one's telemetry is not all here yet.
    for (const v1::Role role : run_->roles()) {
      v1::ObservedRun word = Word(role, v1::AGENT_RUN_STATE_DONE);
      word.set_telemetry_sequence_last(role == run_->roles().front() ? 5 : 0);
      Hear(word);
    }
    if (state == v1::RUN_STATE_COLLECTING) return;
    Step(TelemetryStored{run_->roles().front(), 5});
    Step(VerdictReached{v1::VERDICT_PASSED});
    if (state == v1::RUN_STATE_TEARING_DOWN) return;
    for (const v1::Role role : run_->roles()) Hear(role, v1::AGENT_RUN_STATE_TORN_DOWN);
  }
  // A queued run of the scenario's gang.
  void Renew() {
    record::RunRecord record;
    record.set_run_id("c1.r1");
    record.set_state(v1::RUN_STATE_QUEUED);
    run_ = Make(record);
  }
  void BecomeProfile() {
    scenario_.mutable_profile()->set_name("local-core");
    Renew();
  }
  v1::RunState state() const { return run_->record().state(); }
  v1::DesiredPhase Phase(v1::Role role) const {
    const auto desired = run_->Desired(role);
    return desired.has_value() ? desired->phase() : v1::DESIRED_PHASE_UNSPECIFIED;
  }
  std::vector<std::string> Failures() const {
    std::vector<std::string> all;
    for (const auto& failure : run_->record().failures()) all.push_back(failure.sentence());
    for (const auto& failure : run_->record().farm_failures()) all.push_back(failure);
    return all;
  }

  v1::Scenario scenario_;
  RunWaits waits_;
  uint64_t now_ns_ = 1000 * kSecond;
  std::unique_ptr<RunLifecycle> run_;
};

TEST_F(RunLifecycleTest, ProgressIsAShareWhateverTheAgentSays) {
  Reach(v1::RUN_STATE_RUNNING);
  for (const double said : {std::nan(""), -1.0, HUGE_VAL, 7.0, 0.5}) {
    v1::ObservedRun word = Word(kSource, v1::AGENT_RUN_STATE_RUNNING);
    word.set_progress(said);
    Hear(word);
    EXPECT_GE(run_->progress(), 0) << said;
    EXPECT_LE(run_->progress(), 1) << said;
  }
}

TEST_F(RunLifecycleTest, GoesTheWholeWay) {
  EXPECT_FALSE(run_->Desired(kSource).has_value());
  EXPECT_TRUE(Grant().persist);
  EXPECT_EQ(Phase(kSource), v1::DESIRED_PHASE_PREPARE);
  EXPECT_EQ(Phase(kHandler), v1::DESIRED_PHASE_UNSPECIFIED) << "the source comes first";
  EXPECT_TRUE(Hear(kSource, v1::AGENT_RUN_STATE_READY).desired_changed);
  EXPECT_EQ(Phase(kHandler), v1::DESIRED_PHASE_PREPARE);
  EXPECT_EQ(run_->Desired(kHandler)->rerequest().port(), 26490u);
  EXPECT_TRUE(Hear(kHandler, v1::AGENT_RUN_STATE_READY).persist);
  EXPECT_EQ(state(), v1::RUN_STATE_RUNNING);
  EXPECT_EQ(run_->Desired(kSource)->start_unix_ns(), Now().unix_ns + 300 * kMs);
  EXPECT_EQ(run_->Desired(kHandler)->start_unix_ns(), Now().unix_ns + 300 * kMs);
  now_ns_ += 5 * kSecond;
  Hear(kSource, v1::AGENT_RUN_STATE_DONE);
  EXPECT_EQ(Phase(kSource), v1::DESIRED_PHASE_RUN) << "its re-request server is still needed";
  const RunActions actions = Hear(kHandler, v1::AGENT_RUN_STATE_DONE);
  EXPECT_TRUE(actions.persist && actions.judge);
  EXPECT_EQ(state(), v1::RUN_STATE_COLLECTING) << "the verdict is stored before the teardown is told";
  EXPECT_EQ(Phase(kHandler), v1::DESIRED_PHASE_STOP);
  EXPECT_TRUE(Step(VerdictReached{v1::VERDICT_PASSED}).persist);
  EXPECT_EQ(Phase(kSource), v1::DESIRED_PHASE_TEAR_DOWN);
  EXPECT_THAT(Hear(kSource, v1::AGENT_RUN_STATE_TORN_DOWN).release, ElementsAre(kSource));
  EXPECT_FALSE(run_->Desired(kSource).has_value());
  EXPECT_THAT(Hear(kHandler, v1::AGENT_RUN_STATE_TORN_DOWN).release, ElementsAre(kHandler));
  EXPECT_TRUE(run_->finished());
}

TEST_F(RunLifecycleTest, StopsAHandlerThatDoesNotKnowTheEndAfterTheDrainTime) {
  Reach(v1::RUN_STATE_RUNNING);
  v1::ObservedRun handler = Word(kHandler, v1::AGENT_RUN_STATE_RUNNING);
  handler.set_messages(100);
  Hear(handler);
  Hear(kSource, v1::AGENT_RUN_STATE_DONE);
  Wait(1500 * kMs);
  EXPECT_EQ(Phase(kHandler), v1::DESIRED_PHASE_RUN);
  EXPECT_TRUE(Wait(1 * kMs).desired_changed);
  EXPECT_EQ(Phase(kHandler), v1::DESIRED_PHASE_STOP);
  EXPECT_EQ(Phase(kSource), v1::DESIRED_PHASE_RUN);
  Hear(kHandler, v1::AGENT_RUN_STATE_DONE);
  EXPECT_EQ(state(), v1::RUN_STATE_COLLECTING);
}

TEST_F(RunLifecycleTest, GivesAHandlerThatLacksMessagesItsTimeToRecover) {
  Reach(v1::RUN_STATE_RUNNING);
  v1::ObservedRun handler = Word(kHandler, v1::AGENT_RUN_STATE_RUNNING);
  handler.set_messages(99);
  Hear(handler);
  Hear(kSource, v1::AGENT_RUN_STATE_DONE);
  // 1 ms dwell + 5 ms * (2^8 - 1).
  Wait(1500 * kMs + 1276 * kMs);
  EXPECT_EQ(Phase(kHandler), v1::DESIRED_PHASE_RUN);
  Wait(1 * kMs);
  EXPECT_EQ(Phase(kHandler), v1::DESIRED_PHASE_STOP);
}

TEST_F(RunLifecycleTest, AHandlerThatStillDeliversIsNotStopped) {
  Reach(v1::RUN_STATE_RUNNING);
  Hear(kSource, v1::AGENT_RUN_STATE_DONE);
  v1::ObservedRun word = Word(kHandler, v1::AGENT_RUN_STATE_RUNNING);
  // Long beyond any wait, a message a second.
  for (uint64_t messages = 1; messages < 25; ++messages) {
    Wait(1 * kSecond);
    word.set_messages(messages);
    Hear(word);
    ASSERT_EQ(Phase(kHandler), v1::DESIRED_PHASE_RUN) << messages;
  }
  // A killed one that begins anew delivers as well.
  word.set_messages(3);
  Hear(word);
  Wait(1 * kSecond);
  word.set_messages(4);
  Hear(word);
  EXPECT_EQ(Phase(kHandler), v1::DESIRED_PHASE_RUN);
  Wait(waits_.drain_ns + 2 * kSecond);
  Hear(word);
  EXPECT_EQ(Phase(kHandler), v1::DESIRED_PHASE_STOP);
}

TEST_F(RunLifecycleTest, ASlowSnapshotIsWaitedFor) {
  scenario_.mutable_handler()->set_snapshot(v1::SNAPSHOT_METHOD_GLIMPSE);
  scenario_.mutable_handler()->set_snapshot_tries(2);
  scenario_.mutable_traffic()->mutable_glimpse()->set_delay_ns(9 * kSecond);
  Reach(v1::RUN_STATE_RUNNING);
  Hear(kSource, v1::AGENT_RUN_STATE_DONE);
  Wait(18 * kSecond);
  EXPECT_EQ(Phase(kHandler), v1::DESIRED_PHASE_RUN);
  Wait(waits_.drain_ns + 2 * kSecond);
  EXPECT_EQ(Phase(kHandler), v1::DESIRED_PHASE_STOP);
}

TEST_F(RunLifecycleTest, AnotherBuildThanAskedForIsNoVerdictOnIt) {
  scenario_.mutable_handler()->set_commit("0123abc");
  const auto run_with = [&](const char* commit, bool dirty, v1::AgentRunState when) {
    record::RunRecord record;
    record.set_run_id("c1.r1");
    record.set_state(v1::RUN_STATE_QUEUED);
    run_ = Make(record);
    Reach(v1::RUN_STATE_RUNNING);
    v1::ObservedRun word = Word(kHandler, when);
    if (commit != nullptr) {
      word.mutable_handler_build()->set_commit(commit);
      word.mutable_handler_build()->set_dirty(dirty);
    }
    Hear(word);
    return std::vector<std::string>(run_->record().farm_failures().begin(), run_->record().farm_failures().end());
  };
  constexpr v1::AgentRunState kRunning = v1::AGENT_RUN_STATE_RUNNING, kDone = v1::AGENT_RUN_STATE_DONE;
  EXPECT_THAT(run_with("0123abcdef", false, kRunning), IsEmpty());
  EXPECT_THAT(run_with("0123abcdef", false, kDone), IsEmpty());
  EXPECT_THAT(run_with("999", false, kRunning),
              ElementsAre("handler on dut is not the build under test: its commit is 999, not 0123abc"));
  EXPECT_EQ(state(), v1::RUN_STATE_COLLECTING);
  EXPECT_THAT(run_with("0123abcdef", true, kRunning), ElementsAre(HasSubstr("with changes")));
  // It may not have said yet; at its end it must have.
  EXPECT_THAT(run_with(nullptr, false, kRunning), IsEmpty());
  EXPECT_THAT(run_with(nullptr, false, kDone), ElementsAre(HasSubstr("its commit is unknown")));
}

TEST_F(RunLifecycleTest, WaitsForTelemetryAndArtifactsBeforeTheVerdict) {
  Reach(v1::RUN_STATE_COLLECTING);
  EXPECT_FALSE(Step(TelemetryStored{kSource, 4}).judge);
  EXPECT_TRUE(Step(TelemetryStored{kSource, 5}).judge);
}

TEST_F(RunLifecycleTest, DoesNotWaitForeverForWhatIsMissing) {
  Reach(v1::RUN_STATE_COLLECTING);
  EXPECT_FALSE(Wait(waits_.collect_ns).judge);
  EXPECT_TRUE(Wait(1).judge);
  EXPECT_THAT(Failures(), IsEmpty()) << "both gave their results";
}

TEST_F(RunLifecycleTest, ATimeoutIsTheFarmsFailureNotTheHandlers) {
  Reach(v1::RUN_STATE_RUNNING);
  Wait(300 * kMs + scenario_.timeout_ns());
  EXPECT_EQ(state(), v1::RUN_STATE_RUNNING);
  EXPECT_TRUE(Wait(1).persist);
  EXPECT_EQ(state(), v1::RUN_STATE_COLLECTING);
  EXPECT_THAT(Failures(), ElementsAre(HasSubstr("timeout of 30s")));
}

TEST_F(RunLifecycleTest, PrepareEndsInTime) {
  Reach(v1::RUN_STATE_PREPARING);
  Wait(waits_.prepare_ns + 1);
  EXPECT_THAT(Failures(), ElementsAre(HasSubstr("not ready within 120s: source on src is not heard of")));
}

TEST_F(RunLifecycleTest, AFailureStopsTheOtherRoleWhoseOwnEndIsNoSecondFailure) {
  Reach(v1::RUN_STATE_RUNNING);
  HearFailed(kHandler, v1::FAILURE_CAUSE_SUBJECT, "killed by signal 11");
  EXPECT_EQ(state(), v1::RUN_STATE_COLLECTING);
  EXPECT_EQ(Phase(kSource), v1::DESIRED_PHASE_STOP);
  HearFailed(kSource, v1::FAILURE_CAUSE_UNSPECIFIED, "stopped");
  EXPECT_THAT(Failures(), ElementsAre("handler on dut: killed by signal 11"));
  EXPECT_EQ(run_->record().failures(0).cause(), v1::FAILURE_CAUSE_SUBJECT);
}

TEST_F(RunLifecycleTest, AFailureBeforeTheStartWaitsOnlyForItsLog) {
  Reach(v1::RUN_STATE_PREPARING);
  v1::ObservedRun word = Word(kSource, v1::AGENT_RUN_STATE_FAILED);
  word.set_failure_cause(v1::FAILURE_CAUSE_BAD_INPUT);
  word.set_artifacts_uploaded(false);
  EXPECT_FALSE(Hear(word).judge);
  word.set_artifacts_uploaded(true);
  EXPECT_TRUE(Hear(word).judge);
}

TEST_F(RunLifecycleTest, AnAgentStartedAnewInMidRunFailsIt) {
  Reach(v1::RUN_STATE_RUNNING);
  HearAbsent(kSource, "2");
  EXPECT_EQ(state(), v1::RUN_STATE_COLLECTING);
  EXPECT_THAT(Failures(), ElementsAre(HasSubstr("host src was started anew in the middle")));
  EXPECT_FALSE(run_->Desired(kSource).has_value()) << "it must not begin the run again";
  EXPECT_EQ(Phase(kHandler), v1::DESIRED_PHASE_STOP);
}

TEST_F(RunLifecycleTest, AnAgentStartedAnewBeforeItKnewTheRunIsPreparedAgain) {
  Reach(v1::RUN_STATE_PREPARING);
  HearAbsent(kSource, "1");
  HearAbsent(kSource, "2");
  EXPECT_THAT(Failures(), IsEmpty());
  EXPECT_EQ(Phase(kSource), v1::DESIRED_PHASE_PREPARE);
}

TEST_F(RunLifecycleTest, AWordUnderAnotherEpochIsNoWord) {
  Reach(v1::RUN_STATE_PREPARING);
  v1::ObservedRun word = Word(kSource, v1::AGENT_RUN_STATE_READY);
  word.set_epoch(2);
  Hear(word);
  EXPECT_FALSE(run_->Desired(kHandler).has_value());
}

TEST_F(RunLifecycleTest, ALeaseThatRanOutEndsTheRun) {
  Reach(v1::RUN_STATE_RUNNING);
  const RunActions actions = Step(LeaseRanOut{kHandler, "no answer from host dut for 12s"});
  EXPECT_TRUE(actions.persist);
  EXPECT_THAT(actions.release, IsEmpty()) << "the table ended it already";
  EXPECT_THAT(Failures(), ElementsAre("no answer from host dut for 12s"));
  EXPECT_EQ(run_->RoleOn("dut"), v1::ROLE_UNSPECIFIED);
  EXPECT_EQ(Phase(kSource), v1::DESIRED_PHASE_STOP);
}

TEST_F(RunLifecycleTest, AResultThatIsHereSurvivesItsAgent) {
  Reach(v1::RUN_STATE_COLLECTING);
  Step(LeaseRanOut{kHandler, "gone"});
  EXPECT_THAT(Failures(), IsEmpty());
  EXPECT_EQ(run_->record().handler_result().messages(), 100u);
}

TEST_F(RunLifecycleTest, ResidueGoesToQuarantineAndNeverToTheVerdict) {
  Reach(v1::RUN_STATE_TEARING_DOWN);
  v1::ObservedRun word = Word(kHandler, v1::AGENT_RUN_STATE_TORN_DOWN);
  word.add_residue("xdp program on lineA");
  const RunActions actions = Hear(word);
  ASSERT_EQ(actions.quarantine.size(), 1u);
  EXPECT_EQ(actions.quarantine[0].first, kHandler);
  EXPECT_THAT(actions.quarantine[0].second, HasSubstr("xdp program on lineA"));
  EXPECT_EQ(run_->record().verdict(), v1::VERDICT_PASSED);
}

TEST_F(RunLifecycleTest, ATeardownThatHangsGoesToQuarantine) {
  Reach(v1::RUN_STATE_TEARING_DOWN);
  EXPECT_THAT(Wait(waits_.tear_down_ns).quarantine, IsEmpty());
  const RunActions actions = Wait(1);
  EXPECT_EQ(actions.quarantine.size(), 2u);
  EXPECT_THAT(actions.release, ElementsAre(kSource, kHandler));
  EXPECT_TRUE(run_->finished());
  EXPECT_EQ(run_->record().verdict(), v1::VERDICT_PASSED);
}

TEST_F(RunLifecycleTest, AnAgentThatNeverHadTheRunIsReleasedAfterAWhile) {
  Reach(v1::RUN_STATE_PREPARING);
  Step(CancelRequested{});
  Step(VerdictReached{v1::VERDICT_CANCELLED});
  HearAbsent(kSource);
  EXPECT_THAT(Wait(waits_.absent_ns).release, IsEmpty()) << "PREPARE may be on its way";
  EXPECT_THAT(Wait(1).release, ElementsAre(kSource));
}

TEST_F(RunLifecycleTest, ARestartKeepsWhatWasDecided) {
  Reach(v1::RUN_STATE_RUNNING);
  const uint64_t start = run_->Desired(kSource)->start_unix_ns();
  now_ns_ += 2 * kSecond;
  run_ = Make(run_->record());
  EXPECT_EQ(run_->Desired(kSource)->start_unix_ns(), start);
  EXPECT_EQ(run_->Desired(kHandler)->rerequest().port(), 26490u);
  Hear(kSource, v1::AGENT_RUN_STATE_DONE);
  Hear(kHandler, v1::AGENT_RUN_STATE_DONE);
  EXPECT_EQ(state(), v1::RUN_STATE_COLLECTING);
  run_ = Make(run_->record());
  EXPECT_EQ(run_->record().handler_result().messages(), 100u);
  Hear(kSource, v1::AGENT_RUN_STATE_DONE);
  EXPECT_TRUE(Hear(kHandler, v1::AGENT_RUN_STATE_DONE).judge);
}

TEST_F(RunLifecycleTest, ARestartDoesNotForgetHowMuchTelemetryThereWas) {
  Reach(v1::RUN_STATE_COLLECTING);
  run_ = Make(run_->record());
  EXPECT_EQ(run_->TelemetryLast(kSource), 5u);
}

TEST_F(RunLifecycleTest, AProfileGoesTheWholeWayAlone) {
  BecomeProfile();
  Grant();
  EXPECT_EQ(Phase(kProfile), v1::DESIRED_PHASE_PREPARE);
  EXPECT_EQ(run_->Desired(kProfile)->role(), kProfile);
  EXPECT_EQ(run_->RoleOn("dut"), kProfile);
  Hear(kProfile, v1::AGENT_RUN_STATE_READY);
  EXPECT_EQ(state(), v1::RUN_STATE_RUNNING);
  EXPECT_EQ(run_->Activity(), "local-core");
  EXPECT_EQ(run_->Desired(kProfile)->start_unix_ns(), Now().unix_ns + 300 * kMs);
  Wait(10 * kSecond);
  EXPECT_EQ(Phase(kProfile), v1::DESIRED_PHASE_RUN) << "there is no source whose end it would follow";
  EXPECT_TRUE(Hear(kProfile, v1::AGENT_RUN_STATE_DONE).judge);
  EXPECT_EQ(run_->record().profile_result().status(), "ok");
  Step(VerdictReached{v1::VERDICT_PASSED});
  EXPECT_EQ(Phase(kProfile), v1::DESIRED_PHASE_TEAR_DOWN);
  EXPECT_THAT(Hear(kProfile, v1::AGENT_RUN_STATE_TORN_DOWN).release, ElementsAre(kProfile));
  EXPECT_TRUE(run_->finished());
}

TEST_F(RunLifecycleTest, AProfileThatHangsIsTheTimeoutsMatter) {
  BecomeProfile();
  Reach(v1::RUN_STATE_RUNNING);
  Wait(300 * kMs + scenario_.timeout_ns() + 1);
  EXPECT_THAT(Failures(), ElementsAre("timeout of 30s: profile is ready"));
  EXPECT_EQ(Phase(kProfile), v1::DESIRED_PHASE_STOP);
  HearFailed(kProfile, v1::FAILURE_CAUSE_UNSPECIFIED, "stopped before the profile's result");
  EXPECT_EQ(Failures().size(), 1u) << "that it was stopped is no second failure";
}

TEST_F(RunLifecycleTest, AProfilesCrashIsItsOwn) {
  BecomeProfile();
  Reach(v1::RUN_STATE_RUNNING);
  EXPECT_TRUE(HearFailed(kProfile, v1::FAILURE_CAUSE_SUBJECT, "the profile ended with signal 11").judge);
  EXPECT_THAT(Failures(), ElementsAre("profile on dut: the profile ended with signal 11"));
}

// For each gang.
class AnyRunLifecycleTest : public RunLifecycleTest, public ::testing::WithParamInterface<bool> {
 protected:
  AnyRunLifecycleTest() {
    if (GetParam()) BecomeProfile();
  }
};
INSTANTIATE_TEST_SUITE_P(Gangs, AnyRunLifecycleTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Profile" : "Feed"; });

TEST_P(AnyRunLifecycleTest, CancelEndsARunFromEveryStateBeforeItsVerdict) {
  for (const v1::RunState from : {v1::RUN_STATE_QUEUED, v1::RUN_STATE_PREPARING, v1::RUN_STATE_RUNNING,
                                  v1::RUN_STATE_COLLECTING, v1::RUN_STATE_TEARING_DOWN, v1::RUN_STATE_FINISHED}) {
    SCOPED_TRACE(v1::RunState_Name(from));
    Renew();
    Reach(from);
    ASSERT_EQ(state(), from);
    const bool judged = from >= v1::RUN_STATE_TEARING_DOWN;
    const RunActions actions = Step(CancelRequested{});
    EXPECT_EQ(actions.judge, !judged);
    EXPECT_FALSE(Step(CancelRequested{}).judge) << "idempotent";
    if (judged) {
      EXPECT_EQ(run_->record().verdict(), v1::VERDICT_PASSED);
    } else {
      Step(VerdictReached{v1::VERDICT_CANCELLED});
      EXPECT_EQ(state(), from == v1::RUN_STATE_QUEUED ? v1::RUN_STATE_FINISHED : v1::RUN_STATE_TEARING_DOWN);
    }
  }
}

// Every event in every state: nothing crashes, a verdict never changes, a finished run stays finished, nothing is released twice.
TEST_P(AnyRunLifecycleTest, EveryStateMeetsEveryEvent) {
  std::vector<std::pair<std::string, std::function<RunActions()>>> events = {
      {"passed", [&] { return Step(Passed{}); }},
      {"much passed", [&] { return Wait(1000 * kSecond); }},
      {"cancel", [&] { return Step(CancelRequested{}); }},
      {"given up", [&] { return Step(GivenUp{"no host"}); }},
      {"telemetry", [&] { return Step(TelemetryStored{kHandler, 9}); }},
  };
  // Those of the other gang too: an agent may say anything.
  for (const v1::Role role : {kSource, kHandler, kProfile}) {
    const std::string name = RoleName(role);
    events.emplace_back(name + " lease", [&, role] { return Step(LeaseRanOut{role, "gone"}); });
    events.emplace_back(name + " absent", [&, role] { return HearAbsent(role); });
    events.emplace_back(name + " restarted", [&, role] { return HearAbsent(role, "2"); });
    for (int s = v1::AGENT_RUN_STATE_PREPARING; s <= v1::AGENT_RUN_STATE_TORN_DOWN; ++s) {
      const auto heard = static_cast<v1::AgentRunState>(s);
      events.emplace_back(name + v1::AgentRunState_Name(heard), [&, role, heard] { return Hear(role, heard); });
      events.emplace_back(name + v1::AgentRunState_Name(heard) + " restarted",
                          [&, role, heard] { return Hear(role, heard, "2"); });
    }
  }
  for (int from = v1::RUN_STATE_QUEUED; from <= v1::RUN_STATE_FINISHED; ++from) {
    for (const auto& [name, event] : events) {
      SCOPED_TRACE(absl::StrCat(v1::RunState_Name(static_cast<v1::RunState>(from)), " + ", name));
      Renew();
      Reach(static_cast<v1::RunState>(from));
      ASSERT_EQ(state(), from);
      const v1::Verdict before = run_->record().verdict();
      if (from == v1::RUN_STATE_QUEUED && name.find("lease") != std::string::npos) continue;  // it holds none
      const RunActions actions = event();
      if (actions.judge) Step(VerdictReached{v1::VERDICT_INFRASTRUCTURE_ERROR});
      if (before != v1::VERDICT_UNSPECIFIED) {
        EXPECT_EQ(run_->record().verdict(), before);
      }
      EXPECT_GE(state(), from) << "a run never goes back";
      // Whatever it was, time ends it.
      for (int i = 0; i < 8 && !run_->finished() && state() != v1::RUN_STATE_QUEUED; ++i) {
        if (Wait(1000 * kSecond).judge) Step(VerdictReached{v1::VERDICT_INFRASTRUCTURE_ERROR});
      }
      EXPECT_TRUE(run_->finished() || state() == v1::RUN_STATE_QUEUED);
      if (run_->finished() && from != v1::RUN_STATE_QUEUED) {
        for (const v1::Role role : run_->roles()) EXPECT_TRUE(run_->side(role).released());
      }
    }
  }
}

}  // namespace
}  // namespace feedfarm
