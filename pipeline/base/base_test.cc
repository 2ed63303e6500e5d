#include <array>

#include "gtest/gtest.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/rng.h"
#include "pipeline/base/scoped_fd.h"

namespace feedfarm {
namespace {

TEST(Endian, LoadsWhatItStored) {
  std::array<uint8_t, 8> bytes{};
  StoreBig<uint32_t>(bytes.data(), 0x01020304u);
  EXPECT_EQ(bytes[0], 1);
  EXPECT_EQ(LoadBig<uint32_t>(bytes.data()), 0x01020304u);
  EXPECT_EQ(LoadLittle<uint32_t>(bytes.data()), 0x04030201u);
  StoreBig48(bytes.data(), 0x0102030405060708u);
  EXPECT_EQ(LoadBig48(bytes.data()), 0x030405060708u);
}

TEST(Rng, OneSeedGivesOneSequence) {
  Rng a(7), b(7), c(8);
  EXPECT_EQ(a.Next(), b.Next());
  EXPECT_NE(a.Next(), c.Next());
  for (int i = 0; i < 1000; ++i) EXPECT_LT(a.Below(10), 10u);
}

TEST(Rng, ForksDoNotFollowTheirParent) {
  Rng parent(7);
  Rng fork = parent.Fork(1);
  EXPECT_NE(fork.Next(), parent.Next());
  EXPECT_EQ(Rng(7).Fork(1).Next(), Rng(7).Fork(1).Next());
}

TEST(ScopedFd, ClosesOnceAndMoves) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ScopedFd write_end(ends[1]);
  {
    ScopedFd read_end(ends[0]);
    ScopedFd moved = std::move(read_end);
    EXPECT_FALSE(read_end.valid());
    EXPECT_TRUE(moved.valid());
  }
  EXPECT_EQ(::close(ends[0]), -1);
}

}  // namespace
}  // namespace feedfarm
