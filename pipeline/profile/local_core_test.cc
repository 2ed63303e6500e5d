#include "pipeline/profile/local_core.h"

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(LocalCore, HoldsOnAHealthyFeed) {
  for (const uint32_t messages_per_packet : {1u, 4u, 38u}) {
    const auto report = RunLocalCore({.messages = 20'000, .messages_per_packet = messages_per_packet, .symbols = 100});
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->status(), ProfileStatus::kOk) << report->Line();
    EXPECT_NE(
        report->Line().find(" sequence_gaps=0 dup_or_ooo=0 event_vec_reallocs=0 pool_available=4096 pool_size=4096 "),
        std::string::npos)
        << report->Line();
  }
}

TEST(LocalCore, OneSeedGivesOneStream) {
  const auto hash = [](uint64_t seed) {
    const auto report = RunLocalCore({.messages = 5'000, .symbols = 10, .seed = seed});
    return report->ProofJson();
  };
  EXPECT_EQ(hash(5), hash(5));
  EXPECT_NE(hash(5), hash(6));
}

TEST(LocalCore, RefusesWhatCannotBe) {
  EXPECT_FALSE(RunLocalCore({.messages = 0}).ok());
  EXPECT_FALSE(RunLocalCore({.messages_per_packet = 0}).ok());
  EXPECT_FALSE(RunLocalCore({.messages_per_packet = 101}).ok());
  EXPECT_FALSE(RunLocalCore({.symbols = 0}).ok());
}

}  // namespace
}  // namespace feedfarm
