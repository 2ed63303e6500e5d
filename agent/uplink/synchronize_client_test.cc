#include "agent/uplink/synchronize_client.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "agent/testing/fake_coordinator.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

using testing::FakeCoordinator;

constexpr absl::Duration kPatience = absl::Seconds(30);

v1::AgentState State(const std::string& version) {
  v1::AgentState state;
  state.set_host("dut");
  state.set_version(version);
  return state;
}

v1::DesiredState Desired(const std::string& instance) {
  v1::DesiredState desired;
  desired.set_coordinator_instance(instance);
  return desired;
}

// The client, and what it called back.
class Side {
 public:
  explicit Side(const FakeCoordinator& coordinator, absl::Duration silence = absl::Seconds(10)) {
    SynchronizeClient::Options options;
    options.backoff_first = absl::Milliseconds(5);
    options.backoff_longest = absl::Milliseconds(50);
    options.silence_longest = silence;
    SynchronizeClient::Callbacks callbacks;
    callbacks.desired = [this](v1::DesiredState desired) {
      absl::MutexLock lock(&mutex_);
      last_ = desired.coordinator_instance();
    };
    callbacks.refused = [this](absl::Status status) {
      absl::MutexLock lock(&mutex_);
      refused_ = std::move(status);
    };
    client = std::make_unique<SynchronizeClient>(StubsFor(coordinator.target()), options, std::move(callbacks));
  }

  bool AwaitDesired(const std::string& instance) {
    const auto met = [this, &instance] {
      mutex_.AssertReaderHeld();
      return last_ == instance;
    };
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(&met), kPatience);
  }

  absl::Status AwaitRefusal() {
    const auto met = [this] {
      mutex_.AssertReaderHeld();
      return !refused_.ok();
    };
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&met), kPatience);
    return refused_;
  }

 private:
  absl::Mutex mutex_;
  std::string last_ ABSL_GUARDED_BY(mutex_);
  absl::Status refused_ ABSL_GUARDED_BY(mutex_);

 public:
  std::unique_ptr<SynchronizeClient> client;
};

auto IsVersion(const std::string& version) {
  return [version](const v1::AgentState& state) { return state.version() == version; };
}

TEST(SynchronizeClient, TellsStatesAndHearsWhatIsWanted) {
  FakeCoordinator coordinator;
  coordinator.Want(Desired("c1"));
  Side agent(coordinator);
  agent.client->Send(State("1"));
  EXPECT_TRUE(coordinator.AwaitState(IsVersion("1")));
  EXPECT_TRUE(agent.AwaitDesired("c1"));
  coordinator.Want(Desired("c2"));
  agent.client->Send(State("2"));
  EXPECT_TRUE(agent.AwaitDesired("c2"));
  EXPECT_EQ(agent.client->connections(), 1u);
}

TEST(SynchronizeClient, ComesBackToARestartedCoordinatorWithItsLatestState) {
  FakeCoordinator coordinator;
  coordinator.Want(Desired("before"));
  Side agent(coordinator);
  agent.client->Send(State("1"));
  ASSERT_TRUE(agent.AwaitDesired("before"));
  coordinator.Stop();
  agent.client->Send(State("2"));
  coordinator.Want(Desired("after"));
  coordinator.Start();
  EXPECT_TRUE(coordinator.AwaitState(IsVersion("2")));
  EXPECT_TRUE(agent.AwaitDesired("after"));
  EXPECT_EQ(agent.client->connections(), 2u);
}

TEST(SynchronizeClient, WaitsForACoordinatorThatIsNotThere) {
  FakeCoordinator coordinator;
  coordinator.Stop();
  Side agent(coordinator);
  agent.client->Send(State("1"));
  coordinator.Want(Desired("late"));
  coordinator.Start();
  EXPECT_TRUE(agent.AwaitDesired("late"));
}

TEST(SynchronizeClient, GivesUpWhenItsNameIsTakenMoreThanOnce) {
  FakeCoordinator coordinator;
  coordinator.RefuseWith({grpc::StatusCode::ALREADY_EXISTS, "another agent named dut is alive"});
  Side agent(coordinator);
  agent.client->Send(State("1"));
  const absl::Status refused = agent.AwaitRefusal();
  EXPECT_EQ(refused.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(refused.message(), "another agent named dut is alive");
  EXPECT_TRUE(coordinator.AwaitStreams(3));
}

TEST(SynchronizeClient, GivesUpAtOnceOnABadName) {
  FakeCoordinator coordinator;
  coordinator.RefuseWith({grpc::StatusCode::INVALID_ARGUMENT, "bad name"});
  Side agent(coordinator);
  agent.client->Send(State("1"));
  EXPECT_EQ(agent.AwaitRefusal().code(), absl::StatusCode::kInvalidArgument);
}

TEST(SynchronizeClient, OneRefusalMayBeItsOwnFormerLife) {
  FakeCoordinator coordinator;
  coordinator.RefuseWith({grpc::StatusCode::ALREADY_EXISTS, "alive"});
  coordinator.Want(Desired("c1"));
  SynchronizeClient::Options options;
  options.backoff_first = absl::Milliseconds(300);
  absl::Notification heard;
  SynchronizeClient::Callbacks callbacks;
  callbacks.desired = [&heard](v1::DesiredState) {
    if (!heard.HasBeenNotified()) heard.Notify();
  };
  callbacks.refused = [](absl::Status status) { FAIL() << status; };
  SynchronizeClient client(StubsFor(coordinator.target()), options, callbacks);
  client.Send(State("1"));
  ASSERT_TRUE(coordinator.AwaitStreams(1));
  coordinator.RefuseWith(grpc::Status::OK);
  EXPECT_TRUE(heard.WaitForNotificationWithTimeout(kPatience));
}

TEST(SynchronizeClient, LeavesASilentStream) {
  FakeCoordinator coordinator;
  coordinator.BeSilent(true);
  Side agent(coordinator, /*silence=*/absl::ZeroDuration());
  agent.client->Send(State("1"));
  ASSERT_TRUE(coordinator.AwaitState(IsVersion("1")));
  agent.client->Send(State("2"));
  EXPECT_TRUE(coordinator.AwaitStreams(2));
}

TEST(SynchronizeClient, EndsWhileItCannotConnect) {
  FakeCoordinator coordinator;
  coordinator.Stop();
  Side agent(coordinator);
  agent.client->Send(State("1"));
  agent.client.reset();
}

TEST(SynchronizeClient, EndsBeforeItHadAnythingToSay) {
  FakeCoordinator coordinator;
  Side agent(coordinator);
  agent.client.reset();
}

}  // namespace
}  // namespace feedfarm
