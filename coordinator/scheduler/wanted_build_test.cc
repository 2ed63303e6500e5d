#include "coordinator/scheduler/wanted_build.h"

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

v1::BuildFacts Build(const std::string& commit, bool dirty = false) {
  v1::BuildFacts build;
  build.set_commit(commit);
  build.set_dirty(dirty);
  return build;
}

TEST(WrongBuild, TakesTheCommitByItsFirstDigitsAndNoChangedTree) {
  EXPECT_EQ(WrongBuild("", Build("abc", true)), "");
  EXPECT_EQ(WrongBuild("0123abc", Build("0123abcdef")), "");
  EXPECT_EQ(WrongBuild("0123abcdef", Build("0123abcdef")), "");
  EXPECT_EQ(WrongBuild("0123abc", Build("0123abdddd")), "its commit is 0123abdddd, not 0123abc");
  EXPECT_EQ(WrongBuild("0123abcdef", Build("0123abc")), "its commit is 0123abc, not 0123abcdef");
  EXPECT_EQ(WrongBuild("0123abc", Build("unknown")), "its commit is unknown, not 0123abc");
  EXPECT_EQ(WrongBuild("0123abc", v1::BuildFacts()), "its commit is unknown, not 0123abc");
  EXPECT_EQ(WrongBuild("0123abc", Build("0123abcdef", true)), "it was built from 0123abcdef with changes");
}

}  // namespace
}  // namespace feedfarm
