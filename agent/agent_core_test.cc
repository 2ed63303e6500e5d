#include "agent/agent_core.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/testing/fake_run_work.h"
#include "gtest/gtest.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

using testing::FakeHost;
using testing::FakeRunWorkFactory;

constexpr uint64_t kSecond = 1'000'000'000;

v1::DesiredRun Want(const std::string& id, uint64_t epoch, v1::DesiredPhase phase, v1::Role role = v1::ROLE_SOURCE) {
  v1::DesiredRun run;
  run.set_run_id(id);
  run.set_epoch(epoch);
  run.set_role(role);
  run.set_phase(phase);
  run.set_lease_remaining_ns(10 * kSecond);
  run.set_port_a("a");
  run.set_port_b("b");
  if (phase == v1::DESIRED_PHASE_RUN) run.set_start_unix_ns(5);
  return run;
}

v1::DesiredState Desired(std::vector<v1::DesiredRun> runs) {
  v1::DesiredState state;
  for (v1::DesiredRun& run : runs) *state.add_runs() = std::move(run);
  return state;
}

// One agent's disk and its present life.
class Farmhand {
 public:
  explicit Farmhand(const std::string& name) : path_(::testing::TempDir() + "/epoch_" + name) {
    std::remove(path_.c_str());
    Restart();
  }

  void Restart() {
    host = FakeHost{};
    epochs_ = std::make_unique<EpochStore>(*EpochStore::Open(path_));
    factory = std::make_unique<FakeRunWorkFactory>(&host);
    AgentCore::Options options;
    options.host = "dut";
    core = std::make_unique<AgentCore>(std::move(options), epochs_.get(), factory.get(), nullptr);
  }

  v1::ObservedRun Run(const std::string& id) const {
    const v1::AgentState state = core->State(0);
    for (const v1::ObservedRun& run : state.runs()) {
      if (run.run_id() == id) return run;
    }
    return {};
  }

  bool Called(const std::string& call) const { return std::count(host.calls.begin(), host.calls.end(), call) > 0; }

  FakeHost host;
  std::unique_ptr<FakeRunWorkFactory> factory;
  std::unique_ptr<AgentCore> core;

 private:
  std::string path_;
  std::unique_ptr<EpochStore> epochs_;
};

const RunKey kR1{"r1", v1::ROLE_SOURCE};
const RunKey kR2{"r2", v1::ROLE_SOURCE};

TEST(AgentCore, TakesARunFromPrepareToForgotten) {
  Farmhand agent("life");
  agent.core->OnDesired(Desired({Want("r1", 1, v1::DESIRED_PHASE_PREPARE)}), 0);
  agent.core->OnRunEvent(kR1, run_event::Prepared{}, 1);
  agent.core->OnDesired(Desired({Want("r1", 1, v1::DESIRED_PHASE_RUN)}), 2);
  agent.core->OnRunEvent(kR1, run_event::Started{}, 3);
  agent.core->OnRunEvent(kR1, run_event::RoleDone{}, 4);
  EXPECT_EQ(agent.Run("r1").state(), v1::AGENT_RUN_STATE_DONE);
  agent.core->OnRunEvent(kR1, run_event::ArtifactsUploaded{}, 5);
  EXPECT_TRUE(agent.Run("r1").artifacts_uploaded());
  agent.core->OnDesired(Desired({Want("r1", 1, v1::DESIRED_PHASE_TEAR_DOWN)}), 6);
  agent.core->OnRunEvent(kR1, run_event::Undone{}, 7);
  agent.core->Tick(8);
  EXPECT_EQ(agent.Run("r1").state(), v1::AGENT_RUN_STATE_TORN_DOWN);
  agent.core->OnDesired(Desired({}), 9);
  EXPECT_EQ(agent.core->State(0).runs_size(), 0);
  EXPECT_EQ(agent.host.calls, (std::vector<std::string>{"r1/1 create", "r1/1 prepare", "r1/1 start", "r1/1 upload",
                                                        "r1/1 undo", "r1/1 forget"}));
}

