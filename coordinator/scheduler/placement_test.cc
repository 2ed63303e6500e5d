#include "coordinator/scheduler/placement.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A host whose ports are named after their links; "a" is plugged by port "p-a".
PlacementHost MakeHost(const std::string& name, const std::vector<std::string>& links, const std::string& driver = "veth") {
  PlacementHost host;
  host.name = name;
  host.facts.set_cpus(8);
  for (const std::string& link : links) {
    v1::PortFacts* port = host.facts.add_ports();
    port->set_name(absl::StrCat("p-", link));
    port->set_link(link);
    port->set_driver(driver);
    port->set_link_mbps(10'000);
  }
  return host;
}

std::vector<PlacementHost> TwoHosts() { return {MakeHost("src", {"b", "a"}), MakeHost("dut", {"a", "b"})}; }

TEST(Placement, TakesTwoSharedLinksInTheOrderOfTheirNames) {
  const PlaceSearch pair = FindPlaceEver({}, {MakeHost("src", {"c", "b", "a"}), MakeHost("dut", {"c", "b", "x"})});
  ASSERT_TRUE(pair.found());
  EXPECT_EQ(pair.places[0].host, "src");
  EXPECT_EQ(pair.places[0].port_a, "p-b");
  EXPECT_EQ(pair.places[0].port_b, "p-c");
  EXPECT_EQ(pair.places[1].host, "dut");
  EXPECT_EQ(pair.places[1].port_a, "p-b");
}

TEST(Placement, NeverPutsBothRolesOnOneHost) {
  EXPECT_FALSE(FindPlaceEver({}, {MakeHost("one", {"a", "b"})}).found());
}

TEST(Placement, AnUnnamedLinkJoinsNothing) {
  EXPECT_FALSE(FindPlaceEver({}, {MakeHost("src", {"", ""}), MakeHost("dut", {"", ""})}).found());
}

struct ConstraintCase {
  const char* name;
  void (*ask)(v1::RoleRequirement*);
  const char* problem;
};

TEST(Placement, SaysWhichConstraintNoHostMeets) {
  const ConstraintCase cases[] = {
      {"host", [](v1::RoleRequirement* w) { w->set_host("far"); }, "handler: host == far: src has another name"},
      {"cpus", [](v1::RoleRequirement* w) { w->set_cpus_min(64); }, "handler: cpus >= 64: src has 8, dut has 8"},
      {"driver", [](v1::RoleRequirement* w) { w->set_driver("ice"); }, "handler: driver == ice: src has veth, dut has veth"},
      {"speed", [](v1::RoleRequirement* w) { w->set_link_mbps_min(25'000); }, "handler: link_mbps >= 25000: src has 10000"},
      {"zero copy", [](v1::RoleRequirement* w) { w->set_zero_copy(true); }, "handler: zero_copy: src has no zero-copy"},
      {"stamps", [](v1::RoleRequirement* w) { w->set_hardware_timestamps(true); }, "handler: hardware_timestamps: src has no"},
  };
  for (const ConstraintCase& c : cases) {
    SCOPED_TRACE(c.name);
    v1::Placement placement;
    c.ask(placement.mutable_handler());
    const PlaceSearch search = FindPlaceEver(placement, TwoHosts());
    EXPECT_FALSE(search.found());
    EXPECT_THAT(search.problems, ElementsAre(HasSubstr(c.problem)));
  }
}

TEST(Placement, SaysEachConstraintOfEachRole) {
  v1::Placement placement;
  placement.mutable_source()->set_driver("mlx5_core");
  placement.mutable_handler()->set_driver("ice");
  placement.mutable_handler()->set_cpus_min(64);
  EXPECT_THAT(FindPlaceEver(placement, TwoHosts()).problems,
              ElementsAre(HasSubstr("source: driver == mlx5_core"), HasSubstr("handler: cpus >= 64"),
                          HasSubstr("handler: driver == ice")));
}

TEST(Placement, SaysWhenNoOneHostMeetsEverything) {
  std::vector<PlacementHost> hosts = TwoHosts();
  hosts[0].facts.set_cpus(64);
  for (v1::PortFacts& port : *hosts[1].facts.mutable_ports()) port.set_driver("ice");
  v1::Placement placement;
  placement.mutable_handler()->set_cpus_min(64);
  placement.mutable_handler()->set_driver("ice");
  EXPECT_THAT(FindPlaceEver(placement, hosts).problems,
              ElementsAre("handler: no host meets everything at once: src lacks driver == ice",
                          "handler: no host meets everything at once: dut lacks cpus >= 64"));
}

TEST(Placement, SaysWhenLinksAreMissing) {
  EXPECT_THAT(FindPlaceEver({}, {MakeHost("src", {"a", "x"}), MakeHost("dut", {"a", "y"})}).problems,
              ElementsAre("source and handler: two hosts joined by 2 links: src and dut share 1, dut and src share 1"));
  EXPECT_THAT(FindPlaceEver({}, {}).problems, ElementsAre("hosts: at least 2: none is registered"));
}

TEST(Placement, MeetsEveryConstraintOfEachRole) {
  std::vector<PlacementHost> hosts = TwoHosts();
  for (v1::PortFacts& port : *hosts[0].facts.mutable_ports()) {
    port.set_zero_copy(true);
    port.set_hardware_timestamps(true);
  }
  v1::Placement placement;
  placement.mutable_handler()->set_zero_copy(true);
  placement.mutable_handler()->set_hardware_timestamps(true);
  placement.mutable_handler()->set_link_mbps_min(10'000);
  const PlaceSearch pair = FindPlaceEver(placement, hosts);
  ASSERT_TRUE(pair.found());
  EXPECT_EQ(pair.places[1].host, "src");
  EXPECT_EQ(pair.places[0].host, "dut");
}

TEST(Placement, NowNamesWhatBlocksTheHostsThatWouldDo) {
  std::vector<PlacementHost> hosts = TwoHosts();
  hosts[1].blocked_by = {"busy with c1.r1"};
  EXPECT_TRUE(FindPlaceEver({}, hosts).found());
  const PlaceSearch search = FindPlaceNow({}, hosts);
  EXPECT_FALSE(search.found());
  EXPECT_THAT(search.problems, ElementsAre("dut: busy with c1.r1"));
}

class PlaceRunsTest : public testing::Test {
 protected:
  // Pairs (s0, d0), (s1, d1), ...
  std::vector<PlacementHost> Pairs(int count) {
    std::vector<PlacementHost> hosts;
    for (int i = 0; i < count; ++i) {
      const std::vector<std::string> links = {absl::StrCat("a", i), absl::StrCat("b", i)};
      hosts.push_back(MakeHost(absl::StrCat("s", i), links));
      hosts.push_back(MakeHost(absl::StrCat("d", i), links));
    }
    return hosts;
  }
  QueuedRun Run(const std::string& campaign, int number, const v1::Placement* placement = nullptr) {
    return {absl::StrCat(campaign, ".r", number), campaign, placement != nullptr ? placement : &any_};
  }
  static std::vector<std::string> Ids(const std::vector<PlacedRun>& placed) {
    std::vector<std::string> ids;
    for (const PlacedRun& run : placed) ids.push_back(run.run_id);
    return ids;
  }
  const v1::Placement any_;
};

TEST_F(PlaceRunsTest, CampaignsTakeTurnsAndEachGoesInOrder) {
  const std::vector<QueuedRun> queue = {Run("c1", 1), Run("c1", 2), Run("c1", 3), Run("c2", 1), Run("c2", 2)};
  EXPECT_THAT(Ids(PlaceRuns(queue, Pairs(3), {})), ElementsAre("c1.r1", "c2.r1", "c1.r2"));
}

TEST_F(PlaceRunsTest, TheCampaignWithFewerActiveRunsComesFirst) {
  const std::vector<QueuedRun> queue = {Run("c1", 9), Run("c2", 1)};
  EXPECT_THAT(Ids(PlaceRuns(queue, Pairs(1), {{"c1", 1}, {"c2", 0}})), ElementsAre("c2.r1"));
}

TEST_F(PlaceRunsTest, NoHostIsGivenTwice) {
  const std::vector<QueuedRun> queue = {Run("c1", 1), Run("c1", 2)};
  EXPECT_THAT(Ids(PlaceRuns(queue, Pairs(1), {})), ElementsAre("c1.r1"));
}

TEST_F(PlaceRunsTest, AWaitingRunKeepsItsHostsFromLaterOnesOfItsCampaign) {
  std::vector<PlacementHost> hosts = Pairs(2);
  hosts[0].blocked_by = {"busy"};  // s0
  v1::Placement on_d0;
  on_d0.mutable_handler()->set_host("d0");
  v1::Placement also_d0;
  also_d0.mutable_source()->set_host("d0");
  const std::vector<QueuedRun> queue = {Run("c1", 1, &on_d0), Run("c1", 2, &also_d0), Run("c1", 3)};
  const std::vector<PlacedRun> placed = PlaceRuns(queue, hosts, {});
  ASSERT_THAT(Ids(placed), ElementsAre("c1.r3"));
  EXPECT_EQ(placed[0].places[0].host, "s1");
}

TEST_F(PlaceRunsTest, BlockedHostsAreLeftAlone) {
  std::vector<PlacementHost> hosts = Pairs(1);
  hosts[1].blocked_by = {"quarantined"};
  EXPECT_THAT(PlaceRuns({Run("c1", 1)}, hosts, {}), IsEmpty());
}

v1::Placement ProfileOn(const std::string& host) {
  v1::Placement placement;
  placement.mutable_profile()->set_host(host);
  return placement;
}

TEST(Placement, AProfileTakesOneHostAndNoPorts) {
  const PlaceSearch any = FindPlaceEver(ProfileOn(""), {MakeHost("lone", {})});
  ASSERT_EQ(any.places.size(), 1u);
  EXPECT_EQ(any.places[0].role, v1::ROLE_PROFILE);
  EXPECT_EQ(any.places[0].host, "lone");
  EXPECT_EQ(any.places[0].port_a, "");
  EXPECT_EQ(FindPlaceEver(ProfileOn("dut"), TwoHosts()).HostOf(v1::ROLE_PROFILE), "dut");
  EXPECT_EQ(FindPlaceEver(ProfileOn("dut"), TwoHosts()).HostOf(v1::ROLE_HANDLER), "");
}

TEST(Placement, SaysWhyNoHostCanCarryAProfile) {
  EXPECT_THAT(FindPlaceEver(ProfileOn(""), {}).problems, ElementsAre("hosts: at least 1: none is registered"));
  EXPECT_THAT(FindPlaceEver(ProfileOn("far"), TwoHosts()).problems,
              ElementsAre("profile: host == far: src has another name, dut has another name"));
  v1::Placement large;
  large.mutable_profile()->set_cpus_min(64);
  EXPECT_THAT(FindPlaceEver(large, TwoHosts()).problems, ElementsAre("profile: cpus >= 64: src has 8, dut has 8"));
  std::vector<PlacementHost> hosts = TwoHosts();
  hosts[0].facts.set_cpus(64);
  large.mutable_profile()->set_host("dut");
  EXPECT_THAT(FindPlaceEver(large, hosts).problems,
              ElementsAre("profile: no host meets everything at once: src lacks host == dut",
                          "profile: no host meets everything at once: dut lacks cpus >= 64"));
}

TEST_F(PlaceRunsTest, ProfilesAndFeedsShareNoHost) {
  const v1::Placement on_s0 = ProfileOn("s0");
  const v1::Placement anywhere = ProfileOn("");
  // The feed takes s0 and d0; a profile of another campaign takes what is left.
  std::vector<PlacedRun> placed =
      PlaceRuns({Run("c1", 1), Run("c2", 1, &on_s0), Run("c3", 1, &anywhere)}, Pairs(1), {});
  EXPECT_THAT(Ids(placed), ElementsAre("c1.r1"));
  // The profile first: the feed waits for both of its hosts.
  placed = PlaceRuns({Run("c1", 1, &on_s0), Run("c2", 1), Run("c3", 1, &anywhere)}, Pairs(1), {});
  ASSERT_THAT(Ids(placed), ElementsAre("c1.r1", "c3.r1"));
  EXPECT_EQ(placed[1].places[0].host, "d0");
}

TEST_F(PlaceRunsTest, ProfilesOfOneCampaignRunSideBySide) {
  const v1::Placement anywhere = ProfileOn("");
  const std::vector<PlacedRun> placed =
      PlaceRuns({Run("c1", 1, &anywhere), Run("c1", 2, &anywhere), Run("c1", 3, &anywhere)}, Pairs(1), {});
  EXPECT_THAT(Ids(placed), ElementsAre("c1.r1", "c1.r2"));
}

// Four hosts on one switch.
std::vector<PlacementHost> OneSwitch(const std::vector<std::string>& links = {"a", "b"}) {
  return {MakeHost("s0", links), MakeHost("d0", links), MakeHost("s1", links), MakeHost("d1", links)};
}

TEST_F(PlaceRunsTest, ALinkCarriesOneRun) {
  const std::vector<QueuedRun> queue = {Run("c1", 1), Run("c2", 1)};
  EXPECT_THAT(Ids(PlaceRuns(queue, OneSwitch(), {})), ElementsAre("c1.r1"));
  // With two pairs of links both have one.
  const std::vector<PlacedRun> both = PlaceRuns(queue, OneSwitch({"a", "b", "c", "d"}), {});
  ASSERT_THAT(Ids(both), ElementsAre("c1.r1", "c2.r1"));
  EXPECT_EQ(both[0].places[0].port_a, "p-a");
  EXPECT_EQ(both[1].places[0].port_a, "p-c");
  EXPECT_EQ(both[1].places[0].port_b, "p-d");
  // Three links are not enough for two.
  EXPECT_THAT(Ids(PlaceRuns(queue, OneSwitch({"a", "b", "c"}), {})), ElementsAre("c1.r1"));
}

TEST_F(PlaceRunsTest, AHeldLinkIsBusyWhoeverHoldsIt) {
  std::vector<PlacementHost> hosts = OneSwitch();
  // A lost source may still send.
  hosts[0].blocked_by = {"lost: last heard 5s ago"};
  hosts[0].held_ports = {{"p-b", "c1.r1"}};
  const QueuedRun run = Run("c2", 1);
  EXPECT_THAT(PlaceRuns({run}, hosts, {}), IsEmpty());
  const PlaceSearch search = FindPlaceNow(any_, hosts);
  EXPECT_FALSE(search.found());
  EXPECT_THAT(search.problems, ElementsAre("link b: busy with c1.r1", "s0: lost: last heard 5s ago"));
  // It could be carried: nothing but time is missing.
  EXPECT_TRUE(FindPlaceEver(any_, hosts).found());
  hosts[0].held_ports.clear();
  EXPECT_THAT(Ids(PlaceRuns({run}, hosts, {})), ElementsAre("c2.r1"));
}

}  // namespace
}  // namespace feedfarm
