#include "pipeline/feed/stream_auditor.h"

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(StreamAuditor, FindsNothingInARisingStream) {
  StreamAuditor auditor;
  for (uint32_t generation = 0; generation < 3; ++generation) {
    for (uint64_t sequence = 5; sequence < 100; sequence += sequence == 50 ? 10 : 1)
      auditor.Observe(generation, sequence);
  }
  EXPECT_EQ(auditor.duplicates(), 0u);
  EXPECT_EQ(auditor.out_of_order(), 0u);
}

TEST(StreamAuditor, TellsDuplicatesFromLateMessages) {
  StreamAuditor auditor;
  for (uint64_t sequence : {1, 2, 3, 3, 2, 6, 4, 5, 6, 7}) auditor.Observe(0, sequence);
  EXPECT_EQ(auditor.duplicates(), 3u);    // 3, 2, 6
  EXPECT_EQ(auditor.out_of_order(), 2u);  // 4, 5
}

TEST(StreamAuditor, AnEarlierGenerationIsOutOfOrder) {
  StreamAuditor auditor;
  auditor.Observe(1, 1);
  auditor.Observe(0, 9);
  auditor.Observe(1, 2);
  EXPECT_EQ(auditor.out_of_order(), 1u);
}

}  // namespace
}  // namespace feedfarm
