#include "agent/handler/handler_supervisor.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

using State = HandlerSupervisor::State;
using Act = HandlerAction;
using Acts = std::vector<HandlerAction>;
using handler_event::EndOfSession;
using handler_event::Exited;
using handler_event::Final;
using handler_event::Interval;
using handler_event::NewGeneration;
using handler_event::Prepare;
using handler_event::Ready;
using handler_event::Start;
using handler_event::Stop;
using handler_event::Tick;

constexpr uint64_t kSecond = 1'000'000'000;
const Prepare kOneGeneration{.late = false, .one_generation = true};
const Exited kCleanExit{false, 0, "exit code 0"};
const Exited kCrash{true, 11, "signal 11"};
const Exited kKilled{true, 9, "signal 9"};

HandlerSupervisor After(const std::vector<HandlerEvent>& events, uint64_t now_ns = 0) {
  HandlerSupervisor supervisor(HandlerSupervisor::Options{});
  for (const HandlerEvent& event : events) supervisor.Step(event, now_ns);
  return supervisor;
}

TEST(HandlerSupervisor, TakesAHandlerFromSpawnToItsAccount) {
  HandlerSupervisor supervisor(HandlerSupervisor::Options{});
  EXPECT_EQ(supervisor.Step(Prepare{}, 0), Acts{Act::kSpawn});
  EXPECT_EQ(supervisor.Step(Ready{}, 1), Acts{Act::kSayPrepared});
  EXPECT_EQ(supervisor.Step(Start{}, 2), (Acts{Act::kArmCuts, Act::kSayStarted}));
  EXPECT_EQ(supervisor.Step(Stop{}, 3), Acts{Act::kSendStop});
  EXPECT_TRUE(supervisor.Step(Final{}, 4).empty());
  EXPECT_EQ(supervisor.Step(kCleanExit, 5), Acts{Act::kSayDone});
  EXPECT_EQ(supervisor.next_tick_ns(), UINT64_MAX);
}

TEST(HandlerSupervisor, StopsByItselfAfterTheEndOfSessionAndTheDrain) {
  HandlerSupervisor supervisor = After({kOneGeneration, Ready{}, Start{}, EndOfSession{}});
  EXPECT_EQ(supervisor.next_tick_ns(), kSecond / 2);
  EXPECT_TRUE(supervisor.Step(Tick{}, kSecond / 2 - 1).empty());
  EXPECT_EQ(supervisor.Step(Tick{}, kSecond / 2), Acts{Act::kSendStop});
}

struct EndedStream {
  std::string name;
  Prepare prepare;
  std::vector<HandlerEvent> events;  // each a tenth of a second after the one before
  bool stops_by_itself;
};

TEST(HandlerSupervisor, StopsByItselfOnlyWhereTheEndIsKnownToBeTheLast) {
  const EndedStream kStreams[] = {
      {"one generation", kOneGeneration, {EndOfSession{}}, true},
      {"intervals after it", kOneGeneration, {EndOfSession{}, Interval{}, Interval{}}, true},
      {"told twice", kOneGeneration, {EndOfSession{}, EndOfSession{}}, true},
      {"perhaps several", Prepare{}, {EndOfSession{}}, false},
      {"several, the last one too", Prepare{}, {EndOfSession{}, NewGeneration{}, EndOfSession{}}, false},
      {"another began", kOneGeneration, {EndOfSession{}, NewGeneration{}}, false},
      {"another began before", kOneGeneration, {NewGeneration{}, EndOfSession{}}, true},
      {"another began and ended", kOneGeneration, {EndOfSession{}, NewGeneration{}, EndOfSession{}}, true},
  };
  for (const EndedStream& stream : kStreams) {
    SCOPED_TRACE(stream.name);
    HandlerSupervisor supervisor = After({stream.prepare, Ready{}, Start{}});
    uint64_t now_ns = 0;
    for (const HandlerEvent& event : stream.events) EXPECT_TRUE(supervisor.Step(event, now_ns += kSecond / 10).empty());
    supervisor.Step(Interval{}, now_ns);
    const Acts acts = supervisor.Step(Tick{}, now_ns + kSecond);
    EXPECT_EQ(acts, stream.stops_by_itself ? Acts{Act::kSendStop} : Acts{});
    // What the coordinator says holds in any case; a second stop changes nothing.
    EXPECT_EQ(supervisor.Step(Stop{}, now_ns + kSecond), stream.stops_by_itself ? Acts{} : Acts{Act::kSendStop});
  }
}

