#include "pipeline/xdp/umem_pool.h"

#include <sys/resource.h>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

uint64_t MinorFaults() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return static_cast<uint64_t>(usage.ru_minflt);
}

TEST(UmemPool, IsAllThereAndTouchedBeforeItIsUsed) {
  auto pool = UmemPool::Create(1024, 4096);
  ASSERT_TRUE(pool.ok()) << pool.status();
  EXPECT_EQ((*pool)->bytes(), 1024u * 4096u);
  EXPECT_EQ((*pool)->frames().available(), 1024u);
  const uint64_t faults = MinorFaults();
  for (uint64_t at = 0; at < (*pool)->bytes(); at += 512) (*pool)->memory()[at] = 1;
#ifndef FEEDFARM_SANITIZED  // its shadow memory faults
  EXPECT_EQ(MinorFaults(), faults);
#else
  (void)faults;
#endif
}

}  // namespace
}  // namespace feedfarm
