#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "coordinator/campaign/campaign_parser.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/profile/profile_catalog.h"

namespace feedfarm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// "line:column message" of each diagnostic.
std::vector<std::string> Problems(const std::string& text) {
  std::vector<std::string> out;
  for (const v1::Diagnostic& diagnostic : ParseCampaign("/p.yaml", text).diagnostics) {
    out.push_back(absl::StrCat(diagnostic.line(), ":", diagnostic.column(), " ", diagnostic.message()));
  }
  return out;
}

// Fields of the one scenario stand from line 4 on, indented by four.
std::string WithScenario(const std::string& fields) {
  return absl::StrCat("campaign: test\nscenarios:\n  - name: one\n", fields);
}

std::string Arguments(const v1::Scenario& scenario) {
  std::string text = scenario.profile().name();
  for (const v1::ProfileArgument& argument : scenario.profile().arguments()) {
    absl::StrAppend(&text, " ", argument.name(), "=", argument.value());
  }
  return text;
}

TEST(ProfileParser, FillsDefaultsAndTheProfilesOwnGates) {
  for (const LocalProfile& profile : LocalProfiles()) {
    const std::string text = WithScenario(absl::StrCat("    profile: {", profile.name, ": {}}\n"));
    ASSERT_THAT(Problems(text), IsEmpty()) << profile.name;
    const v1::Scenario scenario = ParseCampaign("/p.yaml", text).campaign.scenarios(0);
    ASSERT_EQ(static_cast<size_t>(scenario.profile().arguments_size()), profile.arguments.size());
    for (size_t i = 0; i < profile.arguments.size(); ++i) {
      EXPECT_EQ(scenario.profile().arguments(static_cast<int>(i)).value(), profile.arguments[i].initial);
    }
    EXPECT_EQ(static_cast<size_t>(scenario.gates_size()), profile.rules.size());
    EXPECT_TRUE(scenario.placement().has_profile()) << "it asks for one host";
    EXPECT_FALSE(scenario.has_traffic());
  }
  const auto parsed = ParseCampaign("/p.yaml", WithScenario("    profile: {pool-soak:}\n"));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed.campaign.scenarios(0).gates(3).expression(), "profile[pool_available] == profile[pool_size]");
}