TEST(AgentCore, RefusesAnEpochOlderThanOneSeenBeforeItsRestart) {
  Farmhand agent("fence");
  agent.core->OnDesired(Desired({Want("r2", 9, v1::DESIRED_PHASE_PREPARE)}), 0);
  agent.Restart();
  agent.core->OnDesired(Desired({Want("r1", 8, v1::DESIRED_PHASE_RUN)}), 1);
  EXPECT_EQ(agent.Run("r1").state(), v1::AGENT_RUN_STATE_FAILED);
  EXPECT_EQ(agent.Run("r1").failure_cause(), v1::FAILURE_CAUSE_LEASE);
  EXPECT_TRUE(agent.host.calls.empty());
  EXPECT_EQ(agent.core->State(0).epoch_seen(), 9u);
}

TEST(AgentCore, NewerLeaseOfThePortsOvertakesAndWaitsForTheUndo) {
  Farmhand agent("overtake");
  agent.core->OnDesired(Desired({Want("r1", 1, v1::DESIRED_PHASE_PREPARE)}), 0);
  agent.core->OnDesired(Desired({Want("r1", 1, v1::DESIRED_PHASE_RUN), Want("r2", 2, v1::DESIRED_PHASE_PREPARE)}), 1);
  EXPECT_EQ(agent.Run("r1").failure_cause(), v1::FAILURE_CAUSE_LEASE);
  EXPECT_TRUE(agent.Called("r1/1 undo"));
  EXPECT_FALSE(agent.Called("r2/1 prepare"));
  agent.core->OnRunEvent(kR1, run_event::Undone{}, 2);
  agent.core->OnDesired(Desired({Want("r2", 2, v1::DESIRED_PHASE_PREPARE)}), 3);
  EXPECT_TRUE(agent.Called("r2/1 prepare"));
}

TEST(AgentCore, RunsOnOtherPortsGoOn) {
  Farmhand agent("ports");
  v1::DesiredRun other = Want("r2", 2, v1::DESIRED_PHASE_PREPARE);
  other.set_port_a("c");
  other.set_port_b("d");
  agent.core->OnDesired(Desired({other, Want("r1", 1, v1::DESIRED_PHASE_PREPARE)}), 0);
  EXPECT_TRUE(agent.Called("r1/1 prepare"));
  EXPECT_TRUE(agent.Called("r2/1 prepare"));
}

// A profile takes the cores of the whole host: no other run is prepared beside it, whatever its ports.
TEST(AgentCore, AProfileAndAnotherRunNeverHoldTheHostTogether) {
  Farmhand agent("profile");
  v1::DesiredRun profile = Want("r2", 2, v1::DESIRED_PHASE_PREPARE, v1::ROLE_PROFILE);
  profile.clear_port_a();
  profile.clear_port_b();
  agent.core->OnDesired(Desired({Want("r1", 1, v1::DESIRED_PHASE_PREPARE)}), 0);
  agent.core->OnDesired(Desired({profile}), 1);
  EXPECT_EQ(agent.Run("r1").failure_cause(), v1::FAILURE_CAUSE_LEASE);
  EXPECT_TRUE(agent.Called("r1/1 undo"));
  EXPECT_FALSE(agent.Called("r2/3 prepare"));
  agent.core->OnRunEvent(kR1, run_event::Undone{}, 2);
  agent.core->OnDesired(Desired({profile}), 3);
  EXPECT_TRUE(agent.Called("r2/3 prepare"));
  agent.core->OnDesired(Desired({profile, Want("r3", 3, v1::DESIRED_PHASE_PREPARE)}), 4);
  EXPECT_EQ(agent.Run("r2").failure_cause(), v1::FAILURE_CAUSE_LEASE);
  EXPECT_FALSE(agent.Called("r3/1 prepare"));
}

TEST(AgentCore, HandlerWaitsForTheRerequestServer) {
  Farmhand agent("rerequest");
  v1::DesiredRun run = Want("r1", 1, v1::DESIRED_PHASE_PREPARE, v1::ROLE_HANDLER);
  run.mutable_scenario()->mutable_traffic()->mutable_rerequest()->set_port(9000);
  agent.core->OnDesired(Desired({run}), 0);
  EXPECT_FALSE(agent.Called("r1/2 prepare"));
  run.mutable_rerequest()->set_port(9000);
  agent.core->OnDesired(Desired({run}), 1);
  EXPECT_TRUE(agent.Called("r1/2 prepare"));
}

