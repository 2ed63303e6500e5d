#include "pipeline/xdp/umem_pool.h"

#include <sys/resource.h>

#include <iostream>

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

TEST(UmemPool, SaysWhatPagesItIsIn) {
  auto pool = UmemPool::Create(4096, 2048);
  ASSERT_TRUE(pool.ok()) << pool.status();
  std::cout << (*pool)->pages() << "\n";
  EXPECT_EQ(reinterpret_cast<uintptr_t>((*pool)->memory()) % (2u << 20), 0u);
  EXPECT_EQ((*pool)->huge_pages(),
            (*pool)->pages() == "reserved huge pages" ||
                (*pool)->pages() == "no reserved huge pages; 8 of 8 MiB are transparent ones");
}

}  // namespace
}  // namespace feedfarm