TEST(HandlerSupervisor, KilledWhileItDrainsTheNewOneHasItsOwnEnd) {
  HandlerSupervisor supervisor = After({kOneGeneration, Ready{}, Start{0, {kSecond / 5}}, EndOfSession{}});
  EXPECT_EQ(supervisor.Step(Tick{}, kSecond / 5), Acts{Act::kKill});
  EXPECT_EQ(supervisor.Step(kKilled, kSecond / 5), Acts{Act::kSpawnAgain});
  supervisor.Step(Ready{}, kSecond);
  EXPECT_TRUE(supervisor.Step(Tick{}, 3 * kSecond).empty());
  supervisor.Step(EndOfSession{}, 3 * kSecond);
  EXPECT_EQ(supervisor.Step(Tick{}, 4 * kSecond), Acts{Act::kSendStop});
}

TEST(HandlerSupervisor, KillFaultStartsItAgainAndGoesOn) {
  HandlerSupervisor supervisor = After({Prepare{}, Ready{}, Start{0, {3 * kSecond, 2 * kSecond}}});
  EXPECT_EQ(supervisor.next_tick_ns(), 2 * kSecond);
  EXPECT_EQ(supervisor.Step(Tick{}, 2 * kSecond), Acts{Act::kKill});
  EXPECT_EQ(supervisor.Step(kKilled, 2 * kSecond), Acts{Act::kSpawnAgain});
  EXPECT_EQ(supervisor.Step(Ready{}, 2 * kSecond), (Acts{Act::kArmCuts, Act::kSayRestarted}));
  EXPECT_EQ(supervisor.Step(Tick{}, 3 * kSecond), Acts{Act::kKill});
  EXPECT_EQ(supervisor.Step(kKilled, 3 * kSecond), Acts{Act::kSpawnAgain});
  EXPECT_EQ(supervisor.restarts(), 2u);
}

TEST(HandlerSupervisor, LateHandlerIsSpawnedAfterTheStart) {
  HandlerSupervisor supervisor(HandlerSupervisor::Options{});
  EXPECT_EQ(supervisor.Step(Prepare{.late = true}, 0), Acts{Act::kSayPrepared});
  EXPECT_EQ(supervisor.next_tick_ns(), UINT64_MAX);
  EXPECT_EQ(supervisor.Step(Start{.spawn_at_ns = kSecond, .kill_at_ns = {}}, 1), Acts{Act::kSayStarted});
  EXPECT_EQ(supervisor.next_tick_ns(), kSecond);
  EXPECT_TRUE(supervisor.Step(Tick{}, kSecond - 1).empty());
  EXPECT_EQ(supervisor.Step(Tick{}, kSecond), Acts{Act::kSpawn});
  EXPECT_EQ(supervisor.Step(Ready{}, kSecond), Acts{Act::kArmCuts});
  EXPECT_EQ(supervisor.state(), State::kRunning);
  EXPECT_EQ(supervisor.restarts(), 0u);
  EXPECT_EQ(supervisor.Step(Stop{}, 2 * kSecond), Acts{Act::kSendStop});
}

TEST(HandlerSupervisor, LateHandlerThatIsStoppedBeforeItsTime) {
  for (const bool started : {false, true}) {
    HandlerSupervisor supervisor = After({Prepare{.late = true}});
    if (started) supervisor.Step(Start{.spawn_at_ns = kSecond, .kill_at_ns = {}}, 1);
    EXPECT_EQ(supervisor.Step(Stop{}, 2), Acts{Act::kSayFailed});
    EXPECT_EQ(supervisor.cause(), v1::FAILURE_CAUSE_UNSPECIFIED);
  }
}

