#include "pipeline/profile/rx_proof.h"

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(RxProof, HoldsWhateverTheSeedDoesToTheLines) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const auto report = RunRxProof({.messages = 20'000, .gaps = 3, .gap_messages = 1'000, .seed = seed});
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->status(), ProfileStatus::kOk) << "seed " << seed << "\n" << report->Line();
    EXPECT_NE(report->Line().find(" gap_events=3 gap_messages=3000 recovered_events=3 "), std::string::npos)
        << report->Line();
  }
}

TEST(RxProof, WithoutGapsNothingIsAskedFor) {
  const auto report = RunRxProof({.messages = 20'000, .gaps = 0});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->status(), ProfileStatus::kOk) << report->Line();
  EXPECT_NE(report->Line().find(" rerequests=0 "), std::string::npos) << report->Line();
}

TEST(RxProof, RefusesGapsThatDoNotFit) {
  EXPECT_FALSE(RunRxProof({.messages = 100}).ok());
  EXPECT_FALSE(RunRxProof({.messages = 20'000, .gaps = 7, .gap_messages = 1'000}).ok());
}

}  // namespace
}  // namespace feedfarm
