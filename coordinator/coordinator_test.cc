#include "coordinator/coordinator.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "coordinator/testing/simulated_agent.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr char kCampaign[] = "campaign: test\nseed: 7\nscenarios:\n  - name: one\n    traffic: {synthetic: {messages: 1000}}\n";

class FakeClock final : public Clock {
 public:
  uint64_t Monotonic() const override { return now_ns; }
  uint64_t Unix() const override { return 1'700'000'000 * kSecond + now_ns; }
  uint64_t now_ns = 1000 * kSecond;
};

class FakeChannel final : public AgentChannel {
 public:
  void Send(const v1::DesiredState& desired) override { last = desired; }
  void Close(const absl::Status&) override {}
  v1::DesiredState last;
};

class CoordinatorTest : public testing::Test {
 protected:
  CoordinatorTest() {
    dir_ = std::filesystem::path(testing::TempDir()) /
           absl::StrCat("coordinator-", testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
    auto store = Store::Open(path());
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    Coordinator::Options options;
    options.state_dir = dir_;
    options.queue_wait_ns = 60 * kSecond;
    options.write_report = [this](const CampaignReport& report, const std::filesystem::path&) {
      reports_.push_back(report);
      return report_status_;
    };
    auto coordinator = Coordinator::Create(options, store_.get(), &clock_);
    EXPECT_TRUE(coordinator.ok()) << coordinator.status();
    coordinator_ = *std::move(coordinator);
  }
  ~CoordinatorTest() override { std::filesystem::remove_all(dir_); }

  std::string path() const { return (dir_ / "feedfarm.db").string(); }
  absl::StatusOr<v1::SubmitReply> Submit() {
    v1::SubmitRequest request;
    request.set_file("/test.yaml");
    request.set_text(kCampaign);
    return coordinator_->Submit(request);
  }
  absl::Status HearBoth() {
    const absl::Status status = coordinator_->Hear(&source_channel_, source_.State());
    return status.ok() ? coordinator_->Hear(&handler_channel_, handler_.State()) : status;
  }

  std::filesystem::path dir_;
  FakeClock clock_;
  std::unique_ptr<Store> store_;
  absl::Status report_status_;
  std::vector<CampaignReport> reports_;
  std::unique_ptr<Coordinator> coordinator_;
  // The first fitting pair by name.
  SimulatedAgent source_{"h1", 1, {}}, handler_{"h2", 2, {}};
  FakeChannel source_channel_, handler_channel_;
};

TEST_F(CoordinatorTest, TellsNothingThatIsNotDurable) {
  ASSERT_TRUE(HearBoth().ok());
  ASSERT_EQ(Submit()->campaign_id(), "c1");
  EXPECT_EQ(source_channel_.last.runs_size(), 1);
  ASSERT_TRUE(store_
                  ->Read([](Database& database) -> absl::Status {
                    auto runs = database.Prepare("SELECT run_id, epoch FROM leases WHERE host = 'h1'");
                    EXPECT_TRUE(*runs->Step());
                    EXPECT_EQ(runs->Bytes(0), "c1.r1");
                    EXPECT_EQ(runs->Integer(1), 1u);
                    return absl::OkStatus();
                  })
                  .ok());
}

TEST_F(CoordinatorTest, ASubmitThatCannotBeStoredLeavesNoTrace) {
  ASSERT_TRUE(HearBoth().ok());
  {
    auto other = Database::Open(path());
    ASSERT_TRUE((*other)->Execute("BEGIN IMMEDIATE").ok());
    EXPECT_EQ(Submit().status().code(), absl::StatusCode::kUnavailable);
  }
  EXPECT_EQ(coordinator_->List(0).campaigns_size(), 0);
  EXPECT_EQ(Submit()->campaign_id(), "c1");
}

TEST_F(CoordinatorTest, AFailedStoreStopsEverything) {
  {
    auto other = Database::Open(path());
    ASSERT_TRUE((*other)->Execute("BEGIN IMMEDIATE").ok());
    EXPECT_EQ(HearBoth().code(), absl::StatusCode::kUnavailable);
  }
  EXPECT_FALSE(coordinator_->health().ok());
  EXPECT_EQ(Submit().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(source_channel_.last.heartbeat_interval_ns(), 0u) << "nothing was told";
}

TEST_F(CoordinatorTest, AQueuedRunWhoseHostsStayAwayEnds) {
  ASSERT_TRUE(HearBoth().ok());
  clock_.now_ns += 20 * kSecond;
  coordinator_->Tick();
  ASSERT_EQ(Submit()->campaign_id(), "c1");
  EXPECT_THAT(coordinator_->Get("c1")->runs(0).activity(), HasSubstr("waiting: h1: lost: last heard 20.0s ago"));
  clock_.now_ns += 61 * kSecond;
  coordinator_->Tick();
  coordinator_->WriteReports();
  const v1::CampaignStatus status = *coordinator_->Get("c1");
  EXPECT_TRUE(status.finished());
  EXPECT_EQ(status.verdict(), v1::VERDICT_INFRASTRUCTURE_ERROR);
  EXPECT_THAT(status.runs(0).result().reasons(0), HasSubstr("no host for it within 60s"));
}

TEST_F(CoordinatorTest, AFailedReportIsToldBesideTheVerdict) {
  report_status_ = absl::UnavailableError("disk full");
  ASSERT_TRUE(HearBoth().ok());
  ASSERT_EQ(Submit()->campaign_id(), "c1");
  ASSERT_TRUE(coordinator_->Cancel("c1").ok());
  for (int i = 0; i < 200 && !coordinator_->Get("c1")->finished(); ++i) {
    clock_.now_ns += kSecond / 20;
    source_.OnDesired(source_channel_.last, clock_.Monotonic());
    handler_.OnDesired(handler_channel_.last, clock_.Monotonic());
    source_.Tick(clock_.Monotonic(), clock_.Unix());
    handler_.Tick(clock_.Monotonic(), clock_.Unix());
    ASSERT_TRUE(HearBoth().ok());
    coordinator_->Tick();
    coordinator_->WriteReports();
  }
  const v1::CampaignStatus status = *coordinator_->Get("c1");
  EXPECT_EQ(status.verdict(), v1::VERDICT_CANCELLED);
  EXPECT_EQ(status.report_error(), "disk full");
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_EQ(reports_[0].status.verdict(), v1::VERDICT_CANCELLED);
  EXPECT_EQ(reports_[0].runs[0].manifest.handler_host().name(), "h2");
}

TEST_F(CoordinatorTest, PlanStoresNothing) {
  ASSERT_TRUE(HearBoth().ok());
  v1::SubmitRequest request;
  request.set_file("/test.yaml");
  request.set_text(kCampaign);
  const auto plan = coordinator_->Plan(request);
  ASSERT_TRUE(plan.ok());
  ASSERT_EQ(plan->runs_size(), 1);
  EXPECT_EQ(plan->runs(0).source_host(), "h1");
  EXPECT_EQ(plan->runs(0).handler_host(), "h2");
  EXPECT_NE(plan->runs(0).seed(), 0u);
  EXPECT_EQ(coordinator_->List(0).campaigns_size(), 0);
}

TEST_F(CoordinatorTest, RefusesTelemetryAndFilesOfAnotherEpoch) {
  ASSERT_TRUE(HearBoth().ok());
  ASSERT_EQ(Submit()->campaign_id(), "c1");
  v1::TelemetryInterval interval;
  interval.set_run_id("c1.r1");
  interval.set_role(v1::ROLE_SOURCE);
  interval.set_sequence(1);
  interval.set_epoch(9);
  EXPECT_EQ(coordinator_->AddTelemetry(interval).status().code(), absl::StatusCode::kFailedPrecondition);
  interval.set_epoch(1);
  EXPECT_EQ(coordinator_->AddTelemetry(interval)->sequence(), 1u);
  v1::ArtifactChunk chunk;
  chunk.set_run_id("c1.r1");
  chunk.set_role(v1::ROLE_SOURCE);
  chunk.set_name("handler.log");
  EXPECT_EQ(coordinator_->BeginArtifact(chunk).status().code(), absl::StatusCode::kFailedPrecondition);
  chunk.set_epoch(1);
  EXPECT_TRUE(coordinator_->BeginArtifact(chunk).ok());
}

}  // namespace
}  // namespace feedfarm