TEST(HandlerSupervisor, StopDuringARestartWaitsForTheNewAccount) {
  HandlerSupervisor supervisor = After({Prepare{}, Ready{}, Start{0, {kSecond}}});
  supervisor.Step(Tick{}, kSecond);
  EXPECT_TRUE(supervisor.Step(Stop{}, kSecond).empty());
  EXPECT_EQ(supervisor.Step(kKilled, kSecond), Acts{Act::kSpawnAgain});
  supervisor.Step(Ready{}, kSecond);
  // It was asked for: what the new one delivers does not take it back.
  supervisor.Step(NewGeneration{}, kSecond);
  EXPECT_EQ(supervisor.Step(Tick{}, kSecond), Acts{Act::kSendStop});
}

struct Death {
  std::string name;
  std::vector<HandlerEvent> before;
  HandlerEvent event;
  Acts actions;
  v1::FailureCause cause;
  std::string failure;
};

TEST(HandlerSupervisor, SaysWhoseFaultADeathIs) {
  const std::vector<HandlerEvent> running = {Prepare{}, Ready{}, Start{}};
  const Acts failed = {Act::kSayFailed};
  const Death kDeaths[] = {
      {"no program",
       {Prepare{}},
       handler_event::SpawnFailed{"execute x: No such file"},
       failed,
       v1::FAILURE_CAUSE_HOST,
       "execute x: No such file"},
      {"host refused",
       {Prepare{}, handler_event::Error{"bind: EBUSY"}},
       Exited{false, 11, "exit code 11"},
       failed,
       v1::FAILURE_CAUSE_HOST,
       "the handler ended with exit code 11: bind: EBUSY"},
      {"bad flags",
       {Prepare{}},
       Exited{false, 2, "exit code 2"},
       failed,
       v1::FAILURE_CAUSE_HOST,
       "the handler ended with exit code 2"},
      {"journal damaged",
       {Prepare{}, Ready{}, Start{0, {0}}, Tick{}, kKilled, handler_event::Error{"damaged record"}},
       Exited{false, 1, "exit code 1"},
       failed,
       v1::FAILURE_CAUSE_SUBJECT,
       "the handler ended with exit code 1: damaged record"},
      {"crash at start", {Prepare{}}, kCrash, failed, v1::FAILURE_CAUSE_SUBJECT, "the handler ended with signal 11"},
      {"crash when ready",
       {Prepare{}, Ready{}},
       kCrash,
       failed,
       v1::FAILURE_CAUSE_SUBJECT,
       "the handler ended with signal 11"},
      {"crash", running, kCrash, failed, v1::FAILURE_CAUSE_SUBJECT, "the handler ended with signal 11"},
      {"clean exit unasked", running, kCleanExit, failed, v1::FAILURE_CAUSE_SUBJECT,
       "the handler ended with exit code 0"},
      {"final unasked",
       running,
       Final{},
       {Act::kKill},
       v1::FAILURE_CAUSE_SUBJECT,
       "the handler ended its account without being told to stop"},
      {"ready twice", running, Ready{}, {Act::kKill}, v1::FAILURE_CAUSE_SUBJECT, "the handler said ready twice"},
      {"garbage",
       running,
       handler_event::Garbage{"no '='"},
       {Act::kKill},
       v1::FAILURE_CAUSE_SUBJECT,
       "the handler broke its protocol: no '='"},
      {"count before ready",
       {Prepare{}},
       Interval{},
       {Act::kKill},
       v1::FAILURE_CAUSE_SUBJECT,
       "the handler counted before it was ready"},
      {"no account",
       {Prepare{}, Ready{}, Start{}, Stop{}},
       kCleanExit,
       failed,
       v1::FAILURE_CAUSE_SUBJECT,
       "the handler ended with exit code 0 without its account"},
      {"crash after its account",
       {Prepare{}, Ready{}, Start{}, Stop{}, Final{}},
       kCrash,
       failed,
       v1::FAILURE_CAUSE_SUBJECT,
       "the handler ended with signal 11"},
      {"stopped at start",
       {Prepare{}},
       Stop{},
       {Act::kKill},
       v1::FAILURE_CAUSE_UNSPECIFIED,
       "stopped while the handler was starting"},
  };
  for (const Death& death : kDeaths) {
    HandlerSupervisor supervisor = After(death.before);
    EXPECT_EQ(supervisor.Step(death.event, 0), death.actions) << death.name;
    EXPECT_EQ(supervisor.cause(), death.cause) << death.name;
    EXPECT_EQ(supervisor.failure(), death.failure) << death.name;
  }
}

