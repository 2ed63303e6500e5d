// Profiles as a user runs them: the local ones alone, the target ones through coordinator, agents and veth.
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "pipeline/control/record_line.h"
#include "tests/support/lab_test.h"

namespace feedfarm {
namespace {

namespace fs = std::filesystem;

nlohmann::json ReadJson(const fs::path& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
}

// The result line, which must parse back.
RecordLine Parse(const CommandResult& result) {
  const auto line = RecordLine::Parse(absl::StrCat("profile ", absl::StripSuffix(result.out, "\n")));
  EXPECT_TRUE(line.ok()) << line.status() << "\n" << result.out << result.err;
  return line.ok() ? *line : RecordLine("none");
}

std::string Reasons(const RecordLine& line) { return std::string(line.Find("reasons").value_or("")); }

class ProfileInTheLab : public CleanLabTest {};

TEST_F(ProfileInTheLab, LocalOnesHold) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"local-core", "50000"}, {"rx-proof", "30000"}, {"rx-probe", "2000", "64", "32", "software"}}) {
    std::vector<std::string> command = {"profile"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const CommandResult result = lab_->Feedfarm(command);
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    EXPECT_TRUE(
        absl::StartsWith(result.out, absl::StrCat("schema=feedfarm.profile.v1 profile=", arguments[0], " status=ok ")))
        << result.out;
    EXPECT_EQ(Parse(result).Find("not_production"), "true");
  }
  // A page fault in it is the host's matter: a service level.
  const CommandResult soak = lab_->Feedfarm({"profile", "pool-soak", "4096", "2048", "1000", "64"});
  EXPECT_TRUE(soak.exit_code == 0 || soak.exit_code == 99) << soak.out << soak.err;
  EXPECT_EQ(Parse(soak).Find("operations"), "64000");
}

TEST_F(ProfileInTheLab, TheFolderHoldsSummaryManifestAndProof) {
  const fs::path folder = fs::path(testing::TempDir()) / "profile" / "out";
  const CommandResult result = lab_->Feedfarm({"profile", "rx-proof", "30000", "--json", "--out", folder.string()});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_EQ(nlohmann::json::parse(result.out), ReadJson(folder / "summary.json"));
  const nlohmann::json proof = ReadJson(folder / "proof.json");
  EXPECT_EQ(proof["state_hash"], proof["state_hash.must_be"]);
  EXPECT_EQ(proof["journal_state_hash"], proof["state_hash"]);
  const nlohmann::json manifest = ReadJson(folder / "manifest.json");
  for (const char* key : {"commit", "dirty", "compiler", "binary_sha256", "allocator", "kernel", "cpu",
                          "timestamp_source", "config_sha256", "seed", "artifact_path", "started"}) {
    EXPECT_TRUE(manifest.contains(key)) << key;
  }
  EXPECT_EQ(manifest["binary_sha256"].get<std::string>().size(), 64u);
  std::ifstream text(folder / "summary.txt");
  std::stringstream line;
  line << text.rdbuf();
  EXPECT_TRUE(absl::StartsWith(line.str(), "schema=feedfarm.profile.v1 profile=rx-proof status=ok ")) << line.str();
}

TEST_F(ProfileInTheLab, UsageErrorsAndImpossibleTargetsExitTwo) {
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"profile"}, {"profile", "nope"}, {"profile", "pool-soak", "x"}, {"profile", "target-rx", "40gbe"}}) {
    const CommandResult result = lab_->Feedfarm(command);
    EXPECT_EQ(result.exit_code, 2) << result.out;
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err, "");
  }
  const CommandResult impossible = lab_->Feedfarm({"profile", "target-rx", "25gbe", "38Mpps", "64"});
  EXPECT_EQ(impossible.exit_code, 2);
  const RecordLine line = Parse(impossible);
  EXPECT_EQ(line.Find("status"), "impossible");
  EXPECT_TRUE(absl::StrContains(Reasons(line), "25000 Mbit/s / ((64 + 20) * 8 bits) = 37.2 Mpps")) << impossible.out;
}

