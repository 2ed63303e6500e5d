// Interfaces of a network namespace of this process's own, which vanishes with it.
#include <bpf/bpf.h>
#include <linux/if_link.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "agent/host/host_probe.h"
#include "agent/host/host_state.h"
#include "agent/host/link_query.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/base/scoped_fd.h"

namespace feedfarm {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

bool Shell(const char* command) { return std::system(command) == 0; }

class PortProbeTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (::geteuid() != 0) return;
    ready_ = ::unshare(CLONE_NEWNET) == 0 &&
             Shell(
                 "ip link set lo up && ip link add ffp0 address 02:00:00:00:00:10 type veth peer name ffp1 && "
                 "ip addr add 192.0.2.1/24 dev ffp0 && ip link set ffp0 up && ip link set ffp1 up");
  }
  void SetUp() override {
    if (!ready_) GTEST_SKIP() << "needs root, network namespaces and iproute2";
  }

  static HostProbeOptions Options() {
    HostProbeOptions options;
    options.ports = {{.interface = "ffp0", .link = "wire-a"}};
    return options;
  }
  static HostState State() {
    return TakeHostState({.interfaces = {"ffp0"}, .group_prefix = "none", .cgroups = {}}).value();
  }
  // A program that passes everything, held by its link.
  static ScopedFd Attach() {
    bpf_insn instructions[2] = {};
    instructions[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
    instructions[0].imm = XDP_PASS;
    instructions[1].code = BPF_JMP | BPF_EXIT;
    ScopedFd program(::bpf_prog_load(BPF_PROG_TYPE_XDP, "test", "GPL", instructions, 2, nullptr));
    bpf_link_create_opts options{};
    options.sz = sizeof options;
    options.flags = XDP_FLAGS_DRV_MODE;
    return ScopedFd(::bpf_link_create(program.get(), QueryLink("ffp0")->index, BPF_XDP, &options));
  }

  static bool ready_;
};

bool PortProbeTest::ready_ = false;

TEST_F(PortProbeTest, KnowsAVethAndLeavesItAsItWas) {
  const HostState before = State();
  const auto facts = ProbeHost(Options());
  ASSERT_TRUE(facts.ok()) << facts.status();
  const v1::PortFacts& port = facts->ports(0);
  EXPECT_EQ(port.name(), "ffp0");
  EXPECT_EQ(port.link(), "wire-a");
  EXPECT_EQ(port.driver(), "veth");
  EXPECT_EQ(port.mac(), "02:00:00:00:00:10");
  EXPECT_EQ(port.ipv4(), "192.0.2.1");
  EXPECT_EQ(port.mtu(), 1500u);
  EXPECT_EQ(port.link_mbps(), 10'000u);
  EXPECT_TRUE(port.carrier());
  EXPECT_GE(port.rx_queues(), 1u);
  EXPECT_GE(port.tx_queues(), 1u);
  EXPECT_TRUE(port.xdp_native());
  EXPECT_TRUE(port.xdp_generic());
  EXPECT_FALSE(port.zero_copy());
  EXPECT_FALSE(port.hardware_timestamps());
  EXPECT_EQ(port.numa_node(), -1);
  EXPECT_THAT(Difference(before, State()), IsEmpty());
}

TEST_F(PortProbeTest, WithoutTriesItCarriesOverWhatIsKnown) {
  HostProbeOptions options = Options();
  const v1::HostFacts first = ProbeHost(options).value();
  options.try_xdp = false;
  EXPECT_FALSE(ProbeHost(options)->ports(0).xdp_native());
  options.earlier = &first;
  const v1::HostFacts second = ProbeHost(options).value();
  EXPECT_TRUE(second.ports(0).xdp_native());
  EXPECT_EQ(second.fingerprint(), first.fingerprint());
}

TEST_F(PortProbeTest, LeavesSomebodyElsesProgramAlone) {
  const ScopedFd link = Attach();
  ASSERT_TRUE(link.valid());
  const HostState before = State();
  ASSERT_EQ(before.ports[0].xdp_mode, "native");
  EXPECT_TRUE(ProbeHost(Options())->ports(0).xdp_native());
  EXPECT_EQ(before, State());
}

TEST_F(PortProbeTest, StateShowsWhatARunMayLeaveBehind) {
  const HostState before = State();
  ScopedFd link = Attach();
  ASSERT_TRUE(link.valid());
  ASSERT_TRUE(
      Shell("ip link set ffp0 mtu 1400 promisc on allmulticast on && ip maddr show dev ffp0 > /dev/null && "
            "ip addr add 233.252.14.1/32 dev ffp0 autojoin && ip addr del 192.0.2.1/24 dev ffp0 && "
            "ip addr add 192.0.2.1/24 dev ffp0"));
  const std::vector<std::string> residue = Difference(before, State());
  EXPECT_THAT(residue, Contains("port ffp0 has promiscuous mode on, it was off"));
  EXPECT_THAT(residue, Contains("port ffp0 has all-multicast on, it was off"));
  EXPECT_THAT(residue, Contains("port ffp0 has MTU 1400, it had 1500"));
  EXPECT_THAT(residue, Contains("port ffp0 is still a member of 233.252.14.1"));
  EXPECT_THAT(residue, Contains(HasSubstr("(native), it had no XDP program")));
  link.Reset();
  ASSERT_TRUE(Shell("ip link set ffp0 mtu 1500 promisc off allmulticast off && ip addr del 233.252.14.1/32 dev ffp0"));
  EXPECT_THAT(Difference(before, State()), IsEmpty());
}

TEST_F(PortProbeTest, AnInterfaceMayComeAndGo) {
  ASSERT_TRUE(Shell("ip link add ffq0 type veth peer name ffq1"));
  const HostStateOptions options{.interfaces = {"ffq0"}, .group_prefix = "none", .cgroups = {}};
  const HostState before = TakeHostState(options).value();
  ASSERT_TRUE(Shell("ip link del ffq0"));
  EXPECT_THAT(Difference(before, TakeHostState(options).value()), ElementsAre("port ffq0 is gone"));
}

}  // namespace
}  // namespace feedfarm
