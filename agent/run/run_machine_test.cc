#include "agent/run/run_machine.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

constexpr uint64_t kEpoch = 5;
constexpr uint64_t kLease = 1'000;
constexpr uint64_t kNow = 100;

run_event::Desired Want(v1::DesiredPhase phase, uint64_t epoch = kEpoch) {
  run_event::Desired desired;
  desired.phase = phase;
  desired.epoch = epoch;
  desired.lease_remaining_ns = kLease;
  desired.can_prepare = true;
  if (phase == v1::DESIRED_PHASE_RUN) desired.start_unix_ns = 777;
  return desired;
}

const auto kPrepare = Want(v1::DESIRED_PHASE_PREPARE);
const auto kRun = Want(v1::DESIRED_PHASE_RUN);
const auto kStop = Want(v1::DESIRED_PHASE_STOP);
const auto kTearDown = Want(v1::DESIRED_PHASE_TEAR_DOWN);
const run_event::RoleFailed kCrash{v1::FAILURE_CAUSE_SUBJECT, "signal 11"};

// One letter a state, then one an action.
std::string Describe(const RunMachine& machine, const std::vector<RunAction>& actions) {
  static constexpr char kStates[] = "?PRXDFT";  // preparing, ready, running (X), done, failed, torn down
  std::string text(1, kStates[machine.state()]);
  for (RunAction action : actions) text += "psSUuf"[static_cast<int>(action)];
  return text;
}

RunMachine After(const std::vector<RunEvent>& events) {
  RunMachine machine(kEpoch);
  for (const RunEvent& event : events) machine.Step(event, kNow);
  return machine;
}

struct Scene {
  std::string name;
  std::function<RunMachine()> make;
};

std::vector<Scene> Scenes() {
  using namespace run_event;
  auto waiting = kPrepare;
  waiting.can_prepare = false;
  const std::vector<RunEvent> ready = {kPrepare, Prepared{}};
  const std::vector<RunEvent> running = {kPrepare, Prepared{}, kRun, Started{}};
  auto with = [](std::vector<RunEvent> events, std::vector<RunEvent> more) {
    events.insert(events.end(), more.begin(), more.end());
    return [events] { return After(events); };
  };
  return {
      {"new", with({}, {})},
      {"waiting", with({waiting}, {})},
      {"preparing", with({kPrepare}, {})},
      {"prep-stopped", with({kPrepare, kStop}, {})},
      {"ready", with(ready, {})},
      {"starting", with(ready, {kRun})},
      {"running", with(running, {})},
      {"stopping", with(running, {kStop})},
      {"done", with(running, {RoleDone{}})},
      {"done-sent", with(running, {RoleDone{}, TelemetryCollected{}, ArtifactsUploaded{}})},
      {"failed", with(running, {kCrash})},
      {"undoing", with(running, {kTearDown})},
      {"done-undoing", with(running, {RoleDone{}, TelemetryCollected{}, ArtifactsUploaded{}, kTearDown})},
      {"undone", with(running, {RoleDone{}, kTearDown, Undone{}})},
      {"torn-down", with(running, {RoleDone{}, TelemetryCollected{}, ArtifactsUploaded{}, kTearDown, Undone{}})},
      {"recovered", [] { return RunMachine::Recovered(kEpoch, {}); }},
      {"refused", [] { return RunMachine::Refused(kEpoch, 9); }},
  };
}

struct NamedEvent {
  std::string name;
  RunEvent event;
  uint64_t now_ns = kNow;
};

std::vector<NamedEvent> Events() {
  using namespace run_event;
  return {
      {"prepare", kPrepare},
      {"run", kRun},
      {"stop", kStop},
      {"teardown", kTearDown},
      {"old-epoch", Want(v1::DESIRED_PHASE_RUN, kEpoch - 1)},
      {"absent", Absent{}},
      {"overtaken", Overtaken{kEpoch + 1}},
      {"prepared", Prepared{}},
      {"started", Started{}},
      {"role-done", RoleDone{}},
      {"role-failed", kCrash},
      {"collected", TelemetryCollected{}},
      {"uploaded", ArtifactsUploaded{}},
      {"undone", Undone{}},
      {"tick", Tick{}, kNow + kLease - 1},
      {"lease-end", Tick{}, kNow + kLease},
      {"late-run", kRun, kNow + kLease},
      {"shutdown", Shutdown{}},
  };
}

// Rows: scenes. Columns: events. Cell: state after (PREPARING, READY, X = RUNNING, DONE, FAILED, TORN_DOWN), then the
// actions: p = prepare, s = start, S = stop, U = upload, u = undo, f = forget.
constexpr char kTable[] = R"(
scene         prepare  run  stop  teardown  old-epoch  absent  overtaken  prepared  started  role-done  role-failed  collected  uploaded  undone  tick  lease-end  late-run  shutdown
new           Pp       Pp   FU    FuU       P          Fu      FuU        P         P        P          P            P          P         P       P     P          Pp        FuU
waiting       Pp       Pp   FU    FuU       P          Fu      FuU        P         P        P          P            P          P         P       P     FuU        FuU       FuU
preparing     P        P    FSU   FuU       P          Fu      FuU        R         P        P          FU           P          P         P       P     FuU        FuU       FuU
prep-stopped  F        F    F     Fu        F          Fu      Fu         F         F        F          F            F          F         F       F     Fu         Fu        Fu
ready         R        Rs   FSU   FuU       R          Fu      FuU        R         R        R          FU           R          R         R       R     FuU        FuU       FuU
starting      R        R    RS    FuU       R          Fu      FuU        R         X        DU         FU           R          R         R       R     FuU        FuU       FuU
running       X        X    XS    FuU       X          Fu      FuU        X         X        DU         FU           X          X         X       X     FuU        FuU       FuU
stopping      X        X    X     FuU       X          Fu      FuU        X         X        DU         FU           X          X         X       X     FuU        FuU       FuU
done          D        D    D     Du        D          Du      Du         D         D        D          D            D          D         D       D     Du         Du        Du
done-sent     D        D    D     Du        D          Du      Du         D         D        D          D            D          D         D       D     Du         Du        Du
failed        F        F    F     Fu        F          Fu      Fu         F         F        F          F            F          F         F       F     Fu         Fu        Fu
undoing       F        F    F     F         F          F       F          F         F        F          F            F          F         F       F     F          F         F
done-undoing  D        D    D     D         D          D       D          D         D        D          D            D          D         T       D     D          D         D
undone        D        D    D     D         D          Tf      D          D         D        D          D            D          D         D       D     D          D         D
torn-down     T        T    T     T         T          Tf      T          T         T        T          T            T          T         T       T     T          T         T
recovered     FU       FU   FU    FU        FU         Tf      FU         FU        FU       FU         FU           FU         FU        FU      FU    FU         FU        FU
refused       F        F    F     T         F          Tf      T          F         F        F          F            F          F         F       F     F          F         T
)";

