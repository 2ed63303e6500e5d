// A search over loads through coordinator, agents and veth: what the source can offer far below and far above the handler's capacity.
#include <signal.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/lab_test.h"

namespace feedfarm {
namespace {

std::string Campaign(const std::string& search, const std::string& gates) {
  return absl::StrCat(R"(campaign: rates
seed: 3
scenarios:
  - name: search
    placement: {source: {host: src}, handler: {host: dut}}
    traffic: {synthetic: {symbols: 50, messages_per_packet: 1}}
    rate_search: )",
                      search, "\n    gates: [", gates, "]\n");
}

class RateSearchInTheLab : public CleanLabTest {};

// Far below what anything here can do: max load passes, which is an answer of at least that.
TEST_F(RateSearchInTheLab, LowLoadsPassAtMaxLoad) {
  const auto outcome = lab_->RunCampaign(
      Campaign("{min: 1kpps, max: 5kpps, goals: [ndr, strict], lateness: 200ms, width: 10%, "
               "trial: {initial: 200ms, final: 300ms, sum: 300ms, strict: 600ms}}",
               "ndr_pps >= 5000, strict_pps >= 5000"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err << outcome.out;
  const v1::RunResult& run = outcome.Run("search");
  EXPECT_EQ(run.verdict(), v1::VERDICT_PASSED);
  ASSERT_EQ(run.rate_search().goals_size(), 2) << run.DebugString();
  for (const v1::GoalAnswer& goal : run.rate_search().goals()) {
    EXPECT_EQ(goal.end(), "at least: max load passed");
    EXPECT_EQ(goal.lower_pps(), 5000);
    EXPECT_TRUE(goal.at_least());
  }
  for (const v1::TrialOutcome& trial : run.rate_search().trials()) {
    EXPECT_EQ(trial.lost_packets(), 0u) << trial.DebugString();
    EXPECT_EQ(trial.sent_packets(), 2 * static_cast<uint64_t>(5000 * (static_cast<double>(trial.duration_ns()) / 1e9) + 0.5));
  }
  // The report says the same, in text and JSON.
  EXPECT_NE(outcome.out.find("Rate searches"), std::string::npos) << outcome.out;
  std::ifstream file(outcome.status.report_path() + "/report.json");
  std::stringstream text;
  text << file.rdbuf();
  const auto json = nlohmann::json::parse(text.str());
  EXPECT_EQ(json["runs"][0]["rate_search"]["goals"][0]["lower_pps"], 5000);
  EXPECT_EQ(json["runs"][0]["rate_search"]["trials"].size(), static_cast<size_t>(run.rate_search().trials_size()));
}

// No source here sends this much: whatever the search found, it is at most what was offered, and a gate above it is undecided.
TEST_F(RateSearchInTheLab, LoadsBeyondTheGeneratorAreNeverAnAnswer) {
  const auto outcome = lab_->RunCampaign(Campaign("{min: 2kpps, max: 30Mpps, goals: [ndr], lateness: 2ms, width: 30%, trials_max: 12, "
                                                  "trial: {initial: 100ms, final: 200ms, sum: 200ms}}",
                                                  "ndr_pps >= 30000000"));
  const v1::RunResult& run = outcome.Run("search");
  const v1::RateSearchResult& search = run.rate_search();
  ASSERT_EQ(search.goals_size(), 1) << run.DebugString();
  EXPECT_GT(search.generator_limit_pps(), 0);
  EXPECT_LT(search.goals(0).lower_pps(), search.generator_limit_pps());
  // A gate above the answer breaks only where loss was found below the generator's limit.
  const bool open = search.goals(0).at_least() || search.goals(0).no_data();
  EXPECT_EQ(run.verdict(), open ? v1::VERDICT_INCONCLUSIVE : v1::VERDICT_BREACHED) << run.DebugString();
  EXPECT_EQ(outcome.exit_code, open ? 20 : 99);
}

// The trials made so far are in the store: the search goes on from them.
TEST_F(RateSearchInTheLab, GoesOnAfterTheCoordinatorWasKilled) {
  const std::string file = lab_->WriteCampaign(
      Campaign("{min: 1kpps, max: 5kpps, goals: [ndr], lateness: 200ms, trial: {initial: 200ms, final: 300ms, sum: 1500ms}}",
               "ndr_pps >= 5000"));
  const std::string before = lab_->NewestCampaign();
  const CommandResult submitted = lab_->Feedfarm({"submit", file});
  ASSERT_EQ(submitted.exit_code, 0) << submitted.err;
  const std::string id = lab_->NewestCampaign();
  ASSERT_NE(id, before);
  ASSERT_TRUE(Lab::Eventually([&] {
    const v1::CampaignStatus status = lab_->Status(id);
    return status.runs_size() == 1 && status.runs(0).trial() >= 2;
  }));
  kill(lab_->Daemon("coordinator"), SIGKILL);
  lab_->Restart("coordinator");
  ASSERT_TRUE(Lab::Eventually([&] { return lab_->Status(id).finished(); }, 60));
  const v1::RunResult run = lab_->Status(id).runs(0).result();
  EXPECT_EQ(run.verdict(), v1::VERDICT_PASSED) << run.DebugString();
  for (int i = 0; i < run.rate_search().trials_size(); ++i) {
    EXPECT_EQ(run.rate_search().trials(i).load_pps(), 5000) << i;
  }
}

TEST_F(RateSearchInTheLab, CancelEndsItWithItsTrial) {
  const std::string file =
      lab_->WriteCampaign(Campaign("{min: 1kpps, max: 5kpps, trial: {initial: 2s, final: 2s, sum: 20s, strict: 5s}}", "ndr_pps > 0"));
  ASSERT_EQ(lab_->Feedfarm({"submit", file}).exit_code, 0);
  const std::string id = lab_->NewestCampaign();
  ASSERT_TRUE(Lab::Eventually([&] {
    const v1::CampaignStatus status = lab_->Status(id);
    return status.runs_size() == 1 && status.runs(0).activity().find("traffic") != std::string::npos;
  }));
  EXPECT_NE(lab_->Status(id).runs(0).activity().find("trial 1 at 5 kpps for 2s"), std::string::npos)
      << lab_->Status(id).runs(0).activity();
  EXPECT_EQ(lab_->Feedfarm({"cancel", id}).exit_code, 0);
  ASSERT_TRUE(Lab::Eventually([&] { return lab_->Status(id).finished(); }));
  EXPECT_EQ(lab_->Status(id).verdict(), v1::VERDICT_CANCELLED);
}

}  // namespace
}  // namespace feedfarm
