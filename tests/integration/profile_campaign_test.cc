// The local profiles as campaigns: through coordinator, agents and feedfarm-profile, with gates, artifacts and report.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/control/record_line.h"
#include "tests/support/lab_test.h"

namespace feedfarm {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr char kProgram[] = "feedfarm-profile";

std::string Read(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// One that goes on for hours, on the host.
std::string Endless(const std::string& host, const std::string& timeout = "1h") {
  return absl::StrCat("  - name: endless-", host, "\n    timeout: ", timeout,
                      "\n    profile: {pool-soak: {rounds: 1000000000000}}\n    placement: {profile: {host: ", host,
                      "}}\n");
}

std::string Campaign(const std::string& scenarios) { return absl::StrCat("campaign: alone\nscenarios:\n", scenarios); }

class ProfileCampaign : public LabTest {
 protected:
  void TearDown() override {
    if (lab_ == nullptr) return;
    ExpectNothingLeft();
    // The next case finds both hosts fit.
    EXPECT_TRUE(Lab::Eventually([&] {
      const auto hosts = lab_->Hosts();
      return std::count_if(hosts.begin(), hosts.end(), [](const v1::HostStatus& host) {
               return host.health() == v1::HOST_HEALTH_FIT && host.run_id().empty();
             }) == 2;
    }));
  }

  void ExpectNothingLeft() {
    EXPECT_TRUE(Lab::Eventually([&] { return lab_->Residue().empty(); }, 15)) << lab_->Residue();
    // What a profile keeps while it runs lies in its run's folder, which goes with the run.
    for (const char* host : {"src", "dut"}) {
      EXPECT_TRUE(Lab::Eventually([&] { return fs::is_empty(fs::path(lab_->folder()) / host / "runs"); }, 15)) << host;
    }
  }

  // Submits, and returns when profiles run on these hosts at one time.
  void StartRuns(const std::string& yaml, const std::vector<std::string>& hosts) {
    submit_ = *BackgroundCommand::Start(lab_->FeedfarmCommand({"submit", lab_->WriteCampaign(yaml), "--wait"}));
    ASSERT_TRUE(Lab::Eventually([&] {
      return std::all_of(hosts.begin(), hosts.end(),
                         [&](const std::string& host) { return lab_->Processes(host, kProgram).size() == 1; });
    })) << lab_->Status(lab_->NewestCampaign()).DebugString();
  }

  v1::CampaignStatus Finished() {
    v1::CampaignStatus status;
    EXPECT_TRUE(Lab::Eventually([&] {
      status = lab_->Status(lab_->NewestCampaign());
      return status.finished();
    })) << status.DebugString();
    return status;
  }

  std::unique_ptr<BackgroundCommand> submit_;
};

TEST_F(ProfileCampaign, AllFourPassAndAreReported) {
  const auto outcome = lab_->RunCampaignFile("tests/campaigns/profiles.yaml");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err << outcome.status.DebugString();
  EXPECT_EQ(outcome.Run("soak").profile().profile(), "pool-soak");
  for (const v1::RunStatus& run : outcome.status.runs()) EXPECT_NE(run.profile_host(), "");

  const fs::path folder = fs::path(::testing::TempDir()) / "profiles";
  ASSERT_EQ(lab_->Feedfarm({"report", outcome.status.campaign_id(), "--out", folder.string()}).exit_code, 0);
  EXPECT_THAT(Read(folder / "report.txt"), HasSubstr("no figures of production"));
  const auto report = nlohmann::json::parse(Read(folder / "report.json"));
  ASSERT_EQ(report["runs"].size(), 5u);
  for (const auto& run : report["runs"]) {
    EXPECT_EQ(run["profile"]["values"]["not_production"], "true");
    EXPECT_NE(run["profile"]["values"]["host_class"], "");
    EXPECT_EQ(run["profile"]["status"] == "ok" || run["profile"]["profile"] == "pool-soak", true) << run;
    const fs::path files = folder / run["files"].get<std::string>();
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(files)) names.insert(entry.path().filename());
    EXPECT_EQ(names, (std::set<std::string>{"agent-profile.log", "manifest.json", "profile.log",
                                            "profile_manifest.json", "proof.json", "summary.json", "summary.txt"}));
    // The line as the profile printed it, which parses back.
    const auto line = RecordLine::Parse("profile " + std::string(absl::StripSuffix(Read(files / "summary.txt"), "\n")));
    ASSERT_TRUE(line.ok()) << line.status();
    EXPECT_EQ(line->Find("profile"), run["profile"]["profile"].get<std::string>());
    const auto manifest = nlohmann::json::parse(Read(files / "manifest.json"));
    const auto own = nlohmann::json::parse(Read(files / "profile_manifest.json"));
    EXPECT_EQ(manifest["handler_digest"], own["binary_sha256"]);
    EXPECT_EQ(manifest["commit"], own["commit"]);
    EXPECT_EQ(manifest["profile_host"]["name"], run["profile_host"]);
    EXPECT_EQ(own["seed"].get<uint64_t>(), run["seed"].get<uint64_t>());
  }
}

TEST_F(ProfileCampaign, ABrokenGateEndsWithItsCode) {
  struct Case {
    const char* gate;
    int exit_code;
    v1::Verdict verdict;
  };
  for (const Case& c : std::vector<Case>{
           {"profile[events] == 5", 10, v1::VERDICT_FAILED},
           {"profile[messages_per_second] > 1000000000000", 99, v1::VERDICT_BREACHED},
           {"profile[missing] == 0", 0, v1::VERDICT_PASSED},
       }) {
    const auto outcome = lab_->RunCampaign(Campaign(
        absl::StrCat("  - name: one\n    profile: {local-core: {messages: 20000}}\n    gates: [\"", c.gate, "\"]\n")));
    EXPECT_EQ(outcome.exit_code, c.exit_code) << outcome.err;
    EXPECT_EQ(outcome.Run("one").verdict(), c.verdict) << outcome.status.DebugString();
  }
}

TEST_F(ProfileCampaign, CancelInMidRunLeavesNothing) {
  StartRuns(Campaign(Endless("dut")), {"dut"});
  submit_->Signal(SIGINT);
  EXPECT_EQ(submit_->Wait(30).exit_code, 130);
  EXPECT_EQ(Finished().verdict(), v1::VERDICT_CANCELLED);
}

TEST_F(ProfileCampaign, AKilledProfileIsItsOwnFailure) {
  StartRuns(Campaign(Endless("dut")), {"dut"});
  kill(lab_->Processes("dut", kProgram)[0], SIGKILL);
  EXPECT_EQ(submit_->Wait(30).exit_code, 10);
  const auto status = Finished();
  EXPECT_EQ(status.verdict(), v1::VERDICT_FAILED) << status.DebugString();
  EXPECT_THAT(status.runs(0).result().reasons(), Contains(HasSubstr("the profile ended with signal 9")));
}

TEST_F(ProfileCampaign, AHangIsATimeoutOfTheFarm) {
  StartRuns(Campaign(Endless("dut", "2s")), {"dut"});
  EXPECT_EQ(submit_->Wait(60).exit_code, 11);
  const auto status = Finished();
  EXPECT_THAT(status.runs(0).result().reasons(), Contains(HasSubstr("timeout of 2s: profile is running")));
}

TEST_F(ProfileCampaign, Kill9OfTheAgentLeavesNothing) {
  StartRuns(Campaign(Endless("dut")), {"dut"});
  kill(lab_->Daemon("dut"), SIGKILL);
  // Before any restart: the kernel's doing.
  EXPECT_TRUE(Lab::Eventually([&] { return lab_->Processes("dut", kProgram).empty(); }));
  lab_->Restart("dut");
  EXPECT_EQ(submit_->Wait(60).exit_code, 11);
  EXPECT_EQ(Finished().verdict(), v1::VERDICT_INFRASTRUCTURE_ERROR);
}

TEST_F(ProfileCampaign, ACoordinatorThatDiesGoesOn) {
  StartRuns(Campaign("  - name: one\n    profile: {pool-soak: {rounds: 3000000}}\n"
                     "    gates: [\"profile[misses] == 0\"]\n    placement: {profile: {host: dut}}\n"),
            {"dut"});
  kill(lab_->Daemon("coordinator"), SIGKILL);
  ASSERT_TRUE(Lab::Eventually([&] { return lab_->Daemon("coordinator") == 0; }));
  lab_->Restart("coordinator");
  ASSERT_TRUE(Lab::Eventually([&] { return !lab_->NewestCampaign().empty(); }));
  EXPECT_EQ(Finished().verdict(), v1::VERDICT_PASSED);
}

TEST_F(ProfileCampaign, TwoHostsRunTwoAtATime) {
  StartRuns(Campaign(Endless("src") + Endless("dut")), {"src", "dut"});
  submit_->Signal(SIGINT);
  EXPECT_EQ(submit_->Wait(30).exit_code, 130);
  Finished();
}

// The host is the profile's alone: what waits for it begins after its end, in both orders.
TEST_F(ProfileCampaign, AProfileAndAFeedNeverShareAHost) {
  const std::string profile =
      "  - name: alone-N\n    profile: {pool-soak: {rounds: 200000}}\n    gates: [\"profile[misses] == 0\"]\n"
      "    placement: {profile: {host: dut}}\n";
  const std::string feed =
      "  - name: feed-N\n    traffic: {synthetic: {messages: 20000, symbols: 100}}\n"
      "    gates: [messages == sent_messages]\n";
  std::string scenarios;
  for (const char* number : {"1", "2"}) {
    for (std::string scenario : {profile, feed}) {
      scenario.replace(scenario.find("-N") + 1, 1, number);
      scenarios += scenario;
    }
  }
  const std::string newest = lab_->NewestCampaign();
  const int before = newest.empty() ? 0 : std::stoi(newest.substr(1));
  // Two campaigns at once, so that either kind waits for the other.
  auto other =
      *BackgroundCommand::Start(lab_->FeedfarmCommand({"submit", lab_->WriteCampaign(Campaign(scenarios)), "--wait"}));
  const auto outcome = lab_->RunCampaign(Campaign(scenarios));
  EXPECT_EQ(other->Wait().exit_code, 0);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  std::vector<v1::RunStatus> runs;
  for (const int number : {before + 1, before + 2}) {
    const v1::CampaignStatus status = lab_->Status(absl::StrCat("c", number));
    runs.insert(runs.end(), status.runs().begin(), status.runs().end());
  }
  ASSERT_EQ(runs.size(), 8u);
  // All of them are on dut.
  std::sort(runs.begin(), runs.end(), [](const v1::RunStatus& a, const v1::RunStatus& b) {
    return a.result().started_unix_ns() < b.result().started_unix_ns();
  });
  for (size_t i = 1; i < runs.size(); ++i) {
    EXPECT_GE(runs[i].result().started_unix_ns(), runs[i - 1].result().finished_unix_ns())
        << runs[i - 1].run_id() << " and " << runs[i].run_id();
  }
}

TEST_F(ProfileCampaign, TheCommandLineRunsOneOnAHost) {
  const CommandResult result = lab_->Feedfarm({"profile", "local-core", "20000", "--host", "dut"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_TRUE(absl::StartsWith(result.out, "schema=feedfarm.profile.v1 profile=local-core status=ok campaign=c"))
      << result.out;
  const auto line = RecordLine::Parse(absl::StrCat("profile ", absl::StripSuffix(result.out, "\n")));
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->Find("host"), "dut");
  EXPECT_EQ(line->Find("not_production"), "true");
  EXPECT_EQ(lab_->Feedfarm({"profile", "local-core", "--host", "far"}).exit_code, 4);
  EXPECT_EQ(lab_->Feedfarm({"profile", "local-core", "0", "--farm"}).exit_code, 2);
  for (const char* name : {"local-core", "rx-proof", "pool-soak", "rx-probe"}) {
    const CommandResult shown = lab_->Feedfarm({"profile", name, "--show"});
    ASSERT_EQ(shown.exit_code, 0) << shown.err;
    const CommandResult planned = lab_->Feedfarm({"plan", lab_->WriteCampaign(shown.out)});
    EXPECT_EQ(planned.exit_code, 0) << name << planned.out << planned.err;
    EXPECT_THAT(planned.out, HasSubstr(absl::StrCat("profile ", name, " ")));
  }
}

}  // namespace
}  // namespace feedfarm
