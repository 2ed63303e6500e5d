// kill -9, SIGTERM and Ctrl-C in the middle of a run: an honest verdict, and nothing left behind.
#include <signal.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/lab.h"

namespace feedfarm {
namespace {

constexpr char kCampaign[] = R"(campaign: crash
seed: 11
scenarios:
  - name: subject
    timeout: 40s
    placement: {source: {host: src}, handler: {host: dut}}
    traffic: {synthetic: {messages: 240000, symbols: 1000, messages_per_packet: 2}, rate: 20000pps}
    gates:
      - messages == sent_messages
      - duplicates == 0
      - state_hash == reference
)";

class Crash : public testing::Test {
 protected:
  void SetUp() override {
    if (auto reason = LabUnavailable()) GTEST_SKIP() << *reason;
    auto lab = Lab::Create();
    ASSERT_TRUE(lab.ok()) << lab.status();
    lab_ = *std::move(lab);
  }

  // Submits, and returns when traffic flows.
  void StartRun() {
    submit_ = *BackgroundCommand::Start(lab_->FeedfarmCommand({"submit", lab_->WriteCampaign(kCampaign), "--wait"}));
    ASSERT_TRUE(Lab::Eventually([&] {
      auto status = lab_->Status(lab_->NewestCampaign());
      return status.runs_size() == 1 && status.runs(0).state() == v1::RUN_STATE_RUNNING && status.runs(0).messages() > 0;
    })) << lab_->Status(lab_->NewestCampaign()).DebugString();
  }

  v1::CampaignStatus Finished(int timeout_s = 90) {
    v1::CampaignStatus status;
    EXPECT_TRUE(Lab::Eventually(
        [&] {
          status = lab_->Status(lab_->NewestCampaign());
          return status.finished();
        },
        timeout_s))
        << status.DebugString();
    return status;
  }

  void ExpectNothingLeft() {
    EXPECT_TRUE(Lab::Eventually([&] { return lab_->Residue().empty(); }, 15)) << lab_->Residue();
  }

  void ExpectBothFit() {
    EXPECT_TRUE(Lab::Eventually([&] {
      auto hosts = lab_->Hosts();
      return hosts.size() == 2 && hosts[0].health() == v1::HOST_HEALTH_FIT && hosts[1].health() == v1::HOST_HEALTH_FIT;
    }));
  }

  // The farm is as good as new: the same campaign passes.
  void ExpectNextCampaignPasses() {
    ExpectBothFit();
    auto outcome = lab_->RunCampaign(kCampaign);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.Run("subject").verdict(), v1::VERDICT_PASSED) << outcome.Run("subject").DebugString();
  }

  std::unique_ptr<Lab> lab_;
  std::unique_ptr<BackgroundCommand> submit_;
};

TEST_F(Crash, HandlerKilledIsAFailureOfTheSubject) {
  StartRun();
  auto handlers = lab_->Handlers();
  ASSERT_EQ(handlers.size(), 1u);
  kill(handlers[0], SIGKILL);
  auto status = Finished();
  EXPECT_EQ(status.verdict(), v1::VERDICT_FAILED) << status.DebugString();
  EXPECT_EQ(submit_->Wait(10).exit_code, 10);
  ExpectNothingLeft();
  ExpectNextCampaignPasses();
}

class CrashOfAgent : public Crash, public testing::WithParamInterface<const char*> {};

TEST_P(CrashOfAgent, Kill9IsAnInfrastructureErrorAndLeavesNothing) {
  StartRun();
  kill(lab_->Daemon(GetParam()), SIGKILL);
  if (std::string(GetParam()) == "dut") ExpectNothingLeft();  // before any restart: the kernel's doing
  lab_->Restart(GetParam());
  auto status = Finished();
  EXPECT_EQ(status.verdict(), v1::VERDICT_INFRASTRUCTURE_ERROR) << status.DebugString();
  EXPECT_EQ(submit_->Wait(10).exit_code, 11);
  ExpectNothingLeft();
  ExpectNextCampaignPasses();
}