TEST(RunMachine, EveryStateAndEvent) {
  std::vector<std::string> expected = absl::StrSplit(kTable, '\n', absl::SkipWhitespace());
  ASSERT_EQ(expected.size(), Scenes().size() + 1);
  // The table is aligned for reading.
  for (std::string& line : expected) line = absl::StrJoin(absl::StrSplit(line, ' ', absl::SkipEmpty()), " ");
  std::string header = "scene";
  for (const NamedEvent& event : Events()) absl::StrAppend(&header, " ", event.name);
  EXPECT_EQ(expected[0], header);
  for (size_t row = 0; row < Scenes().size(); ++row) {
    const Scene scene = Scenes()[row];
    std::string line = scene.name;
    for (const NamedEvent& event : Events()) {
      RunMachine machine = scene.make();
      const std::vector<RunAction> actions = machine.Step(event.event, event.now_ns);
      absl::StrAppend(&line, " ", Describe(machine, actions));
    }
    EXPECT_EQ(expected[row + 1], line);
  }
}

TEST(RunMachine, EveryPairTwiceGivesNothingNew) {
  for (const Scene& scene : Scenes()) {
    for (const NamedEvent& event : Events()) {
      RunMachine machine = scene.make();
      machine.Step(event.event, event.now_ns);
      const v1::AgentRunState state = machine.state();
      EXPECT_TRUE(machine.Step(event.event, event.now_ns).empty()) << scene.name << " " << event.name;
      EXPECT_EQ(machine.state(), state) << scene.name << " " << event.name;
    }
  }
}

TEST(RunMachine, WaitsWithPrepareUntilItsInputsAreKnown) {
  RunMachine machine(kEpoch);
  auto waiting = kPrepare;
  waiting.can_prepare = false;
  EXPECT_TRUE(machine.Step(waiting, kNow).empty());
  EXPECT_EQ(machine.Step(kPrepare, kNow), std::vector<RunAction>{RunAction::kPrepare});
}

TEST(RunMachine, KeepsTheFirstFailure) {
  RunMachine machine = After({kPrepare, run_event::RoleFailed{v1::FAILURE_CAUSE_BAD_INPUT, "no such capture"}});
  machine.Step(kCrash, kNow);
  machine.Step(run_event::Shutdown{}, kNow);
  EXPECT_EQ(machine.failure_cause(), v1::FAILURE_CAUSE_BAD_INPUT);
  EXPECT_EQ(machine.failure(), "no such capture");
}

TEST(RunMachine, LeaseIsRenewedByEveryDesiredState) {
  RunMachine machine = After({kPrepare});
  machine.Step(kPrepare, kNow + kLease - 1);
  machine.Step(run_event::Tick{}, kNow + 2 * kLease - 2);
  EXPECT_EQ(machine.state(), v1::AGENT_RUN_STATE_PREPARING);
  machine.Step(run_event::Tick{}, kNow + 2 * kLease - 1);
  EXPECT_EQ(machine.failure_cause(), v1::FAILURE_CAUSE_LEASE);
}

TEST(RunMachine, LostLeaseKeepsAResultThatWasReached) {
  RunMachine machine = After({kPrepare, run_event::Prepared{}, kRun, run_event::Started{}, run_event::RoleDone{}});
  EXPECT_EQ(machine.Step(run_event::Tick{}, kNow + kLease), std::vector<RunAction>{RunAction::kUndo});
  EXPECT_EQ(machine.state(), v1::AGENT_RUN_STATE_DONE);
}

TEST(RunMachine, TornDownWaitsForCollectionButNotForEver) {
  RunMachine machine = After({kPrepare, run_event::Prepared{}, kTearDown, run_event::Undone{{"veth left"}}});
  EXPECT_EQ(machine.state(), v1::AGENT_RUN_STATE_FAILED);
  machine.Step(run_event::Tick{}, kNow + RunMachine::kCollectGraceNs);
  EXPECT_EQ(machine.state(), v1::AGENT_RUN_STATE_TORN_DOWN);
  EXPECT_EQ(machine.residue(), std::vector<std::string>{"veth left"});
}

TEST(RunMachine, StartTimeIsFixedOnceStartIsGiven) {
  RunMachine machine = After({kPrepare, run_event::Prepared{}, kRun});
  auto other = kRun;
  other.start_unix_ns = 999;
  machine.Step(other, kNow);
  EXPECT_EQ(machine.start_unix_ns(), 777u);
}

}  // namespace
}  // namespace feedfarm
