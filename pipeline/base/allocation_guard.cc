#include "pipeline/base/allocation_guard.h"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace feedfarm {
namespace {

thread_local uint64_t thread_allocations = 0;

void* Allocate(std::size_t size, std::size_t alignment) {
  ++thread_allocations;
  if (size == 0) size = 1;
  void* memory = alignment <= alignof(std::max_align_t)
                     ? std::malloc(size)
                     : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

AllocationGuard::AllocationGuard() : at_start_(thread_allocations) {}
AllocationGuard::~AllocationGuard() = default;
uint64_t AllocationGuard::allocations() const { return thread_allocations - at_start_; }
uint64_t ThreadAllocations() { return thread_allocations; }

}  // namespace feedfarm

void* operator new(std::size_t size) { return feedfarm::Allocate(size, 0); }
void* operator new[](std::size_t size) { return feedfarm::Allocate(size, 0); }
void* operator new(std::size_t size, std::align_val_t align) {
  return feedfarm::Allocate(size, static_cast<std::size_t>(align));
}
void* operator new[](std::size_t size, std::align_val_t align) {
  return feedfarm::Allocate(size, static_cast<std::size_t>(align));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