TEST_P(CrashOfAgent, SigtermUndoesAndEnds) {
  StartRun();
  kill(lab_->Daemon(GetParam()), SIGTERM);
  EXPECT_TRUE(Lab::Eventually([&] { return lab_->Daemon(GetParam()) == 0; }, 20));
  if (std::string(GetParam()) == "dut") ExpectNothingLeft();
  lab_->Restart(GetParam());
  auto status = Finished();
  EXPECT_EQ(status.verdict(), v1::VERDICT_INFRASTRUCTURE_ERROR) << status.DebugString();
  ExpectNothingLeft();
  ExpectBothFit();
}

INSTANTIATE_TEST_SUITE_P(Roles, CrashOfAgent, testing::Values("src", "dut"),
                         [](const auto& info) { return std::string(info.param); });

TEST_F(Crash, CoordinatorKilledGoesOnAfterItsRestart) {
  StartRun();
  const std::string campaign = lab_->NewestCampaign();
  kill(lab_->Daemon("coordinator"), SIGKILL);
  ASSERT_TRUE(Lab::Eventually([&] { return lab_->Daemon("coordinator") == 0; }));
  lab_->Restart("coordinator");
  ASSERT_TRUE(Lab::Eventually([&] { return lab_->NewestCampaign() == campaign; }));
  auto status = Finished();
  ASSERT_EQ(status.runs_size(), 1);
  const auto& run = status.runs(0).result();
  EXPECT_EQ(run.verdict(), v1::VERDICT_PASSED) << status.DebugString();
  EXPECT_EQ(run.handler().stream_hash(), run.source().reference_hash());
  EXPECT_EQ(run.handler().state_hash(), run.source().reference_state_hash());
  EXPECT_EQ(run.intervals_missing(), 0u);
  ExpectNothingLeft();
  ExpectNextCampaignPasses();
}

TEST_F(Crash, CtrlCCancels) {
  StartRun();
  submit_->Signal(SIGINT);
  EXPECT_EQ(submit_->Wait(30).exit_code, 130);
  auto status = Finished();
  EXPECT_EQ(status.verdict(), v1::VERDICT_CANCELLED) << status.DebugString();
  ExpectNothingLeft();
  ExpectNextCampaignPasses();
}

TEST_F(Crash, ASecondAgentOfTheSameNameIsTurnedAway) {
  auto second = lab_->Exec("src", {"agent/feedfarm-agent", "--name", "dut", "--coordinator", "10.77.1.1:7400", "--port",
                                   "lineA=feed-a", "--port", "lineB=feed-b", "--state-dir", lab_->folder() + "/second"});
  EXPECT_EQ(second.exit_code, 2) << second.err;
  EXPECT_NE(second.err.find("dut"), std::string::npos) << second.err;
  ExpectNextCampaignPasses();
}

TEST_F(Crash, TwoLabsStandSideBySide) {
  auto other = Lab::Create();
  ASSERT_TRUE(other.ok()) << other.status();
  StartRun();
  auto outcome = (*other)->RunCampaign(kCampaign);
  EXPECT_EQ(outcome.Run("subject").handler().state_hash(),
            outcome.Run("subject").source().reference_state_hash());
  EXPECT_EQ(outcome.Run("subject").verdict(), v1::VERDICT_PASSED) << outcome.Run("subject").DebugString();
  EXPECT_EQ(Finished().verdict(), v1::VERDICT_PASSED);
}

TEST(LabOwner, DeathRemovesTheLab) {
  if (auto reason = LabUnavailable()) GTEST_SKIP() << *reason;
  auto owner = *BackgroundCommand::Start({"bash", "-c", "tools/lab/lab up --owner $$; read -r -t 60 < <(sleep 60)"});
  auto labs = [] { return RunCommand({"ip", "netns", "list"}, 10).out; };
  std::string id;
  ASSERT_TRUE(Lab::Eventually([&] {
    const std::string listed = RunCommand({"tools/lab/lab", "list"}, 10).out;
    const size_t at = listed.find(absl::StrCat(" owner=", owner->pid(), ":"));
    if (at == std::string::npos) return false;
    id = listed.substr(at - 6, 6);
    return labs().find(absl::StrCat("ff-", id, "-coord")) != std::string::npos;
  }));
  owner->Signal(SIGKILL);
  owner->Wait(10);
  EXPECT_TRUE(Lab::Eventually([&] { return labs().find(absl::StrCat("ff-", id)) == std::string::npos; }, 20));
}

}  // namespace
}  // namespace feedfarm
