#include "pipeline/base/allocation_guard.h"

#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(AllocationGuard, CountsThisThreadsAllocationsOnly) {
  AllocationGuard guard;
  std::vector<int> numbers(1000);
  EXPECT_EQ(guard.allocations(), 1u);
  auto before_thread = guard.allocations();
  std::thread other([] { std::vector<int> theirs(1000); });
  auto with_thread_state = guard.allocations();
  other.join();
  EXPECT_EQ(guard.allocations(), with_thread_state);
  EXPECT_GE(with_thread_state, before_thread);
}

TEST(AllocationGuard, IsZeroWhereNothingIsAllocated) {
  std::vector<int> numbers;
  numbers.reserve(16);
  AllocationGuard guard;
  for (int i = 0; i < 16; ++i) numbers.push_back(i);
  EXPECT_EQ(guard.allocations(), 0u);
}

TEST(AllocationGuard, CountsAlignedAllocations) {
  struct alignas(64) Line {
    char bytes[64];
  };
  AllocationGuard guard;
  auto line = std::make_unique<Line>();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(line.get()) % 64, 0u);
  EXPECT_EQ(guard.allocations(), 1u);
}

}  // namespace
}  // namespace feedfarm
