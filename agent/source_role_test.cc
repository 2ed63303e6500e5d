#include "agent/source_role.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "gtest/gtest.h"
#include "pipeline/base/clock.h"

namespace feedfarm {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);

// Shared with the test; outlives the traffic.
struct FakeWorld {
  std::atomic<bool> started{false}, stopped{false}, done{false}, gone{false};
};

class FakeTraffic final : public TrafficSource {
 public:
  explicit FakeTraffic(FakeWorld* world) : world_(world) {}
  ~FakeTraffic() override { world_->gone = true; }
  void Start(uint64_t) override { world_->started = true; }
  void Stop() override { world_->stopped = true; }
  bool Done() const override { return world_->done || world_->stopped; }
  TrafficProgress Progress() const override { return {50, 10, 11, 0, 0.5}; }
  v1::SourceResult Result() const override {
    v1::SourceResult result;
    result.set_messages(100);
    return result;
  }
  std::vector<v1::Histogram> TakeInterval() override { return std::vector<v1::Histogram>(1); }
  v1::Endpoint rerequest_endpoint() const override {
    v1::Endpoint endpoint;
    endpoint.set_address("10.1.0.1");
    endpoint.set_port(9000);
    return endpoint;
  }
  v1::Endpoint glimpse_endpoint() const override { return {}; }

 private:
  FakeWorld* world_;
};

class Stage {
 public:
  explicit Stage(absl::Status error = absl::OkStatus()) {
    log_ = *RunLog::Open(::testing::TempDir() + "/agent-source.log", "r1", &clock_);
    SourceRole::Options options;
    options.interval = absl::Milliseconds(1);
    options.make = [this, error](const v1::Scenario&, uint64_t seed,
                                 TrafficSource::Options made) -> absl::StatusOr<std::unique_ptr<TrafficSource>> {
      EXPECT_EQ(seed, 77u);
      EXPECT_EQ(made.port_a, "va");
      EXPECT_EQ(made.cpu, 3);
      EXPECT_EQ(made.session.size(), 10u);
      if (!error.ok()) return error;
      return std::make_unique<FakeTraffic>(&world);
    };
    RoleContext context;
    context.sink = [this](RunEvent event) {
      absl::MutexLock lock(&mutex_);
      events_.push_back(std::move(event));
    };
    context.telemetry = [this](v1::TelemetryInterval interval) {
      absl::MutexLock lock(&mutex_);
      last_interval_ = std::move(interval);
    };
    context.log = log_.get();
    role = std::make_unique<SourceRole>(std::move(options), std::move(context));
    run_.set_port_a("va");
    run_.set_seed(77);
    run_.set_cpu(3);
  }

  void Prepare() { role->Prepare(run_); }

  template <class Event>
  std::optional<Event> Await() {
    std::optional<Event> found;
    const auto have = [this, &found] {
      mutex_.AssertReaderHeld();
      for (const RunEvent& event : events_) {
        if (const Event* wanted = std::get_if<Event>(&event)) found = *wanted;
      }
      return found.has_value();
    };
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&have), kPatience);
    return found;
  }

  v1::TelemetryInterval last_interval() {
    absl::MutexLock lock(&mutex_);
    return last_interval_;
  }

  v1::ObservedRun Describe() const {
    v1::ObservedRun run;
    role->Describe(&run);
    return run;
  }

  FakeWorld world;

 private:
  SystemClock clock_;
  std::unique_ptr<RunLog> log_;
  v1::DesiredRun run_;
  absl::Mutex mutex_;
  std::vector<RunEvent> events_ ABSL_GUARDED_BY(mutex_);
  v1::TelemetryInterval last_interval_ ABSL_GUARDED_BY(mutex_);

 public:
  std::unique_ptr<SourceRole> role;
};

TEST(SourceRole, GoesFromPrepareToDoneAndServesUntilItsEnd) {
  Stage stage;
  stage.Prepare();
  ASSERT_TRUE(stage.Await<run_event::Prepared>());
  EXPECT_EQ(stage.Describe().rerequest().address(), "10.1.0.1");
  stage.role->Start(5);
  ASSERT_TRUE(stage.Await<run_event::Started>());
  EXPECT_TRUE(stage.world.started);
  stage.world.done = true;
  ASSERT_TRUE(stage.Await<run_event::RoleDone>());
  EXPECT_EQ(stage.last_interval().packets_b(), 11u);
  EXPECT_EQ(stage.last_interval().histograms_size(), 1);
  EXPECT_FALSE(stage.world.gone);
  stage.role->End();
  EXPECT_TRUE(stage.world.gone);
  EXPECT_EQ(stage.Describe().source_result().messages(), 100u);
  EXPECT_EQ(stage.Describe().progress(), 0.5);
}

TEST(SourceRole, StopEndsTheTraffic) {
  Stage stage;
  stage.Prepare();
  ASSERT_TRUE(stage.Await<run_event::Prepared>());
  stage.role->Start(5);
  stage.role->Stop();
  EXPECT_TRUE(stage.Await<run_event::RoleDone>());
}

TEST(SourceRole, SaysWhoseFaultItIs) {
  for (auto [status, cause] :
       {std::pair{absl::NotFoundError("no capture"), v1::FAILURE_CAUSE_BAD_INPUT},
        std::pair{absl::InvalidArgumentError("no packet of this feed"), v1::FAILURE_CAUSE_BAD_INPUT},
        std::pair{absl::PermissionDeniedError("packet socket"), v1::FAILURE_CAUSE_HOST},
        std::pair{absl::FailedPreconditionError("no interface va"), v1::FAILURE_CAUSE_HOST}}) {
    Stage stage(status);
    stage.Prepare();
    auto failed = stage.Await<run_event::RoleFailed>();
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(failed->cause, cause) << status;
    EXPECT_EQ(failed->failure, status.message());
  }
}

TEST(SourceRole, EndsWithoutEverBeingPrepared) { Stage().role->End(); }

}  // namespace
}  // namespace feedfarm
