#include "coordinator/lease/lease_table.h"

#include <functional>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

constexpr uint64_t kLength = 10;
constexpr uint64_t kMargin = 2;
constexpr uint64_t kNow = 100;
constexpr LeaseTable::Options kOptions{kLength, kMargin};

// A table whose host "h" is in the state, with epoch 5 (held: by run "r").
LeaseTable TableIn(HostLeaseState state) {
  LeaseTable table(kOptions);
  const bool held = state == HostLeaseState::kHeld || state == HostLeaseState::kHeldQuarantined;
  table.Restore("h", 5, held ? "r" : "", kNow);
  if (state == HostLeaseState::kQuarantined || state == HostLeaseState::kHeldQuarantined) table.Quarantine("h");
  return table;
}

struct EventCase {
  const char* name;
  std::function<void(LeaseTable&)> event;
  // Expected states from kFree, kHeld, kQuarantined, kHeldQuarantined.
  HostLeaseState after[4];
  LeaseEpoch epoch_after[4];
};

TEST(LeaseTable, EveryStateMeetsEveryEvent) {
  using S = HostLeaseState;
  const auto grant = [](LeaseTable& t) { t.Grant({"h"}, "q", kNow).IgnoreError(); };
  const EventCase cases[] = {
      {"grant", grant, {S::kHeld, S::kHeld, S::kQuarantined, S::kHeldQuarantined}, {6, 5, 5, 5}},
      {"renew",
       [](LeaseTable& t) { t.Renew("h", kNow); },
       {S::kFree, S::kHeld, S::kQuarantined, S::kHeldQuarantined},
       {5, 5, 5, 5}},
      {"release",
       [](LeaseTable& t) { t.Release("h", 5); },
       {S::kFree, S::kFree, S::kQuarantined, S::kQuarantined},
       {5, 5, 5, 5}},
      {"release of another epoch",
       [](LeaseTable& t) { EXPECT_FALSE(t.Release("h", 4)); },
       {S::kFree, S::kHeld, S::kQuarantined, S::kHeldQuarantined},
       {5, 5, 5, 5}},
      {"expire at the end of the margin",
       [](LeaseTable& t) { EXPECT_TRUE(t.Expire(kNow + kLength + kMargin).empty()); },
       {S::kFree, S::kHeld, S::kQuarantined, S::kHeldQuarantined},
       {5, 5, 5, 5}},
      {"expire behind the margin",
       [](LeaseTable& t) { t.Expire(kNow + kLength + kMargin + 1); },
       {S::kFree, S::kFree, S::kQuarantined, S::kQuarantined},
       {5, 5, 5, 5}},
      {"quarantine",
       [](LeaseTable& t) { t.Quarantine("h"); },
       {S::kQuarantined, S::kHeldQuarantined, S::kQuarantined, S::kHeldQuarantined},
       {5, 5, 5, 5}},
      {"end of quarantine",
       [](LeaseTable& t) { t.EndQuarantine("h"); },
       {S::kFree, S::kHeld, S::kFree, S::kHeld},
       {5, 5, 5, 5}},
      {"a larger epoch is seen",
       [](LeaseTable& t) { t.ObserveEpoch("h", 9); },
       {S::kFree, S::kHeld, S::kQuarantined, S::kHeldQuarantined},
       {9, 9, 9, 9}},
      {"a smaller epoch is seen",
       [](LeaseTable& t) { t.ObserveEpoch("h", 1); },
       {S::kFree, S::kHeld, S::kQuarantined, S::kHeldQuarantined},
       {5, 5, 5, 5}},
  };
  const S states[] = {S::kFree, S::kHeld, S::kQuarantined, S::kHeldQuarantined};
  for (const EventCase& c : cases) {
    for (int i = 0; i < 4; ++i) {
      SCOPED_TRACE(testing::Message() << c.name << " in state " << i);
      LeaseTable table = TableIn(states[i]);
      c.event(table);
      EXPECT_EQ(table.StateOf("h"), c.after[i]);
      EXPECT_EQ(table.EpochOf("h"), c.epoch_after[i]);
    }
  }
}

TEST(LeaseTable, AGangGetsOneEpochAboveAllThatItsHostsHaveSeen) {
  LeaseTable table(kOptions);
  table.ObserveEpoch("a", 3);
  table.ObserveEpoch("b", 8);
  EXPECT_EQ(*table.Grant({"a", "b"}, "r", kNow), 9u);
  EXPECT_EQ(table.EpochOf("a"), 9u);
  EXPECT_EQ(table.EpochOf("b"), 9u);
  EXPECT_EQ(table.Find("a")->run_id, "r");
}

TEST(LeaseTable, AGangIsGrantedWholeOrNotAtAll) {
  LeaseTable table(kOptions);
  ASSERT_TRUE(table.Grant({"b"}, "r", kNow).ok());
  EXPECT_EQ(table.Grant({"a", "b"}, "q", kNow).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(table.Find("a"), nullptr);
  EXPECT_EQ(table.EpochOf("a"), 0u);
}

TEST(LeaseTable, ASilentHostKeepsItsLeaseUntilTheMarginIsOver) {
  LeaseTable table(kOptions);
  ASSERT_TRUE(table.Grant({"h"}, "r", 0).ok());
  table.Renew("h", 7);
  EXPECT_EQ(table.RemainingNs("h", 8), 9u);
  EXPECT_TRUE(table.Expire(19).empty());
  EXPECT_FALSE(table.Grant({"h"}, "q", 19).ok());
  const auto expired = table.Expire(20);
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_EQ(expired[0].second.run_id, "r");
  EXPECT_EQ(*table.Grant({"h"}, "q", 20), 2u);
}

TEST(LeaseTable, ARestartTakesHeldLeasesAsJustRenewed) {
  LeaseTable table(kOptions);
  table.Restore("h", 4, "r", kNow);
  EXPECT_TRUE(table.Expire(kNow + kLength + kMargin).empty());
  EXPECT_EQ(table.Expire(kNow + kLength + kMargin + 1).size(), 1u);
}

// Random calls against the two rules that matter: one holder a host, and an epoch that never falls.
TEST(LeaseTable, EpochsOnlyGrowUnderRandomEvents) {
  constexpr uint64_t kSeed = 20260730;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  Rng rng(kSeed);
  LeaseTable table(kOptions);
  const std::string hosts[] = {"a", "b", "c"};
  uint64_t now = 0, last[3] = {};
  for (int i = 0; i < 100'000; ++i) {
    now += rng.Below(4);
    const std::string& host = hosts[rng.Below(3)];
    const bool free = table.StateOf(host) == HostLeaseState::kFree;
    switch (rng.Below(7)) {
      case 0:
        EXPECT_EQ(table.Grant({host}, "r", now).ok(), free);
        break;
      case 1:
        table.Renew(host, now);
        break;
      case 2:
        table.Release(host, rng.Below(table.EpochOf(host) + 2));
        break;
      case 3:
        table.Expire(now);
        break;
      case 4:
        table.Quarantine(host);
        break;
      case 5:
        table.EndQuarantine(host);
        break;
      case 6:
        table.ObserveEpoch(host, rng.Below(table.EpochOf(host) + 2));
        break;
    }
    for (int h = 0; h < 3; ++h) {
      ASSERT_GE(table.EpochOf(hosts[h]), last[h]);
      last[h] = table.EpochOf(hosts[h]);
    }
  }
}

}  // namespace
}  // namespace feedfarm
