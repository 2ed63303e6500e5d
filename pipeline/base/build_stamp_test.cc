#include "pipeline/base/build_stamp.h"

#include <algorithm>
#include <cctype>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(BuildStamp, SaysTheTreeThatDiffersFromItsCommit) {
  const BuildStamp stamp{"0123456789abcdef0123", true, "gcc 12.2.0", "glibc 2.36 malloc"};
  EXPECT_EQ(stamp.Short(), "0123456789ab+");
  EXPECT_EQ(stamp.Text(), "0123456789ab+, gcc 12.2.0, glibc 2.36 malloc");
  EXPECT_EQ(BuildStamp().Short(), "unknown");
}

TEST(BuildStamp, OfAProgramIsACommitOrUnknown) {
  const BuildStamp stamp = StampOfThisProgram();
  const bool hex = stamp.commit.size() >= 40 && std::all_of(stamp.commit.begin(), stamp.commit.end(),
                                                            [](unsigned char c) { return std::isxdigit(c); });
  EXPECT_TRUE(hex || stamp.commit == "unknown") << stamp.commit;
  EXPECT_NE(stamp.compiler.find(' '), std::string::npos) << stamp.compiler;
  EXPECT_EQ(stamp.allocator.find("glibc "), 0u) << stamp.allocator;
}

}  // namespace
}  // namespace feedfarm