TEST(AgentCore, LateDesiredStateDoesNotBringAForgottenRunBack) {
  Farmhand agent("late");
  agent.core->OnDesired(Desired({Want("r1", 1, v1::DESIRED_PHASE_PREPARE)}), 0);
  agent.core->OnDesired(Desired({}), 1);
  agent.core->OnRunEvent(kR1, run_event::Undone{}, 2);
  EXPECT_TRUE(agent.Called("r1/1 forget"));
  agent.host.calls.clear();
  agent.core->OnDesired(Desired({Want("r1", 1, v1::DESIRED_PHASE_RUN)}), 3);
  EXPECT_TRUE(agent.host.calls.empty());
  EXPECT_EQ(agent.Run("r1").failure_cause(), v1::FAILURE_CAUSE_LEASE);
}

TEST(AgentCore, LeaseRunsOutWithoutTheCoordinator) {
  Farmhand agent("lease");
  agent.core->OnDesired(Desired({Want("r1", 1, v1::DESIRED_PHASE_PREPARE)}), 0);
  agent.core->Tick(10 * kSecond - 1);
  EXPECT_FALSE(agent.Called("r1/1 undo"));
  agent.core->Tick(10 * kSecond);
  EXPECT_TRUE(agent.Called("r1/1 undo"));
  EXPECT_FALSE(agent.core->idle());
  agent.core->OnRunEvent(kR1, run_event::Undone{{"qdisc left on a"}}, 10 * kSecond + 1);
  EXPECT_TRUE(agent.core->idle());
  EXPECT_EQ(agent.core->State(0).unfit_reasons(0), "run r1 left behind: qdisc left on a");
}

TEST(AgentCore, RecoveredRunIsReportedUntilTheCoordinatorHasSeenIt) {
  Farmhand agent("recovered");
  agent.core->AddRecovered({kR1, 4, {}, std::make_unique<testing::FakeRunWork>(kR1, &agent.host)});
  agent.core->Tick(kSecond);
  EXPECT_EQ(agent.Run("r1").failure_cause(), v1::FAILURE_CAUSE_AGENT_RESTART);
  agent.core->OnDesired(Desired({Want("r1", 4, v1::DESIRED_PHASE_RUN)}), 2 * kSecond);
  EXPECT_EQ(agent.Run("r1").state(), v1::AGENT_RUN_STATE_FAILED);
  EXPECT_FALSE(agent.Called("r1/1 prepare"));
  EXPECT_TRUE(agent.Called("r1/1 upload"));
}

TEST(AgentCore, BadRunIdsAndRolesAreNotTakenUp) {
  Farmhand agent("ids");
  for (const std::string id : {"", "../r", ".r", "a/b", "a b"}) {
    agent.core->OnDesired(Desired({Want(id, 1, v1::DESIRED_PHASE_PREPARE)}), 0);
  }
  agent.core->OnDesired(Desired({Want("r1", 1, v1::DESIRED_PHASE_PREPARE, v1::ROLE_UNSPECIFIED)}), 0);
  EXPECT_EQ(agent.core->State(0).runs_size(), 0);
}

TEST(AgentCore, FailureToMakeTheRunIsTheHosts) {
  Farmhand agent("create");
  agent.factory->error = absl::ResourceExhaustedError("disk full");
  agent.core->OnDesired(Desired({Want("r1", 1, v1::DESIRED_PHASE_PREPARE)}), 0);
  EXPECT_EQ(agent.Run("r1").failure_cause(), v1::FAILURE_CAUSE_HOST);
}

// A coordinator that grants leases properly, and a network that loses, repeats and delays what it says.
class Storm {
 public:
  explicit Storm(uint64_t seed) : rng_(seed), agent_("storm") {}

  void Go(int steps) {
    for (int step = 0; step < steps; ++step) {
      now_ += rng_.Below(kSecond);
      Coordinate();
      Deliver();
      Answer();
      agent_.core->Tick(now_);
      Check();
      if (rng_.Below(200) == 0) Restart();
    }
    Settle();
  }

