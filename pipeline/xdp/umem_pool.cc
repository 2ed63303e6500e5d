#include "pipeline/xdp/umem_pool.h"

#include <sys/mman.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

constexpr uint64_t kHugePageBytes = 2u << 20;

void* Map(uint64_t bytes, int more_flags) {
  return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | more_flags, -1, 0);
}

}  // namespace

UmemPool::UmemPool(uint32_t frames, uint32_t frame_bytes) : frames_(frames, frame_bytes) {}

UmemPool::~UmemPool() {
  if (memory_ != nullptr) munmap(memory_, mapped_bytes_);
}

absl::StatusOr<std::unique_ptr<UmemPool>> UmemPool::Create(uint32_t frames, uint32_t frame_bytes) {
  std::unique_ptr<UmemPool> pool(new UmemPool(frames, frame_bytes));
  pool->mapped_bytes_ = (pool->bytes() + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  void* memory = Map(pool->mapped_bytes_, MAP_HUGETLB);
  pool->huge_pages_ = memory != MAP_FAILED;
  if (!pool->huge_pages_) memory = Map(pool->mapped_bytes_, 0);
  if (memory == MAP_FAILED) return ErrnoStatus(absl::StrCat("mmap ", pool->mapped_bytes_, " bytes of packet memory"));
  pool->memory_ = static_cast<uint8_t*>(memory);
  pool->locked_ = mlock(memory, pool->mapped_bytes_) == 0;
  // MAP_POPULATE may stop half-way without saying so.
  std::memset(pool->memory_, 0, pool->mapped_bytes_);
  return pool;
}

}  // namespace feedfarm