TEST(ProfileParser, TakesWhatIsGiven) {
  const auto parsed = ParseCampaign("/p.yaml", WithScenario(R"(    profile: {rx-probe: {packets: 7, class: hardware}}
    repetitions: 3
    timeout: 5s
    placement: {profile: {host: dut, cpus_min: 2}}
    gates: ["profile[missing] == 0", "profile[p99_ns.software] < 50us"]
)"));
  ASSERT_TRUE(parsed.ok()) << parsed.diagnostics[0].message();
  const v1::Scenario& scenario = parsed.campaign.scenarios(0);
  EXPECT_EQ(Arguments(scenario), "rx-probe packets=7 size=64 batch=32 class=hardware");
  EXPECT_EQ(scenario.repetitions(), 3u);
  EXPECT_EQ(scenario.timeout_ns(), 5'000'000'000u);
  EXPECT_EQ(scenario.placement().profile().host(), "dut");
  EXPECT_EQ(scenario.placement().profile().cpus_min(), 2u);
  EXPECT_EQ(scenario.gates_size(), 2);
}

TEST(ProfileParser, VariesArgumentsByAMatrix) {
  const auto parsed = ParseCampaign("/p.yaml", WithScenario(R"(    profile: {local-core: {symbols: 100}}
    matrix: {local-core.messages: [1000, 2000], profile.local-core.messages_per_packet: [1, 4]}
)"));
  ASSERT_TRUE(parsed.ok()) << parsed.diagnostics[0].message();
  ASSERT_EQ(parsed.campaign.scenarios_size(), 4);
  EXPECT_EQ(parsed.campaign.scenarios(1).name(),
            "one[local-core.messages=1000,profile.local-core.messages_per_packet=4]");
  EXPECT_EQ(Arguments(parsed.campaign.scenarios(2)), "local-core messages=2000 messages_per_packet=1 symbols=100");
}

TEST(ProfileParser, DefaultsOfFeedsAreNoneOfItsOwn) {
  const auto parsed = ParseCampaign("/p.yaml", R"(campaign: test
defaults:
  timeout: 9s
  handler: {dwell: 2ms}
  traffic: {synthetic: {}}
  faults: [{at: 1s, cut: {line: A, duration: 10ms}}]
  placement: {handler: {host: dut}, profile: {host: src}}
scenarios:
  - name: alone
    profile: {local-core: {}}
  - name: feed
)");
  ASSERT_TRUE(parsed.ok()) << parsed.diagnostics[0].message();
  const v1::Scenario& alone = parsed.campaign.scenarios(0);
  EXPECT_EQ(alone.timeout_ns(), 9'000'000'000u);
  EXPECT_FALSE(alone.has_handler());
  EXPECT_EQ(alone.placement().profile().host(), "src");
  EXPECT_FALSE(alone.placement().has_handler());
  const v1::Scenario& feed = parsed.campaign.scenarios(1);
  EXPECT_EQ(feed.handler().dwell_ns(), 2'000'000u);
  EXPECT_EQ(feed.placement().handler().host(), "dut");
  EXPECT_FALSE(feed.placement().has_profile());
}

TEST(ProfileParser, RefusesWithThePlaceAndWhatWasMeant) {
  struct Case {
    const char* fields;
    const char* problem;
  };
  for (const Case& c : std::vector<Case>{
           {"    profile: local-core\n",
            "4:14 profile is a map of one of local-core, rx-proof, pool-soak, rx-probe to"},
           {"    profile: {}\n", "4:14 profile is a map of one of"},
           {"    profile: {local-core: {}, pool-soak: {}}\n", "4:14 profile is a map of one of"},
           {"    profile: {local-cor: {}}\n", "4:15 there is no profile \"local-cor\"; did you mean \"local-core\"?"},
           {"    profile: {what: {}}\n", "4:15 there is no profile \"what\"; there are local-core, rx-proof"},
           {"    profile: {local-core: 5}\n", "4:27 local-core must be a map of fields"},
           {"    profile: {local-core: {mesages: 5}}\n",
            "4:28 unknown field \"mesages\" in local-core; did you mean \"messages\"?"},
           {"    profile: {local-core: {messages: 0}}\n", "4:38 messages: 0 is out of range: 1 to 20000000"},
           {"    profile: {local-core: {messages: 2k}}\n", "4:38 messages: expected"},
           {"    profile: {rx-probe: {class: none}}\n", "4:33 class: expected software or hardware, got \"none\""},
           {"    profile: {pool-soak: {frames: 64, burst: 64}}\n", "4:26 a pool of 64 frames cannot have 64 out"},
           {"    profile: {rx-proof: {gaps: 500}}\n", "4:25 GAPS times GAP_MESSAGES is at most a third of MESSAGES"},
           {"    profile: {local-core: {}}\n    traffic: {synthetic: {}}\n",
            "5:5 traffic: a profile makes its own traffic"},
           {"    profile: {local-core: {}}\n    handler: {dwell: 1ms}\n",
            "5:5 handler: a profile runs no handler process"},
           {"    profile: {local-core: {}}\n    faults: []\n", "5:5 faults: a profile makes its own trouble"},
           {"    profile: {local-core: {}}\n    rate_search: {max: 1Mpps}\n", "5:5 rate_search: a profile has no rate"},
           {"    profile: {local-core: {}}\n    placement: {handler: {host: dut}}\n",
            "5:26 handler: a profile has one host: write placement.profile"},
           {"    profile: {local-core: {}}\n    placement: {profile: {driver: ice}}\n",
            "5:27 unknown field \"driver\" in placement.profile; it has host, cpus_min"},
           {"    profile: {local-core: {}}\n    gates: [duplicates == 0]\n",
            "5:13 gate \"duplicates == 0\": a profile tells only profile[NAME]"},
           {"    profile: {local-core: {}}\n    gates: [\"p99(latency.decode) < 5us\"]\n",
            "a profile tells only profile[NAME]"},
           {"    profile: {local-core: {}}\n    gates: [\"profile[misses] == 0\"]\n",
            "5:13 gate \"profile[misses] == 0\": local-core tells no misses"},
           {"    profile: {local-core: {}}\n    gates: [\"profile[host_class] == 0\"]\n",
            "there is no profile[host_class]"},
           {"    profile: {local-core: {}}\n    gates: [\"profile[what] == 0\"]\n",
            "5:22 gate \"profile[what] == 0\": there is no profile[what]"},
           {"    profile: {local-core: {}}\n    gates: [\"profile == 0\"]\n",
            "ask for one of its values: profile[NAME]"},
           {"    profile: {local-core: {}}\n    gates: []\n", "5:12 gates must be a list of 1 to 200 expressions"},
           {"    profile: {local-core: {}}\n    matrix: {pool-soak.frames: [128]}\n", "profile is a map of one of"},
           {"    traffic: {synthetic: {}}\n    placement: {profile: {host: dut}}\n",
            "5:26 profile: only a scenario with profile has this role"},
           {"    traffic: {synthetic: {}}\n    gates: [\"profile[events] > 0\"]\n",
            "5:13 gate \"profile[events] > 0\": only a scenario with profile has an answer to this"},
       }) {
    SCOPED_TRACE(c.fields);
    EXPECT_THAT(Problems(WithScenario(c.fields)), ElementsAre(HasSubstr(c.problem)));
  }
}

}  // namespace
}  // namespace feedfarm
