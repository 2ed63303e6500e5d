#pragma once

#include <cstdint>

namespace feedfarm {

// Counts heap allocations made by this thread while a guard is alive: the proof that the hot path makes none.
// Link //pipeline/base:allocation_guard, which replaces the global operator new. Guards nest; cost: one thread-local
// increment an allocation.
class AllocationGuard {
 public:
  AllocationGuard();
  ~AllocationGuard();
  AllocationGuard(const AllocationGuard&) = delete;
  AllocationGuard& operator=(const AllocationGuard&) = delete;

  // Allocations by this thread since this guard was made.
  uint64_t allocations() const;

 private:
  uint64_t at_start_;
};

// Allocations by this thread since it started.
uint64_t ThreadAllocations();

}  // namespace feedfarm
