#include "agent/host/host_probe.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

using ::testing::ElementsAre;

namespace fs = std::filesystem;

// A machine made of files.
class HostProbeTest : public ::testing::Test {
 protected:
  HostProbeTest() {
    std::string pattern = ::testing::TempDir() + "/host_probe.XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    Write("etc/os-release", "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n");
    Write("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
    Write("proc/cpuinfo", "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) Gold 6346 CPU @ 3.10GHz\nflags\t\t: fpu\n");
    Write("proc/meminfo", "MemTotal:       263732236 kB\nMemFree:        1 kB\n");
    Write("sys/devices/system/cpu/online", "0-31\n");
    Write("sys/devices/system/cpu/isolated", "2-4,8\n");
    Write("sys/devices/system/node/online", "0-1\n");
    Write("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "512\n");
  }
  ~HostProbeTest() override { fs::remove_all(root_); }

  void Write(const std::string& name, const std::string& text) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  v1::HostFacts Probe() {
    HostProbeOptions options;
    options.name = "host-1";
    options.proc = root_ / "proc";
    options.sys = root_ / "sys";
    options.etc = root_ / "etc";
    return ProbeHost(options).value();
  }

  fs::path root_;
};

TEST_F(HostProbeTest, ReadsTheKernelsTables) {
  const v1::HostFacts facts = Probe();
  EXPECT_EQ(facts.name(), "host-1");
  EXPECT_EQ(facts.os(), "Debian GNU/Linux 12 (bookworm)");
  EXPECT_EQ(facts.kernel(), "6.1.0-18-amd64");
  EXPECT_EQ(facts.cpu_model(), "Intel(R) Xeon(R) Gold 6346 CPU @ 3.10GHz");
  EXPECT_EQ(facts.cpus(), 32u);
  EXPECT_THAT(facts.isolated_cpus(), ElementsAre(2, 3, 4, 8));
  EXPECT_EQ(facts.numa_nodes(), 2u);
  EXPECT_EQ(facts.memory_bytes(), 263732236u * 1024ull);
  EXPECT_EQ(facts.huge_pages_2m(), 512u);
  EXPECT_EQ(facts.fingerprint().size(), 32u);
}

TEST_F(HostProbeTest, WhatCannotBeReadIsUnknown) {
  fs::remove_all(root_ / "sys");
  fs::remove_all(root_ / "etc");
  Write("proc/cpuinfo", "BogoMIPS\t: 50.00\nCPU part\t: 0xd0c\n");
  const v1::HostFacts facts = Probe();
  EXPECT_EQ(facts.os(), "");
  EXPECT_EQ(facts.cpus(), 0u);
  EXPECT_EQ(facts.isolated_cpus_size(), 0);
  EXPECT_EQ(facts.cpu_model(), "0xd0c");
}

TEST_F(HostProbeTest, NonsenseListsEndWhereTheyStopMakingSense) {
  for (const char* list : {"2,x,3", "2,5-3", "2,0-4294967295", "2,1-", "2\n"}) {
    Write("sys/devices/system/cpu/isolated", list);
    EXPECT_THAT(Probe().isolated_cpus(), ElementsAre(2)) << list;
  }
}

TEST_F(HostProbeTest, FingerprintFollowsTheMachineNotItsNames) {
  v1::HostFacts facts = Probe();
  v1::PortFacts* port = facts.add_ports();
  port->set_driver("ice");
  const std::string fingerprint = Fingerprint(facts);
  facts.set_name("host-2");
  port->set_name("eth7");
  port->set_mac("02:00:00:00:00:01");
  port->set_ipv4("10.0.0.1");
  port->set_carrier(true);
  EXPECT_EQ(Fingerprint(facts), fingerprint);
  for (auto change :
       {+[](v1::HostFacts& f) { f.set_kernel("6.1.0-19-amd64"); }, +[](v1::HostFacts& f) { f.add_isolated_cpus(9); },
        +[](v1::HostFacts& f) { f.mutable_ports(0)->set_firmware("4.40"); },
        +[](v1::HostFacts& f) { f.mutable_ports(0)->set_zero_copy(true); },
        +[](v1::HostFacts& f) { f.mutable_ports(0)->set_rx_queues(8); }}) {
    v1::HostFacts changed = facts;
    change(changed);
    EXPECT_NE(Fingerprint(changed), fingerprint);
  }
}

TEST_F(HostProbeTest, AMissingInterfaceIsNotFound) {
  HostProbeOptions options;
  options.ports = {{.interface = "ffnosuch0", .link = ""}};
  EXPECT_TRUE(absl::IsNotFound(ProbeHost(options).status()));
}

}  // namespace
}  // namespace feedfarm
