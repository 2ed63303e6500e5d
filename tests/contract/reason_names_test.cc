// Handler and coordinator do not include each other: what a gate may name in brackets must be what the handler counts.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "coordinator/gate/metric_catalog.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/book/feed_book.h"
#include "pipeline/control/drop_reason.h"
#include "pipeline/feed/departure.h"
#include "pipeline/feed/snapshot_channel.h"

namespace feedfarm {
namespace {

using ::testing::ElementsAreArray;

// From `first` on: an enum's 0 may be "none", which is counted nowhere.
template <class Reason>
std::vector<std::string> NamesOf(size_t first, size_t end) {
  std::vector<std::string> names;
  for (size_t i = first; i < end; ++i) names.push_back(absl::StrCat(Name(static_cast<Reason>(i))));
  return names;
}

std::vector<std::string> Catalog(absl::string_view metric) {
  const auto names = FindMetric(metric)->bracket_names;
  return {names.begin(), names.end()};
}

TEST(ReasonNames, OfGatesAreTheHandlers) {
  EXPECT_THAT(Catalog("drops"), ElementsAreArray(NamesOf<DropReason>(0, kDropReasons)));
  EXPECT_THAT(Catalog("book"), ElementsAreArray(NamesOf<BookOutcome>(0, kBookOutcomes)));
  EXPECT_THAT(Catalog("implausible_packets"), ElementsAreArray(NamesOf<Departure>(1, kDepartures)));
  EXPECT_THAT(Catalog("snapshot_failures"), ElementsAreArray(NamesOf<SnapshotFailure>(1, kSnapshotFailures)));
}

TEST(ReasonNames, TheEnumsEndWhereTheirCountsSay) {
  EXPECT_STREQ(Name(static_cast<DropReason>(kDropReasons)), "");
  EXPECT_EQ(Name(static_cast<BookOutcome>(kBookOutcomes)), "");
  EXPECT_STREQ(Name(static_cast<Departure>(kDepartures)), "none");
  EXPECT_STREQ(Name(static_cast<SnapshotFailure>(kSnapshotFailures)), "");
}

}  // namespace
}  // namespace feedfarm
