#include "coordinator/rate_search/load_grid.h"

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(LoadGrid, FromMinToMaxInStepsOfTheWidth) {
  for (const double width : {0.0001, 0.005, 0.1, 0.5}) {
    for (const double max : {10.001, 20.0, 2e6, 37.2e6}) {
      const LoadGrid grid(10, max, width);
      EXPECT_EQ(grid.Load(0), 10);
      EXPECT_EQ(grid.Load(grid.top()), max);
      // The lowest step takes what is left.
      for (int64_t i = 1; i <= grid.top(); ++i) {
        const double step = (grid.Load(i) - grid.Load(i - 1)) / grid.Load(i);
        ASSERT_GT(step, 0) << i;
        ASSERT_LE(step, width + 0.001 * width ) << i;
      }
    }
  }
}

TEST(LoadGrid, FindsItsOwnLoads) {
  const LoadGrid grid(1000, 2e6, 0.005);
  for (int64_t i = 0; i <= grid.top(); ++i) {
    ASSERT_EQ(grid.Nearest(grid.Load(i)), i);
    ASSERT_EQ(grid.AtMost(grid.Load(i)), i);
    if (i > 0) {
      ASSERT_EQ(grid.AtMost(grid.Load(i) * 0.999), i - 1);
    }
  }
  EXPECT_EQ(grid.AtMost(999), -1);
  EXPECT_EQ(grid.AtMost(3e6), grid.top());
  EXPECT_EQ(grid.Nearest(1), 0);
}

TEST(LoadGrid, StepsOfAWidth) {
  const LoadGrid grid(1000, 2e6, 0.005);
  EXPECT_EQ(grid.Steps(0.005), 1);
  EXPECT_EQ(grid.Steps(0.001), 1);
  EXPECT_EQ(grid.Steps(0.01), 2);
  EXPECT_EQ(grid.Steps(0.0099), 1);
}

}  // namespace
}  // namespace feedfarm
