// The profile role with a real child that behaves in every way.
#include "agent/profile/profile_role.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/base/clock.h"

namespace feedfarm {
namespace {

using ::testing::HasSubstr;

constexpr char kFakeProfile[] = "agent/testing/fake_profile";
// A test that waits this long has failed.
constexpr absl::Duration kPatience = absl::Seconds(30);

class Stage {
 public:
  explicit Stage(const std::string& behaviour, const std::string& program = kFakeProfile)
      : folder_(::testing::TempDir() + "/profile_role") {
    ::setenv("FAKE_PROFILE_BEHAVIOUR", behaviour.c_str(), 1);
    ::mkdir(folder_.c_str(), 0755);
    std::remove((folder_ + "/profile.log").c_str());
    log_ = *RunLog::Open(folder_ + "/agent-profile.log", "run", &clock_);
    ProfileRole::Options options;
    options.profile_path = program;
    options.folder = folder_;
    options.make_group = [] { return std::optional<Cgroup>(); };
    RoleContext context;
    context.sink = [this](RunEvent event) {
      absl::MutexLock lock(&mutex_);
      events_.push_back(std::move(event));
    };
    context.log = log_.get();
    role = std::make_unique<ProfileRole>(std::move(options), std::move(context));
  }
  ~Stage() { role.reset(); }

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

  void Run() {
    v1::DesiredRun run;
    run.set_seed(42);
    v1::Profile* profile = run.mutable_scenario()->mutable_profile();
    profile->set_name("local-core");
    for (const char* value : {"2000", "4"}) profile->add_arguments()->set_value(value);
    role->Prepare(run);
    ASSERT_TRUE(Await<run_event::Prepared>().has_value());
    role->Start(UnixNow());
    ASSERT_TRUE(Await<run_event::Started>().has_value());
  }
  v1::ObservedRun Described() const {
    v1::ObservedRun run;
    role->Describe(&run);
    return run;
  }

  const std::string folder_;
  std::unique_ptr<ProfileRole> role;

 private:
  SystemClock clock_;
  std::unique_ptr<RunLog> log_;
  absl::Mutex mutex_;
  std::vector<RunEvent> events_ ABSL_GUARDED_BY(mutex_);
};

TEST(ProfileRole, GivesTheResultAndTheBuild) {
  Stage stage("obedient");
  stage.Run();
  ASSERT_TRUE(stage.Await<run_event::RoleDone>().has_value());
  const v1::ObservedRun run = stage.Described();
  EXPECT_EQ(run.profile_result().profile(), "local-core");
  EXPECT_EQ(run.profile_result().status(), "ok");
  ASSERT_EQ(run.profile_result().values_size(), 3);
  EXPECT_EQ(run.profile_result().values(0).name(), "events");
  EXPECT_EQ(run.profile_result().values(0).value(), "7");
  EXPECT_EQ(run.profile_result().values(1).value(), "local-core 2000 4 --seed 42 --out " + stage.folder_);
  EXPECT_EQ(run.profile_result().values(2).value(), "??") << "a protobuf's text is UTF-8";
  EXPECT_EQ(run.handler_build().commit(), "abc");
  EXPECT_EQ(run.handler_digest().size(), 64u);
}

TEST(ProfileRole, SaysWhoseFaultItIs) {
  struct Case {
    const char* behaviour;
    v1::FailureCause cause;
    const char* failure;
  };
  for (const Case& c : std::vector<Case>{
           {"crash", v1::FAILURE_CAUSE_SUBJECT, "signal 11 (Segmentation fault); its log ends: fake profile: crash"},
           {"late crash", v1::FAILURE_CAUSE_SUBJECT, "signal 11"},
           {"silent", v1::FAILURE_CAUSE_SUBJECT, "without its result"},
           {"exit", v1::FAILURE_CAUSE_SUBJECT, "exit code 7"},
           {"usage", v1::FAILURE_CAUSE_BAD_INPUT, "not so"},
           {"refuse", v1::FAILURE_CAUSE_HOST, "not so"},
           {"garbage", v1::FAILURE_CAUSE_SUBJECT, "broke its protocol"},
           {"unknown", v1::FAILURE_CAUSE_SUBJECT, "unknown line 'interval'"},
           {"twice", v1::FAILURE_CAUSE_SUBJECT, "two results"},
           {"stay", v1::FAILURE_CAUSE_SUBJECT, "did not end after its result"},
       }) {
    SCOPED_TRACE(c.behaviour);
    Stage stage(c.behaviour);
    stage.Run();
    const auto failed = stage.Await<run_event::RoleFailed>();
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(failed->cause, c.cause) << failed->failure;
    EXPECT_THAT(failed->failure, HasSubstr(c.failure));
  }
}

TEST(ProfileRole, AProgramThatIsNotThereIsTheHostsMatter) {
  Stage stage("obedient", "/nonexistent/feedfarm-profile");
  stage.Run();
  const auto failed = stage.Await<run_event::RoleFailed>();
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->cause, v1::FAILURE_CAUSE_HOST);
  EXPECT_THAT(failed->failure, HasSubstr("/nonexistent/feedfarm-profile"));
}

TEST(ProfileRole, StopKillsOneThatHangs) {
  Stage stage("hang");
  stage.Run();
  stage.role->Stop();
  const auto failed = stage.Await<run_event::RoleFailed>();
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->cause, v1::FAILURE_CAUSE_UNSPECIFIED);
}

TEST(ProfileRole, EndComesBackWhateverTheChildDoes) {
  for (const char* behaviour : {"obedient", "hang", "fork"}) {
    SCOPED_TRACE(behaviour);
    Stage stage(behaviour);
    stage.Run();
    stage.role->End();
    stage.role->End();
  }
}

TEST(ProfileRole, EndsBeforeItWasPrepared) {
  Stage stage("obedient");
  stage.role->Stop();
  stage.role->End();
}

}  // namespace
}  // namespace feedfarm
