#include "pipeline/journal/journal_options.h"

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(SyncPolicy, TextAndBack) {
  for (const char* text : {"none", "group", "interval 1", "interval 50", "interval 60000"}) {
    const auto policy = ParseSyncPolicy(text);
    ASSERT_TRUE(policy.ok()) << policy.status();
    EXPECT_EQ(ToString(*policy), text);
  }
  EXPECT_EQ(ParseSyncPolicy("interval 50")->interval_ns, 50'000'000u);
}

TEST(SyncPolicy, RefusesEverythingElse) {
  for (const char* text : {"", "None", "interval", "interval ", "interval 0", "interval -1", "interval 60001",
                           "interval 5ms", "groups", "interval:5"}) {
    EXPECT_EQ(ParseSyncPolicy(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace feedfarm
