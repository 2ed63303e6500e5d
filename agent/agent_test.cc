// The agent's program with a fake coordinator and a fake handler, in a network namespace of its own.
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/host/cgroup.h"
#include "agent/testing/fake_coordinator.h"
#include "gtest/gtest.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/scoped_fd.h"

namespace feedfarm {
namespace {

using testing::FakeCoordinator;

constexpr int kPatienceMs = 30'000;

bool Gone(const ScopedFd& pid_fd) {
  pollfd one{pid_fd.get(), POLLIN, 0};
  return !pid_fd.valid() || ::poll(&one, 1, kPatienceMs) == 1;
}

ScopedFd PidFd(pid_t pid) { return ScopedFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

// One feedfarm-agent process.
class AgentProcess {
 public:
  AgentProcess(const std::string& name, const std::string& target, const std::string& state_dir) {
    const std::vector<std::string> words = {"agent/feedfarm-agent",
                                            "--name",
                                            name,
                                            "--coordinator",
                                            target,
                                            "--port",
                                            "va=A",
                                            "--port",
                                            "vb=B",
                                            "--state-dir",
                                            state_dir,
                                            "--handler",
                                            "agent/testing/fake_handler"};
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execv(argv[0], argv.data());
      ::_exit(126);
    }
    pid_fd_ = PidFd(pid_);
  }
  ~AgentProcess() {
    if (pid_ < 0) return;
    // Asked, so that it undoes what the test left running.
    Signal(SIGTERM);
    if (!Gone(pid_fd_)) Signal(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  void Signal(int signal) { ::kill(pid_, signal); }

  // Its exit code, or minus the signal; -1000 = it lives on.
  int Wait() {
    if (!Gone(pid_fd_)) return -1000;
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  ScopedFd pid_fd_;
};

class AgentTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (::geteuid() != 0 || ::unshare(CLONE_NEWNET) != 0) return;
    ready_ = ::system(
                 "ip link set lo up && ip link add va type veth peer name va2 && "
                 "ip link add vb type veth peer name vb2 && for i in va va2 vb vb2; do ip link set $i up; done "
                 "&& ip address add 10.77.0.1/24 dev va") == 0;
    ::setenv("FAKE_HANDLER_BEHAVIOUR", "obedient", 1);
  }

  void SetUp() override {
    if (!ready_) GTEST_SKIP() << "needs root, and ip, to make a network namespace with veth pairs";
    if (!Cgroup::List().ok()) GTEST_SKIP() << "no cgroup v2 tree: " << Cgroup::List().status();
    name_ = absl::StrCat("agent-test-", ::getpid());
    state_dir_ = absl::StrCat(::testing::TempDir(), "/", name_, "-",
                              ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(state_dir_);
    coordinator_ = std::make_unique<FakeCoordinator>();
    Want({});
  }

  std::unique_ptr<AgentProcess> StartAgent() {
    return std::make_unique<AgentProcess>(name_, coordinator_->target(), state_dir_);
  }

  static v1::DesiredRun Run(v1::DesiredPhase phase) {
    v1::DesiredRun run;
    run.set_run_id("r1");
    run.set_epoch(7);
    run.set_lease_remaining_ns(3'000'000'000);
    run.set_role(v1::ROLE_HANDLER);
    run.set_phase(phase);
    run.set_port_a("va");
    run.set_port_b("vb");
    run.set_cpu(-1);
    run.mutable_scenario()->mutable_traffic()->set_protocol(v1::FEED_PROTOCOL_MOLDUDP64_ITCH50);
    if (phase == v1::DESIRED_PHASE_RUN) run.set_start_unix_ns(UnixNow());
    return run;
  }

  void Want(const std::vector<v1::DesiredRun>& runs) {
    v1::DesiredState desired;
    desired.set_heartbeat_interval_ns(50'000'000);
    for (const v1::DesiredRun& run : runs) *desired.add_runs() = run;
    coordinator_->Want(desired);
  }

  bool AwaitRun(v1::AgentRunState state) {
    return coordinator_->AwaitState(
        [state](const v1::AgentState& agent) { return agent.runs_size() == 1 && agent.runs(0).state() == state; });
  }

  v1::ObservedRun LastRun() {
    v1::ObservedRun run;
    coordinator_->AwaitState([&run](const v1::AgentState& agent) {
      if (agent.runs_size() == 1) run = agent.runs(0);
      return true;
    });
    return run;
  }

  bool BringToRunning() {
    Want({Run(v1::DESIRED_PHASE_PREPARE)});
    if (!AwaitRun(v1::AGENT_RUN_STATE_READY)) return false;
    Want({Run(v1::DESIRED_PHASE_RUN)});
    return AwaitRun(v1::AGENT_RUN_STATE_RUNNING) && coordinator_->AwaitTelemetry(3);
  }

  ScopedFd Handler() {
    const std::vector<std::string> groups = Groups();
    if (groups.size() != 1) return ScopedFd();
    auto inside = Cgroup::ProcessesOf(groups[0]);
    return inside.ok() && inside->size() == 1 ? PidFd(inside->front()) : ScopedFd();
  }

  std::vector<std::string> Groups() {
    std::vector<std::string> groups = *Cgroup::List();
    std::erase_if(groups, [this](const std::string& group) { return group.rfind(name_ + "-", 0) != 0; });
    return groups;
  }

  static bool ready_;
  std::string name_;
  std::string state_dir_;
  std::unique_ptr<FakeCoordinator> coordinator_;
};

bool AgentTest::ready_ = false;

TEST_F(AgentTest, TakesAHandlerRunToItsEnd) {
  auto agent = StartAgent();
  ASSERT_TRUE(BringToRunning());
  Want({Run(v1::DESIRED_PHASE_STOP)});
  ASSERT_TRUE(coordinator_->AwaitState(
      [](const v1::AgentState& state) { return state.runs_size() == 1 && state.runs(0).artifacts_uploaded(); }));
  EXPECT_EQ(LastRun().state(), v1::AGENT_RUN_STATE_DONE);
  EXPECT_EQ(LastRun().handler_result().state_hash(), "00000000000000ff");
  ASSERT_TRUE(coordinator_->AwaitTelemetry(LastRun().telemetry_sequence_last()));
  const auto artifacts = coordinator_->artifacts();
  EXPECT_NE(artifacts.at("handler.log").find("fake handler: obedient, first sequence 1"), std::string::npos);
  EXPECT_NE(artifacts.at("agent-handler.log").find("handler is told to stop"), std::string::npos);
  Want({Run(v1::DESIRED_PHASE_TEAR_DOWN)});
  ASSERT_TRUE(AwaitRun(v1::AGENT_RUN_STATE_TORN_DOWN));
  EXPECT_EQ(LastRun().residue_size(), 0) << LastRun().residue(0);
  Want({});
  EXPECT_TRUE(coordinator_->AwaitState([](const v1::AgentState& state) { return state.runs_size() == 0; }));
  EXPECT_TRUE(Groups().empty());
  EXPECT_TRUE(std::filesystem::is_empty(state_dir_ + "/runs"));
  agent->Signal(SIGTERM);
  EXPECT_EQ(agent->Wait(), 0);
}

TEST_F(AgentTest, KilledHandlerComesBackInItsGroup) {
  auto agent = StartAgent();
  v1::DesiredRun run = Run(v1::DESIRED_PHASE_PREPARE);
  for (uint64_t at_ns : {100'000'000, 400'000'000}) {
    v1::Fault* fault = run.mutable_scenario()->add_faults();
    fault->set_at_ns(at_ns);
    fault->mutable_kill_handler();
  }
  Want({run});
  ASSERT_TRUE(AwaitRun(v1::AGENT_RUN_STATE_READY));
  run.set_phase(v1::DESIRED_PHASE_RUN);
  run.set_start_unix_ns(UnixNow());
  Want({run});
  ASSERT_TRUE(coordinator_->AwaitRestarts(2));
  run.set_phase(v1::DESIRED_PHASE_STOP);
  Want({run});
  ASSERT_TRUE(AwaitRun(v1::AGENT_RUN_STATE_DONE));
  EXPECT_EQ(LastRun().handler_result().restarts(), 2u);
}

TEST_F(AgentTest, KilledAgentLeavesNoHandlerAndSaysSoAfterItsRestart) {
  auto agent = StartAgent();
  ASSERT_TRUE(BringToRunning());
  const ScopedFd handler = Handler();
  ASSERT_TRUE(handler.valid());
  agent->Signal(SIGKILL);
  EXPECT_EQ(agent->Wait(), -SIGKILL);
  EXPECT_TRUE(Gone(handler));
  agent = StartAgent();
  ASSERT_TRUE(AwaitRun(v1::AGENT_RUN_STATE_FAILED));
  EXPECT_EQ(LastRun().failure_cause(), v1::FAILURE_CAUSE_AGENT_RESTART);
  EXPECT_EQ(LastRun().residue_size(), 0);
  EXPECT_TRUE(Groups().empty());
  std::string undone;
  coordinator_->AwaitState([&undone](const v1::AgentState& state) {
    undone = state.undone_at_start_size() > 0 ? state.undone_at_start(0) : "";
    return true;
  });
  EXPECT_NE(undone.find(".r1.handler"), std::string::npos) << undone;
  Want({Run(v1::DESIRED_PHASE_TEAR_DOWN)});
  EXPECT_TRUE(AwaitRun(v1::AGENT_RUN_STATE_TORN_DOWN));
}

TEST_F(AgentTest, UndoesByItselfWhenTheCoordinatorIsGone) {
  auto agent = StartAgent();
  ASSERT_TRUE(BringToRunning());
  const ScopedFd handler = Handler();
  coordinator_->Stop();
  EXPECT_TRUE(Gone(handler));
  coordinator_->Start();
  ASSERT_TRUE(coordinator_->AwaitState([](const v1::AgentState& state) {
    return state.runs_size() == 1 && state.runs(0).failure_cause() == v1::FAILURE_CAUSE_LEASE;
  }));
}

TEST_F(AgentTest, SigtermUndoesEverything) {
  auto agent = StartAgent();
  ASSERT_TRUE(BringToRunning());
  const ScopedFd handler = Handler();
  agent->Signal(SIGTERM);
  EXPECT_EQ(agent->Wait(), 0);
  EXPECT_TRUE(Gone(handler));
  EXPECT_TRUE(Groups().empty());
}

TEST_F(AgentTest, SecondOneOnTheStateDirIsRefused) {
  auto agent = StartAgent();
  ASSERT_TRUE(coordinator_->AwaitState([](const v1::AgentState& state) { return !state.instance_id().empty(); }));
  EXPECT_EQ(StartAgent()->Wait(), 2);
}

TEST_F(AgentTest, EndsWhenItsNameIsTaken) {
  coordinator_->RefuseWith({grpc::StatusCode::ALREADY_EXISTS, "dut is connected from 10.0.0.2"});
  EXPECT_EQ(StartAgent()->Wait(), 2);
}

TEST_F(AgentTest, ReportsItsPortsAndThatItIsFit) {
  auto agent = StartAgent();
  v1::AgentState seen;
  ASSERT_TRUE(coordinator_->AwaitState([&seen](const v1::AgentState& state) {
    seen = state;
    return !state.instance_id().empty();
  }));
  ASSERT_EQ(seen.facts().ports_size(), 2);
  EXPECT_EQ(seen.facts().ports(0).name(), "va");
  EXPECT_EQ(seen.facts().ports(0).link(), "A");
  EXPECT_EQ(seen.unfit_reasons_size(), 0) << seen.unfit_reasons(0);
}

}  // namespace
}  // namespace feedfarm
