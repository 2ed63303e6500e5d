#include <string>

#include "absl/strings/str_cat.h"
#include "coordinator/campaign/campaign_parser.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

CampaignOrDiagnostics Parse(const std::string& fields) {
  return ParseCampaign("/test.yaml", absl::StrCat("campaign: test\nscenarios:\n  - name: one\n", fields));
}

constexpr char kTraffic[] = "    traffic: {synthetic: {symbols: 100}}\n";

TEST(RateSearchParser, FillsEveryDefault) {
  const auto parsed = Parse(absl::StrCat(kTraffic, "    rate_search: {max: 2Mpps}\n"));
  ASSERT_TRUE(parsed.ok()) << parsed.diagnostics[0].DebugString();
  const v1::Scenario& scenario = parsed.campaign.scenarios(0);
  const v1::RateSearch& search = scenario.rate_search();
  EXPECT_EQ(search.min_pps(), 10e3);
  EXPECT_EQ(search.max_pps(), 2e6);
  EXPECT_THAT(search.goals(), ElementsAre("ndr", "pdr", "strict"));
  EXPECT_EQ(search.width(), 0.005);
  EXPECT_EQ(search.pdr_loss_ratio(), 0.005);
  EXPECT_EQ(search.initial_trial_ns(), 1'000'000'000u);
  EXPECT_EQ(search.final_trial_ns(), 1'000'000'000u);
  EXPECT_EQ(search.strict_trial_ns(), 5'000'000'000u);
  EXPECT_EQ(search.duration_sum_ns(), 11'000'000'000u);
  EXPECT_EQ(search.exceed_ratio(), 0.5);
  EXPECT_EQ(search.trials_max(), 200u);
  EXPECT_EQ(search.lateness_max_ns(), 5'000'000u);
  EXPECT_FALSE(scenario.traffic().has_rate_pps());
  EXPECT_EQ(scenario.traffic().synthetic().messages(), 0u);
  ASSERT_EQ(scenario.gates_size(), 3);
  EXPECT_EQ(scenario.gates(1).expression(), "pdr_pps > 0");
}

TEST(RateSearchParser, TakesWhatIsGiven) {
  const auto parsed = Parse(absl::StrCat(
      kTraffic,
      "    rate_search: {min: 5kpps, max: 1Mpps, goals: [strict, ndr], width: 2%, pdr_loss: 1%, trials_max: 9, lateness: 1ms,\n"
      "      trial: {initial: 100ms, final: 2s, sum: 6s, exceed: 0%, strict: 10s}, link_mbps: 1000, frame_bytes: 64}\n"
      "    gates: [ndr_pps >= 300000, strict_pps <= ndr_pps]\n"));
  ASSERT_TRUE(parsed.ok()) << parsed.diagnostics[0].DebugString();
  const v1::RateSearch& search = parsed.campaign.scenarios(0).rate_search();
  EXPECT_THAT(search.goals(), ElementsAre("strict", "ndr"));
  EXPECT_EQ(search.duration_sum_ns(), 6'000'000'000u);
  EXPECT_EQ(search.exceed_ratio(), 0);
  EXPECT_EQ(search.strict_trial_ns(), 10'000'000'000u);
  EXPECT_EQ(search.frame_bytes(), 64u);
}

TEST(RateSearchParser, RefusesWhatMakesNoSense) {
  struct Case {
    std::string fields;
    const char* message;
  };
  const std::string search = "    rate_search: {max: 1Mpps}\n";
  const Case cases[] = {
      {absl::StrCat(kTraffic, "    rate_search: {min: 1kpps}\n"), "max"},
      {absl::StrCat(kTraffic, "    rate_search: {min: 2Mpps, max: 1Mpps}\n"), "below max load"},
      {absl::StrCat(kTraffic, "    rate_search: {max: 1Mpps, goals: [nrd]}\n"), "the goals are ndr, pdr and strict"},
      {absl::StrCat(kTraffic, "    rate_search: {max: 1Mpps, goals: [ndr, ndr]}\n"), "is there twice"},
      {absl::StrCat(kTraffic, "    rate_search: {max: 1Mpps, widht: 1%}\n"), "widht"},
      {absl::StrCat(kTraffic, "    rate_search: {max: 1Mpps, width: 60%}\n"), "width must be"},
      {absl::StrCat(kTraffic, "    rate_search: {max: 1Mpps, trial: {exceed: 100%}}\n"), "exceed ratio"},
      {absl::StrCat(kTraffic, "    rate_search: {max: 1Mpps, trial: {initial: 2s}}\n"), "initial trial"},
      {absl::StrCat(kTraffic, "    rate_search: {max: 15Mpps, link_mbps: 10000, frame_bytes: 64, goals: [ndr]}\n"),
       "15 Mpps is impossible: the line rate of 64-byte frames is 10000 Mbit/s / ((64 + 20) * 8 bits) = 14.88 Mpps"},
      {absl::StrCat(kTraffic, "    rate_search: {max: 1Mpps, link_mbps: 10000}\n"), "together"},
      {absl::StrCat(kTraffic, "    rate_search: {max: 4Mpps}\n"), "20000000 packets a line"},
      {absl::StrCat(kTraffic, "    rate_search: {max: 1Mpps, min: 10pps}\n"), "100 symbols need 140"},
      {absl::StrCat(kTraffic, "    timeout: 5s\n", search), "the timeout of a trial, 5s, is not longer"},
      {absl::StrCat("    traffic: {synthetic: {}, rate: 1kpps}\n", search), "sets the rate itself"},
      {absl::StrCat("    traffic: {synthetic: {messages: 100}}\n", search), "sets the number of messages itself"},
      {absl::StrCat("    traffic: {capture: {path: /a.pcap}}\n", search), "needs traffic of any length"},
      {absl::StrCat(kTraffic, search, "    faults: [{at: 1ms, gap: {messages: 1}}]\n"), "has no faults"},
      {absl::StrCat(kTraffic, search, "    gates: [duplicates == 0]\n"), "answers only ndr_pps"},
      {absl::StrCat(kTraffic, search, "    gates: [ndr_pps == messages]\n"), "answers only ndr_pps"},
      {absl::StrCat(kTraffic, "    gates: [ndr_pps > 0]\n"), "only a scenario with rate_search"},
  };
  for (const Case& one : cases) {
    const auto parsed = Parse(one.fields);
    ASSERT_FALSE(parsed.ok()) << one.fields;
    std::string all;
    for (const v1::Diagnostic& diagnostic : parsed.diagnostics) absl::StrAppend(&all, diagnostic.message(), "\n");
    EXPECT_THAT(all, HasSubstr(one.message)) << one.fields;
  }
}

}  // namespace
}  // namespace feedfarm