 private:
  // Moves its two runs on, and now and then drops one and grants the ports anew.
  void Coordinate() {
    for (v1::DesiredRun& run : wanted_) {
      if (rng_.Below(4) == 0 && run.phase() < v1::DESIRED_PHASE_TEAR_DOWN) {
        run.set_phase(static_cast<v1::DesiredPhase>(run.phase() + 1));
      }
    }
    std::erase_if(wanted_, [this](const v1::DesiredRun& run) {
      return run.phase() == v1::DESIRED_PHASE_TEAR_DOWN && rng_.Below(4) == 0;
    });
    if (wanted_.size() < 2 && rng_.Below(3) == 0) {
      ++epoch_;
      wanted_.push_back(Want("r" + std::to_string(epoch_), epoch_, v1::DESIRED_PHASE_PREPARE));
    }
    said_.push_back(Desired(wanted_));
    if (said_.size() > 8) said_.erase(said_.begin());
  }

  void Deliver() {
    if (rng_.Below(3) == 0) return;
    const bool old = rng_.Below(4) == 0;
    agent_.core->OnDesired(old ? said_[rng_.Below(said_.size())] : said_.back(), now_);
  }

  void Answer() {
    std::vector<std::pair<RunKey, std::string>> open;
    std::swap(open, open_);
    for (; read_ < agent_.host.calls.size(); ++read_) {
      const std::string& call = agent_.host.calls[read_];
      const size_t slash = call.find('/');
      open.push_back({{call.substr(0, slash), v1::ROLE_SOURCE}, call.substr(call.find(' ') + 1)});
    }
    for (auto& [key, call] : open) {
      if (rng_.Below(2) == 0) {
        open_.emplace_back(key, call);
        continue;
      }
      Answer(key, call);
    }
  }

  void Answer(const RunKey& key, const std::string& call) {
    const bool fails = rng_.Below(8) == 0;
    if (call == "prepare" || call == "start" || call == "stop") {
      if (fails) return agent_.core->OnRunEvent(key, run_event::RoleFailed{v1::FAILURE_CAUSE_HOST, "no"}, now_);
    }
    if (call == "prepare") agent_.core->OnRunEvent(key, run_event::Prepared{}, now_);
    if (call == "start") agent_.core->OnRunEvent(key, run_event::Started{}, now_);
    if (call == "start" || call == "stop") agent_.core->OnRunEvent(key, run_event::RoleDone{}, now_);
    if (call == "upload") agent_.core->OnRunEvent(key, run_event::ArtifactsUploaded{!fails}, now_);
    if (call == "undo") {
      agent_.host.holding.erase(key);
      agent_.core->OnRunEvent(key, run_event::Undone{}, now_);
    }
  }

  void Check() {
    // All runs of this storm want the same ports.
    ASSERT_LE(agent_.host.holding.size(), 1u);
    for (const std::string& call : agent_.host.calls) {
      ASSERT_EQ(std::count(agent_.host.calls.begin(), agent_.host.calls.end(), call), 1) << call;
    }
    const v1::AgentState state = agent_.core->State(0);
    ASSERT_GE(state.epoch_seen(), epoch_seen_);
    epoch_seen_ = state.epoch_seen();
  }

  void Restart() {
    // kill -9; the undo journal has put the host back.
    agent_.Restart();
    read_ = 0;
    open_.clear();
    said_.assign(1, Desired(wanted_));
    ASSERT_EQ(agent_.core->State(0).epoch_seen(), epoch_seen_);
  }

  // A calm end: nothing is wanted any more, everything is answered.
  void Settle() {
    wanted_.clear();
    for (int i = 0; i < 100; ++i) {
      now_ += kSecond;
      agent_.core->OnDesired(Desired({}), now_);
      Answer();
      agent_.core->Tick(now_);
    }
    EXPECT_EQ(agent_.core->State(0).runs_size(), 0);
    EXPECT_TRUE(agent_.host.holding.empty());
  }

  Rng rng_;
  Farmhand agent_;
  uint64_t now_ = 0;
  uint64_t epoch_ = 0;
  uint64_t epoch_seen_ = 0;
  std::vector<v1::DesiredRun> wanted_;
  std::vector<v1::DesiredState> said_;
  std::vector<std::pair<RunKey, std::string>> open_;
  size_t read_ = 0;
};

TEST(AgentCore, HoldsItsPortsOnceWhateverTheNetworkDoes) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    Storm(seed).Go(200);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace feedfarm