TEST(HandlerSupervisor, SilenceForFiveSecondsIsAHang) {
  HandlerSupervisor supervisor = After({Prepare{}, Ready{}, Start{}});
  supervisor.Step(Interval{}, kSecond);
  EXPECT_TRUE(supervisor.Step(Tick{}, 6 * kSecond - 1).empty());
  EXPECT_EQ(supervisor.Step(Tick{}, 6 * kSecond), Acts{Act::kKill});
  EXPECT_EQ(supervisor.Step(kKilled, 6 * kSecond), Acts{Act::kSayFailed});
  EXPECT_EQ(supervisor.cause(), v1::FAILURE_CAUSE_SUBJECT);
  EXPECT_EQ(supervisor.failure(), "the handler hangs: no interval for too long");
}

TEST(HandlerSupervisor, MuteHandlerIsGivenUp) {
  HandlerSupervisor supervisor = After({Prepare{}});
  EXPECT_EQ(supervisor.Step(Tick{}, 20 * kSecond), Acts{Act::kKill});
  EXPECT_EQ(supervisor.Step(kKilled, 20 * kSecond), Acts{Act::kSayFailed});
}

TEST(HandlerSupervisor, EscalatesFromStopToTermToKill) {
  HandlerSupervisor supervisor = After({Prepare{}, Ready{}, Start{}, Stop{}});
  EXPECT_EQ(supervisor.Step(Tick{}, 10 * kSecond), Acts{Act::kTerminate});
  EXPECT_EQ(supervisor.Step(Tick{}, 12 * kSecond), Acts{Act::kKill});
  EXPECT_EQ(supervisor.Step(Tick{}, 17 * kSecond), Acts{Act::kSayFailed});
  EXPECT_EQ(supervisor.failure(), "the handler did not stop when told to");
}

TEST(HandlerSupervisor, AfterItsAccountItHasTwoSeconds) {
  HandlerSupervisor supervisor = After({Prepare{}, Ready{}, Start{}, Stop{}, Final{}});
  EXPECT_EQ(supervisor.Step(Tick{}, 2 * kSecond), Acts{Act::kTerminate});
  EXPECT_EQ(supervisor.Step(kKilled, 2 * kSecond), Acts{Act::kSayFailed});
  EXPECT_EQ(supervisor.failure(), "the handler did not end after its account");
}

// Whatever comes in whatever order: one spawn at a time, one last word, and it is said once time has passed.
TEST(HandlerSupervisor, AlwaysEndsWithOneWord) {
  const std::vector<HandlerEvent> kEvents = {Prepare{},      Start{0, {kSecond}},
                                             Stop{},         Ready{},
                                             Interval{},     EndOfSession{},
                                             Final{},        handler_event::Error{},
                                             kCrash,         kKilled,
                                             kCleanExit,     handler_event::Garbage{"x"},
                                             Tick{},         handler_event::SpawnFailed{"no"},
                                             NewGeneration{}};
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    Rng rng(seed);
    HandlerSupervisor supervisor(HandlerSupervisor::Options{});
    uint64_t now_ns = 0;
    int words = 0, living = 0;
    auto step = [&](const HandlerEvent& event) {
      if (std::holds_alternative<Exited>(event) && living == 0) return;
      if (std::holds_alternative<Exited>(event)) --living;
      for (HandlerAction action : supervisor.Step(event, now_ns)) {
        if (action == Act::kSpawn || action == Act::kSpawnAgain) ++living;
        if (action == Act::kSayDone || action == Act::kSayFailed) ++words;
      }
      ASSERT_LE(living, 1) << "seed " << seed;
    };
    step(Prepare{.late = false, .one_generation = seed % 2 == 0});
    for (int i = 0; i < 12; ++i) {
      now_ns += rng.Below(kSecond);
      step(kEvents[rng.Below(kEvents.size())]);
    }
    step(Stop{});
    for (int i = 0; i < 10; ++i) {
      now_ns += 20 * kSecond;
      step(Tick{});
    }
    ASSERT_EQ(words, 1) << "seed " << seed << " state " << static_cast<int>(supervisor.state());
  }
}

}  // namespace
}  // namespace feedfarm
