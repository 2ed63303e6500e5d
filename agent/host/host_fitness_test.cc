#include "agent/host/host_fitness.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(HostFitness, NamesWhatIsWrongWithAPort) {
  v1::HostFacts facts;
  v1::PortFacts* good = facts.add_ports();
  good->set_name("a");
  good->set_carrier(true);
  good->set_xdp_generic(true);
  EXPECT_TRUE(UnfitReasons(facts).empty());
  facts.add_ports()->set_name("b");
  EXPECT_EQ(UnfitReasons(facts), (std::vector<std::string>{"port b has no carrier", "port b takes no XDP program"}));
}

TEST(HostFitness, AMissingPortIsAReason) {
  HostProbeOptions options;
  options.name = "dut";
  options.ports = {{"no-such-port", "link"}};
  options.try_xdp = false;
  const HostFitness fitness = ProbeFitness(options);
  ASSERT_FALSE(fitness.reasons.empty());
  EXPECT_EQ(fitness.reasons[0], "port no-such-port does not exist");
  EXPECT_EQ(fitness.facts.name(), "dut");
}

}  // namespace
}  // namespace feedfarm
