#include "pipeline/xdp/umem_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

constexpr uint64_t kHugePageBytes = 2u << 20;

uint8_t* MapReserved(uint64_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_HUGETLB, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<uint8_t*>(memory);
}

// Aligned to a huge page, and advised before any page is there: nothing may be read or written until then, so that
// mlockall(MCL_FUTURE) does not fill it with small pages.
uint8_t* MapAdvised(uint64_t bytes) {
  const uint64_t with_slack = bytes + kHugePageBytes;
  void* mapped = mmap(nullptr, with_slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const uintptr_t begin = reinterpret_cast<uintptr_t>(mapped);
  const uintptr_t aligned = (begin + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  if (aligned != begin) munmap(mapped, aligned - begin);
  munmap(reinterpret_cast<void*>(aligned + bytes), begin + kHugePageBytes - aligned);
  void* memory = reinterpret_cast<void*>(aligned);
  madvise(memory, bytes, MADV_HUGEPAGE);  // refused: small pages, which HugeBytesOf sees
  if (mprotect(memory, bytes, PROT_READ | PROT_WRITE) != 0) {
    munmap(memory, bytes);
    return nullptr;
  }
  return static_cast<uint8_t*>(memory);
}

// Bytes of the mappings in [begin, begin + bytes) that are transparent huge pages (/proc/self/smaps).
uint64_t HugeBytesOf(const uint8_t* begin, uint64_t bytes) {
  const uint64_t first = reinterpret_cast<uintptr_t>(begin);
  std::ifstream smaps("/proc/self/smaps");
  uint64_t huge_bytes = 0;
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    unsigned long long from = 0, to = 0, kilobytes = 0;
    if (std::sscanf(line.c_str(), "%llx-%llx ", &from, &to) == 2) {
      inside = from < first + bytes && to > first;
    } else if (inside && std::sscanf(line.c_str(), "AnonHugePages: %llu kB", &kilobytes) == 1) {
      huge_bytes += kilobytes << 10;
    }
  }
  return huge_bytes;
}

}  // namespace

UmemPool::UmemPool(uint32_t frames, uint32_t frame_bytes) : frames_(frames, frame_bytes) {}

UmemPool::~UmemPool() {
  if (memory_ != nullptr) munmap(memory_, mapped_bytes_);
}

absl::StatusOr<std::unique_ptr<UmemPool>> UmemPool::Create(uint32_t frames, uint32_t frame_bytes) {
  std::unique_ptr<UmemPool> pool(new UmemPool(frames, frame_bytes));
  const uint64_t bytes = (pool->bytes() + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  pool->mapped_bytes_ = bytes;
  pool->memory_ = MapReserved(bytes);
  const bool reserved = pool->memory_ != nullptr;
  if (!reserved) pool->memory_ = MapAdvised(bytes);
  if (pool->memory_ == nullptr) return ErrnoStatus(absl::StrCat("mmap ", bytes, " bytes of packet memory"));
  pool->locked_ = mlock(pool->memory_, bytes) == 0;
  // Populating may stop half-way without saying so.
  std::memset(pool->memory_, 0, bytes);
  const uint64_t huge_bytes = reserved ? bytes : HugeBytesOf(pool->memory_, bytes);
  pool->huge_pages_ = huge_bytes >= bytes;
  pool->pages_ = reserved ? "reserved huge pages"
                          : absl::StrFormat("no reserved huge pages; %d of %d MiB are transparent ones",
                                            std::min(huge_bytes, bytes) >> 20, bytes >> 20);
  return pool;
}

}  // namespace feedfarm
