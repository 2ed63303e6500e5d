#include "agent/handler/handler_role.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>
#include <string>
#include <variant>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "pipeline/base/clock.h"

namespace feedfarm {
namespace {

constexpr char kFakeHandler[] = "agent/testing/fake_handler";
// A test that waits this long has failed.
constexpr absl::Duration kPatience = absl::Seconds(30);

// A handler role with a real child, and what it answers.
class Stage {
 public:
  Stage(const std::string& name, const std::string& behaviour, HandlerSupervisor::Options supervision = {})
      : folder_(::testing::TempDir() + "/role_" + name) {
    ::setenv("FAKE_HANDLER_BEHAVIOUR", behaviour.c_str(), 1);
    ::mkdir(folder_.c_str(), 0755);
    std::remove((folder_ + "/handler.log").c_str());
    log_ = *RunLog::Open(folder_ + "/agent-handler.log", name, &clock_);
    HandlerRole::Options options;
    options.handler_path = kFakeHandler;
    options.folder = folder_;
    options.make_group = [] { return std::optional<Cgroup>(); };
    options.supervision = supervision;
    RoleContext context;
    context.sink = [this](RunEvent event) {
      absl::MutexLock lock(&mutex_);
      events_.push_back(std::move(event));
    };
    context.telemetry = [this](v1::TelemetryInterval interval) {
      absl::MutexLock lock(&mutex_);
      intervals_.push_back(std::move(interval));
    };
    context.log = log_.get();
    role = std::make_unique<HandlerRole>(std::move(options), std::move(context));
  }

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

  bool AwaitIntervals(size_t count) {
    const auto have = [this, count] {
      mutex_.AssertReaderHeld();
      return intervals_.size() >= count;
    };
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(&have), kPatience);
  }

  std::vector<v1::TelemetryInterval> intervals() {
    absl::MutexLock lock(&mutex_);
    return intervals_;
  }

  v1::ObservedRun Describe() const {
    v1::ObservedRun run;
    role->Describe(&run);
    return run;
  }

