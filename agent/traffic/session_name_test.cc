#include "agent/traffic/session_name.h"

#include <set>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(SessionName, DiffersByProcessRunAndEpochAlone) {
  std::set<std::string> names;
  for (const uint64_t salt : {1u, 2u, 3u}) {
    for (const char* run : {"c1.r1", "c1.r2", "c2.r1"}) {
      for (uint64_t epoch = 1; epoch <= 100; ++epoch) {
        const std::string name = SessionName(salt, run, epoch);
        EXPECT_EQ(name.size(), 10u);
        EXPECT_EQ(name, SessionName(salt, run, epoch));
        names.insert(name);
      }
    }
  }
  EXPECT_EQ(names.size(), 900u);
}

}  // namespace
}  // namespace feedfarm
