#include "agent/profile/profile_supervisor.h"

#include <functional>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using enum ProfileAction;
using State = ProfileSupervisor::State;

const profile_event::Exited kCleanExit{false, 0, "exit code 0"};
const profile_event::Exited kKilledExit{true, 9, "signal 9 (Killed)"};

// A supervisor in the state, at time 1000.
ProfileSupervisor Reach(State state) {
  ProfileSupervisor supervisor;
  const auto step = [&](const ProfileEvent& event) { supervisor.Step(event, 1000); };
  if (state == State::kIdle) return supervisor;
  step(profile_event::Prepare{});
  if (state == State::kReady) return supervisor;
  step(profile_event::Start{1000});
  if (state == State::kWaiting) return supervisor;
  step(profile_event::Tick{});
  if (state == State::kRunning) return supervisor;
  if (state == State::kKilled) {
    step(profile_event::Stop{});
    return supervisor;
  }
  step(profile_event::Result{});
  if (state == State::kLeaving) return supervisor;
  step(kCleanExit);
  return supervisor;
}

TEST(ProfileSupervisor, GoesTheWholeWay) {
  ProfileSupervisor supervisor;
  EXPECT_THAT(supervisor.Step(profile_event::Prepare{}, 0), ElementsAre(kSayPrepared));
  EXPECT_THAT(supervisor.Step(profile_event::Start{500}, 0), IsEmpty());
  EXPECT_EQ(supervisor.next_tick_ns(), 500u);
  EXPECT_THAT(supervisor.Step(profile_event::Tick{}, 499), IsEmpty()) << "not before START";
  EXPECT_THAT(supervisor.Step(profile_event::Tick{}, 500), ElementsAre(kSayStarted, kSpawn));
  EXPECT_EQ(supervisor.next_tick_ns(), UINT64_MAX) << "it has all the time that the scenario gives it";
  EXPECT_THAT(supervisor.Step(profile_event::Result{}, 600), IsEmpty());
  EXPECT_THAT(supervisor.Step(kCleanExit, 700), ElementsAre(kSayDone));
}

TEST(ProfileSupervisor, AccusesWhoeverItWas) {
  struct Case {
    const char* name;
    std::vector<ProfileEvent> events;
    v1::FailureCause cause;
    const char* failure;
  };
  const profile_event::Exited crash{true, 11, "signal 11 (Segmentation fault)"};
  for (const Case& c : std::vector<Case>{
           {"crash", {crash}, v1::FAILURE_CAUSE_SUBJECT, "ended with signal 11 (Segmentation fault)"},
           {"crash after its result", {profile_event::Result{}, crash}, v1::FAILURE_CAUSE_SUBJECT, "signal 11"},
           {"silent", {kCleanExit}, v1::FAILURE_CAUSE_SUBJECT, "ended with exit code 0 without its result"},
           {"exit", {profile_event::Exited{false, 7, "exit code 7"}}, v1::FAILURE_CAUSE_SUBJECT, "exit code 7"},
           {"bad arguments",
            {profile_event::Error{"MESSAGES"}, profile_event::Exited{false, 2, "exit code 2"}},
            v1::FAILURE_CAUSE_BAD_INPUT,
            "exit code 2: MESSAGES"},
           {"refused",
            {profile_event::Error{"bind: EPERM"}, profile_event::Exited{false, 11, "exit code 11"}},
            v1::FAILURE_CAUSE_HOST,
            "exit code 11: bind: EPERM"},
           {"cannot start", {profile_event::SpawnFailed{"no such file"}}, v1::FAILURE_CAUSE_HOST, "no such file"},
           {"garbage",
            {profile_event::Garbage{"no kind"}, kKilledExit},
            v1::FAILURE_CAUSE_SUBJECT,
            "protocol: no kind"},
           {"two results",
            {profile_event::Result{}, profile_event::Result{}, kKilledExit},
            v1::FAILURE_CAUSE_SUBJECT,
            "two results"},
           {"stopped",
            {profile_event::Stop{}, kKilledExit},
            v1::FAILURE_CAUSE_UNSPECIFIED,
            "before the profile's result"},
       }) {
    SCOPED_TRACE(c.name);
    ProfileSupervisor supervisor = Reach(State::kRunning);
    std::vector<ProfileAction> last;
    for (const ProfileEvent& event : c.events) last = supervisor.Step(event, 1000);
    EXPECT_THAT(last, ElementsAre(kSayFailed));
    EXPECT_EQ(supervisor.cause(), c.cause);
    EXPECT_THAT(supervisor.failure(), HasSubstr(c.failure));
  }
}

TEST(ProfileSupervisor, KillsOneThatStaysAfterItsResult) {
  ProfileSupervisor supervisor = Reach(State::kLeaving);
  const uint64_t until_ns = supervisor.next_tick_ns();
  EXPECT_THAT(supervisor.Step(profile_event::Tick{}, until_ns - 1), IsEmpty());
  EXPECT_THAT(supervisor.Step(profile_event::Tick{}, until_ns), ElementsAre(kKill));
  EXPECT_THAT(supervisor.Step(kKilledExit, until_ns), ElementsAre(kSayFailed));
  EXPECT_THAT(supervisor.failure(), HasSubstr("did not end after its result"));
}

TEST(ProfileSupervisor, AStopAfterTheResultChangesNothing) {
  ProfileSupervisor supervisor = Reach(State::kLeaving);
  EXPECT_THAT(supervisor.Step(profile_event::Stop{}, 1000), IsEmpty());
  EXPECT_THAT(supervisor.Step(kCleanExit, 1000), ElementsAre(kSayDone));
}

// Every state meets every event: the end is said once, and only a living child is killed.
TEST(ProfileSupervisor, EveryStateMeetsEveryEvent) {
  const std::vector<std::pair<const char*, ProfileEvent>> events = {
      {"prepare", profile_event::Prepare{}},
      {"start", profile_event::Start{0}},
      {"stop", profile_event::Stop{}},
      {"spawn failed", profile_event::SpawnFailed{"no"}},
      {"result", profile_event::Result{}},
      {"error", profile_event::Error{"no"}},
      {"garbage", profile_event::Garbage{"no"}},
      {"exit", kCleanExit},
      {"killed", kKilledExit},
      {"tick", profile_event::Tick{}},
  };
  for (const State from : {State::kIdle, State::kReady, State::kWaiting, State::kRunning, State::kLeaving,
                           State::kKilled, State::kEnded}) {
    for (const auto& [name, event] : events) {
      for (const auto& [after, second] : events) {
        SCOPED_TRACE(testing::Message() << static_cast<int>(from) << " + " << name << " + " << after);
        ProfileSupervisor supervisor = Reach(from);
        ASSERT_EQ(supervisor.state(), from);
        int ends = from == State::kEnded ? 1 : 0;
        bool living = from == State::kRunning || from == State::kLeaving || from == State::kKilled;
        for (const ProfileEvent& each : {event, second}) {
          for (const ProfileAction action : supervisor.Step(each, UINT64_MAX)) {
            ends += action == kSayDone || action == kSayFailed;
            living |= action == kSpawn;
            EXPECT_TRUE(action != kKill || living);
            EXPECT_TRUE(action != kSayDone || supervisor.failure().empty());
          }
        }
        EXPECT_LE(ends, 1);
        EXPECT_EQ(ends == 1, supervisor.state() == State::kEnded);
      }
    }
  }
}

}  // namespace
}  // namespace feedfarm