  std::string HandlerLog() const {
    std::ifstream file(folder_ + "/handler.log");
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::string folder_;
  SystemClock clock_;
  std::unique_ptr<RunLog> log_;
  absl::Mutex mutex_;
  std::vector<RunEvent> events_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::TelemetryInterval> intervals_ ABSL_GUARDED_BY(mutex_);

 public:
  std::unique_ptr<HandlerRole> role;  // ends before what it uses
};

v1::DesiredRun Wanted() {
  v1::DesiredRun run;
  run.set_run_id("r1");
  run.set_port_a("va");
  run.set_port_b("vb");
  run.set_cpu(-1);
  run.mutable_scenario()->mutable_traffic()->set_protocol(v1::FEED_PROTOCOL_MOLDUDP64_ITCH50);
  return run;
}

TEST(HandlerRole, GivesTelemetryAndTheAccountOnStop) {
  Stage stage("obedient", "obedient");
  stage.role->Prepare(Wanted());
  ASSERT_TRUE(stage.Await<run_event::Prepared>());
  stage.role->Start(UnixNow());
  ASSERT_TRUE(stage.Await<run_event::Started>());
  ASSERT_TRUE(stage.AwaitIntervals(3));
  EXPECT_FALSE(stage.Describe().has_handler_result());
  stage.role->Stop();
  ASSERT_TRUE(stage.Await<run_event::RoleDone>());
  const v1::ObservedRun run = stage.Describe();
  EXPECT_EQ(run.handler_result().state_hash(), "00000000000000ff");
  EXPECT_EQ(run.handler_result().histograms(0).count(), run.handler_result().messages());
  EXPECT_EQ(run.handler_digest().size(), 64u);
  EXPECT_EQ(run.handler_build().commit(), "0123abcd");
  EXPECT_TRUE(run.handler_build().dirty());
  EXPECT_EQ(run.handler_build().compiler(), "gcc 12");
  EXPECT_EQ(run.handler_build().allocator(), "glibc");
}

TEST(HandlerRole, IsDoneByItselfAfterTheEndOfSession) {
  HandlerSupervisor::Options supervision;
  supervision.drain_ns = 0;
  Stage stage("end", "end", supervision);
  stage.role->Prepare(Wanted());
  ASSERT_TRUE(stage.Await<run_event::Prepared>());
  stage.role->Start(UnixNow());
  // The end may have been said before the start was wanted, in this fake.
  stage.Await<run_event::Started>();
  stage.role->Stop();
  ASSERT_TRUE(stage.Await<run_event::RoleDone>());
  EXPECT_TRUE(stage.Describe().handler_result().end_of_session());
}

TEST(HandlerRole, KilledHandlerComesBackFromTheFirstMessage) {
  Stage stage("kill", "obedient");
  v1::DesiredRun run = Wanted();
  v1::Fault* kill = run.mutable_scenario()->add_faults();
  kill->mutable_kill_handler();
  kill->set_at_ns(100'000'000);
  v1::Fault* cut = run.mutable_scenario()->add_faults();
  cut->set_at_ns(3'600'000'000'000);
  cut->mutable_cut()->set_line(v1::LINE_A);
  cut->mutable_cut()->set_duration_ns(1);
  stage.role->Prepare(run);
  ASSERT_TRUE(stage.Await<run_event::Prepared>());
  stage.role->Start(UnixNow());
  ASSERT_TRUE(stage.Await<run_event::Started>());
  auto restarted = [&stage] {
    for (const v1::TelemetryInterval& interval : stage.intervals()) {
      for (const v1::HandlerEvent& event : interval.events()) {
        if (event.kind() == v1::HandlerEvent::KIND_HANDLER_RESTART) return true;
      }
    }
    return false;
  };
  for (size_t count = 1; !restarted(); ++count) ASSERT_TRUE(stage.AwaitIntervals(count));
  stage.role->Stop();
  ASSERT_TRUE(stage.Await<run_event::RoleDone>());
  const v1::HandlerResult result = stage.Describe().handler_result();
  EXPECT_EQ(result.restarts(), 1u);
  // Both instances' samples, the last one's messages.
  EXPECT_GT(result.histograms(0).count(), result.messages());
  // What the killed one counted, which it said nothing of, and what is not known of it.
  EXPECT_EQ(result.unrecovered_messages(), 1u);
  EXPECT_GE(result.killed_unrecorded_samples(), 3u);
  EXPECT_GT(result.killed_unsampled_ns(), 0u);
  EXPECT_EQ(result.killed_accounts_lost(), 0u);
  const std::string log = stage.HandlerLog();
  EXPECT_NE(log.find("obedient, first sequence 1"), log.rfind("obedient, first sequence 1"));
  EXPECT_NE(log.find("told: cut line=A"), log.rfind("told: cut line=A")) << log;
}

struct Misbehaviour {
  std::string behaviour;
  v1::FailureCause cause;
  std::string failure;
};

TEST(HandlerRole, NamesEachMisbehaviour) {
  const Misbehaviour kAll[] = {
      {"exit", v1::FAILURE_CAUSE_SUBJECT, "the handler ended with exit code 7; its log ends: fake handler: exit"},
#ifndef FEEDFARM_SANITIZED
      {"crash", v1::FAILURE_CAUSE_SUBJECT, "the handler ended with signal 11 (Segmentation fault); its log ends: fake"},
#endif
      {"hang", v1::FAILURE_CAUSE_SUBJECT, "the handler hangs: no interval for too long"},
      {"garbage", v1::FAILURE_CAUSE_SUBJECT, "the handler broke its protocol: INVALID_ARGUMENT"},
      {"huge", v1::FAILURE_CAUSE_SUBJECT, "the handler broke its protocol: RESOURCE_EXHAUSTED"},
      {"mute", v1::FAILURE_CAUSE_SUBJECT, "the handler did not get ready in time"},
      {"refuse", v1::FAILURE_CAUSE_HOST, "the handler ended with exit code 11: bind xsk on a: EBUSY"},
      {"quit", v1::FAILURE_CAUSE_SUBJECT, "the handler ended its account without being told to stop"},
  };
  for (const Misbehaviour& one : kAll) {
    SCOPED_TRACE(one.behaviour);
    HandlerSupervisor::Options supervision;
    supervision.ready_timeout_ns = one.behaviour == "mute" ? 300'000'000 : supervision.ready_timeout_ns;
    supervision.interval_timeout_ns = one.behaviour == "hang" ? 700'000'000 : supervision.interval_timeout_ns;
    Stage stage(one.behaviour, one.behaviour, supervision);
    stage.role->Prepare(Wanted());
    auto failed = stage.Await<run_event::RoleFailed>();
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(failed->cause, one.cause);
    EXPECT_EQ(failed->failure.substr(0, one.failure.size()), one.failure) << failed->failure;
  }
}

TEST(HandlerRole, EscalatesAgainstTheStubbornAndTheDeaf) {
  for (const std::string behaviour : {"stubborn", "deaf"}) {
    SCOPED_TRACE(behaviour);
    HandlerSupervisor::Options supervision;
    supervision.stop_timeout_ns = 200'000'000;
    supervision.terminate_timeout_ns = 200'000'000;
    Stage stage(behaviour, behaviour, supervision);
    stage.role->Prepare(Wanted());
    ASSERT_TRUE(stage.Await<run_event::Prepared>());
    stage.role->Start(UnixNow());
    stage.role->Stop();
    auto failed = stage.Await<run_event::RoleFailed>();
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(failed->cause, v1::FAILURE_CAUSE_SUBJECT);
  }
}

TEST(HandlerRole, EndAtAnyMomentLeavesNothing) {
  {
    Stage never("never", "obedient");
    never.role->End();
  }
  {
    Stage starting("starting", "mute");
    starting.role->Prepare(Wanted());
    starting.role->End();
    starting.role->End();
  }
  Stage running("running", "obedient");
  running.role->Prepare(Wanted());
  ASSERT_TRUE(running.AwaitIntervals(2));
  running.role->End();
  EXPECT_GT(running.Describe().handler_result().messages(), 0u);
}

TEST(HandlerRole, MissingProgramIsTheHosts) {
  Stage stage("missing", "obedient");
  HandlerRole::Options options;
  options.handler_path = "/nonexistent";
  options.folder = ::testing::TempDir();
  options.make_group = [] { return std::optional<Cgroup>(); };
  SystemClock clock;
  auto log = *RunLog::Open(::testing::TempDir() + "/missing.log", "missing", &clock);
  absl::Notification failed;
  RoleContext context;
  context.log = log.get();
  context.sink = [&failed](RunEvent event) {
    ASSERT_TRUE(std::holds_alternative<run_event::RoleFailed>(event));
    EXPECT_EQ(std::get<run_event::RoleFailed>(event).cause, v1::FAILURE_CAUSE_HOST);
    failed.Notify();
  };
  HandlerRole role(std::move(options), std::move(context));
  role.Prepare(Wanted());
  EXPECT_TRUE(failed.WaitForNotificationWithTimeout(kPatience));
}

}  // namespace
}  // namespace feedfarm
