#include "agent/host/host_state.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

PortState Port() {
  PortState port;
  port.interface = "eth1";
  port.exists = true;
  port.up = true;
  port.mtu = 1500;
  port.qdisc = "mq";
  port.memberships = {"224.0.0.1"};
  return port;
}

HostState With(const PortState& port) { return {.ports = {port}, .groups = {}}; }

TEST(HostState, EqualStatesHaveNoDifference) {
  EXPECT_THAT(Difference(With(Port()), With(Port())), IsEmpty());
  EXPECT_THAT(Difference({}, {}), IsEmpty());
}

TEST(HostState, EachDifferenceIsOneSentence) {
  PortState after = Port();
  after.up = false;
  after.promiscuous = true;
  after.all_multicast = true;
  after.mtu = 9000;
  after.xdp_program_id = 17;
  after.xdp_mode = "native";
  after.qdisc = "clsact";
  after.memberships = {"233.252.14.1"};
  EXPECT_THAT(
      Difference(With(Port()), With(after)),
      ElementsAre("port eth1 was up and is down", "port eth1 has promiscuous mode on, it was off",
                  "port eth1 has all-multicast on, it was off", "port eth1 has MTU 9000, it had 1500",
                  "port eth1 has XDP program 17 (native), it had no XDP program",
                  "port eth1 has queueing discipline clsact, it had mq", "port eth1 is still a member of 233.252.14.1",
                  "port eth1 is no longer a member of 224.0.0.1"));
}

TEST(HostState, AnotherProgramInPlaceOfTheFirstIsSeen) {
  PortState before = Port(), after = Port();
  before.xdp_mode = after.xdp_mode = "native";
  before.xdp_program_id = 3;
  after.xdp_program_id = 4;
  EXPECT_THAT(Difference(With(before), With(after)),
              ElementsAre("port eth1 has XDP program 4 (native), it had XDP program 3 (native)"));
}

TEST(HostState, AGoneInterfaceIsOneSentence) {
  PortState after;
  after.interface = "eth1";
  EXPECT_THAT(Difference(With(Port()), With(after)), ElementsAre("port eth1 is gone"));
  EXPECT_THAT(Difference(With(after), With(Port())), ElementsAre("port eth1 has appeared"));
}

TEST(HostState, NamesGroupsAndProcessesThatAreLeft) {
  const HostState before{.ports = {}, .groups = {{.name = "other", .processes = {"1 x"}}}};
  const HostState after{.ports = {},
                        .groups = {{.name = "other", .processes = {"1 x", "2 y"}},
                                   {.name = "run-7", .processes = {"4711 feedfarm-handler", "4712 sh"}},
                                   {.name = "run-8", .processes = {}}}};
  EXPECT_THAT(Difference(before, after),
              ElementsAre("cgroup run-7 is left with processes 4711 feedfarm-handler, 4712 sh",
                          "cgroup run-8 is left, without processes"));
  EXPECT_THAT(Difference(after, before), IsEmpty()) << "a group that went away is no residue";
}

}  // namespace
}  // namespace feedfarm