// Nobody sends line rate through veth on a few cores: the profile says what was reached, and never ok.
TEST_F(ProfileInTheLab, LineRateIsInconclusiveHere) {
  const CommandResult result = lab_->Feedfarm({"profile", "target-rx", "25gbe"});
  EXPECT_EQ(result.exit_code, 20) << result.out << result.err;
  const RecordLine line = Parse(result);
  EXPECT_EQ(line.Find("status"), "inconclusive");
  EXPECT_TRUE(line.Find("sent_pps").has_value());
  EXPECT_TRUE(absl::StrContains(Reasons(line), "did not make 23.67 Mpps")) << result.out;
}

TEST_F(ProfileInTheLab, AModestRateIsJudged) {
  const CommandResult result = lab_->Feedfarm({"profile", "target-rx", "10gbe", "2kpps", "112", "500ms"});
  const RecordLine line = Parse(result);
  // Latency is the machine's matter here; what is delivered is not.
  EXPECT_TRUE(result.exit_code == 0 || result.exit_code == 20 || result.exit_code == 99) << result.out << result.err;
  EXPECT_EQ(line.Find("messages"), line.Find("sent_messages"));
  EXPECT_EQ(line.Find("duplicates"), "0");
}

TEST_F(ProfileInTheLab, FailoverAndRecovery) {
  const CommandResult result = lab_->Feedfarm({"profile", "target-failover-recovery", "10ms"});
  const RecordLine line = Parse(result);
  // How long it takes on a busy machine is the machine's matter.
  EXPECT_TRUE(result.exit_code == 0 || result.exit_code == 99) << result.out << result.err;
  EXPECT_EQ(line.Find("gaps"), "1") << result.out;
  EXPECT_EQ(line.Find("recovered_messages"), "1000");
  EXPECT_TRUE(line.Find("failover_ms").has_value());
  EXPECT_TRUE(line.Find("recovery_ms").has_value());
  EXPECT_EQ(line.Find("pool_available"), line.Find("pool_size"));
}

TEST_F(ProfileInTheLab, PersistenceGoesOnFromTheJournal) {
  const fs::path folder = fs::path(testing::TempDir()) / "persistence";
  const CommandResult result = lab_->Feedfarm({"profile", "target-persistence", "--out", folder.string()});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  const RecordLine line = Parse(result);
  EXPECT_NE(line.Find("journal_restored_messages"), "0") << result.out;
  EXPECT_EQ(line.Find("handler_restarts"), "1");
  EXPECT_EQ(line.Find("anchored"), "true");
  // The hosts and their NICs are the farm's to know.
  const nlohmann::json manifest = ReadJson(folder / "manifest.json");
  EXPECT_EQ(manifest["timestamp_source"], "software");
  // Command and handler are of one build here, and each says its own.
  const nlohmann::json farm_manifest = ReadJson(folder / "farm_manifest.json");
  for (const char* key : {"commit", "dirty", "compiler", "allocator"}) EXPECT_EQ(farm_manifest[key], manifest[key]) << key;
  EXPECT_EQ(line.Find("non_monotonic_sequences"), "0");
}

// What a profile runs can be kept and submitted.
TEST_F(ProfileInTheLab, ShowGivesACampaign) {
  for (const char* name : {"target-rx", "target-failover-recovery", "target-persistence"}) {
    const CommandResult shown = lab_->Feedfarm({"profile", name, "--show"});
    ASSERT_EQ(shown.exit_code, 0) << shown.err;
    const CommandResult planned = lab_->Feedfarm({"plan", lab_->WriteCampaign(shown.out)});
    EXPECT_EQ(planned.exit_code, 0) << name << planned.out << planned.err;
  }
}

}  // namespace
}  // namespace feedfarm
