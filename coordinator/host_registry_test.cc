#include "coordinator/host_registry.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kHeartbeat = 500'000'000;
constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kUnix = 1'700'000'000 * kSecond;

class FakeChannel final : public AgentChannel {
 public:
  void Send(const v1::DesiredState&) override {}
  void Close(const absl::Status& why) override { closed = why; }
  absl::Status closed;
};

class HostRegistryTest : public testing::Test {
 protected:
  absl::Status Hear(AgentChannel* channel, const std::string& instance, const std::string& name = "dut") {
    v1::AgentState state;
    state.set_host(name);
    state.set_instance_id(instance);
    if (!unfit_.empty()) state.add_unfit_reasons(unfit_);
    return registry_.Hear(channel, state, Now(), &changed_).status();
  }
  Moment Now() const { return {now_ns_, kUnix + now_ns_}; }
  v1::HostHealth Health() { return registry_.HealthOf(*registry_.Find("dut"), leases_, now_ns_); }

  HostRegistry registry_{kHeartbeat};
  LeaseTable leases_{{10 * kSecond, 2 * kSecond}};
  FakeChannel first_, second_;
  uint64_t now_ns_ = 100 * kSecond;
  std::string unfit_;
  bool changed_ = false;
};

TEST_F(HostRegistryTest, ANamesakeIsRefusedWhileTheFirstIsAlive) {
  ASSERT_TRUE(Hear(&first_, "1").ok());
  now_ns_ += 3 * kHeartbeat;
  const absl::Status refused = Hear(&second_, "2");
  EXPECT_EQ(refused.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("host dut has a live agent (instance 1, heard 1.5s ago)"));
  EXPECT_TRUE(Hear(&first_, "1").ok());
}

TEST_F(HostRegistryTest, ASilentAgentIsTakenOver) {
  ASSERT_TRUE(Hear(&first_, "1").ok());
  now_ns_ += 3 * kHeartbeat + 1;
  ASSERT_TRUE(Hear(&second_, "2").ok());
  EXPECT_EQ(first_.closed.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(Hear(&first_, "1").code(), absl::StatusCode::kAborted);
}

TEST_F(HostRegistryTest, ADisconnectedAgentIsTakenOverAtOnce) {
  ASSERT_TRUE(Hear(&first_, "1").ok());
  registry_.Disconnect(&first_);
  EXPECT_TRUE(Hear(&second_, "2").ok());
}

TEST_F(HostRegistryTest, ANewConnectionOfTheSameAgentReplacesTheOld) {
  ASSERT_TRUE(Hear(&first_, "1").ok());
  ASSERT_TRUE(Hear(&second_, "1").ok());
  EXPECT_EQ(Hear(&first_, "1").code(), absl::StatusCode::kAborted) << "late words over the old one";
  registry_.Disconnect(&first_);
  EXPECT_EQ(registry_.Find("dut")->channel, &second_);
}

TEST_F(HostRegistryTest, OneConnectionIsOneHost) {
  ASSERT_TRUE(Hear(&first_, "1").ok());
  EXPECT_EQ(Hear(&first_, "1", "src").code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(HostRegistryTest, NamesAreChecked) {
  for (const char* name : {"", "-a", ".a", "A", "a_b", "a/b", "a b", "../a"}) EXPECT_FALSE(IsHostName(name)) << name;
  for (const char* name : {"a", "dut-1", "rack1.lab"}) EXPECT_TRUE(IsHostName(name)) << name;
  EXPECT_FALSE(IsHostName(std::string(64, 'a')));
  EXPECT_EQ(Hear(&first_, "", "dut").code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(HostRegistryTest, SilenceIsSuspectAndThenLost) {
  ASSERT_TRUE(Hear(&first_, "1").ok());
  EXPECT_EQ(Health(), v1::HOST_HEALTH_FIT);
  now_ns_ += 3 * kHeartbeat + 1;
  EXPECT_EQ(Health(), v1::HOST_HEALTH_SUSPECT);
  now_ns_ += 12 * kSecond;
  EXPECT_EQ(Health(), v1::HOST_HEALTH_LOST);
  ASSERT_TRUE(leases_.Grant({"dut"}, "c1.r1", now_ns_).ok());
  EXPECT_EQ(Health(), v1::HOST_HEALTH_SUSPECT) << "its lease still holds";
}

TEST_F(HostRegistryTest, AHostThatCameBackFromTheStoreIsLostUntilItIsHeard) {
  record::HostRecord record;
  record.set_name("dut");
  registry_.Restore(record);
  EXPECT_EQ(Health(), v1::HOST_HEALTH_LOST);
  ASSERT_TRUE(Hear(&first_, "1").ok());
  EXPECT_EQ(Health(), v1::HOST_HEALTH_FIT);
}

TEST_F(HostRegistryTest, AnUnfitHostSaysWhy) {
  unfit_ = "no huge pages";
  ASSERT_TRUE(Hear(&first_, "1").ok());
  EXPECT_EQ(Health(), v1::HOST_HEALTH_UNFIT);
  EXPECT_THAT(registry_.ForPlacement(leases_, Now())[0].blocked_by, ElementsAre("unfit: no huge pages"));
}

TEST_F(HostRegistryTest, QuarantineEndsWithAnAgentStartedAnew) {
  ASSERT_TRUE(Hear(&first_, "1").ok());
  Host* host = registry_.Find("dut");
  host->record.add_quarantine("a filter stayed");
  host->record.set_quarantine_instance_id("1");
  ASSERT_TRUE(Hear(&first_, "1").ok());
  EXPECT_EQ(Health(), v1::HOST_HEALTH_QUARANTINED);
  EXPECT_THAT(registry_.StatusOf(*host, leases_, Now()).reasons(0), HasSubstr("quarantined: a filter stayed"));
  registry_.Disconnect(&first_);
  ASSERT_TRUE(Hear(&second_, "2").ok());
  EXPECT_TRUE(changed_);
  EXPECT_EQ(Health(), v1::HOST_HEALTH_FIT);
}

TEST_F(HostRegistryTest, AHostThatStillListsARunTakesNoOther) {
  v1::AgentState state;
  state.set_host("dut");
  state.set_instance_id("1");
  state.add_runs()->set_run_id("c1.r1");
  ASSERT_TRUE(registry_.Hear(&first_, state, Now(), &changed_).ok());
  EXPECT_THAT(registry_.ForPlacement(leases_, Now())[0].blocked_by, ElementsAre("still undoing c1.r1"));
}

}  // namespace
}  // namespace feedfarm
