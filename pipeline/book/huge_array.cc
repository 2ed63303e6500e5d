#include "pipeline/book/huge_array.h"

#include <sys/mman.h>

#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

constexpr size_t kHugePageBytes = 2u << 20;

}  // namespace

absl::StatusOr<HugeMemory> HugeMemory::Create(size_t bytes, std::string_view what) {
  HugeMemory memory;
  if (bytes == 0) return memory;
  // The kernel gives huge pages at addresses that are whole multiples of one.
  const size_t slack = bytes >= kHugePageBytes ? kHugePageBytes : 0;
  void* at = ::mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) {
    return ErrnoStatus(absl::StrCat("mmap of ", bytes, " bytes for ", absl::string_view(what.data(), what.size())));
  }
  memory.mapping_ = at;
  memory.mapped_bytes_ = bytes + slack;
  memory.bytes_ = bytes;
  auto address = reinterpret_cast<uintptr_t>(at);
  if (slack != 0) address = (address + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  memory.data_ = reinterpret_cast<void*>(address);
  // Small pages do as well where the kernel has no huge ones.
  if (slack != 0) (void)::madvise(memory.data_, bytes, MADV_HUGEPAGE);
  memory.Zero();
  return memory;
}

HugeMemory::~HugeMemory() {
  if (mapping_ != nullptr) ::munmap(mapping_, mapped_bytes_);
}

void HugeMemory::Zero() {
  if (bytes_ != 0) std::memset(data_, 0, bytes_);
}

}  // namespace feedfarm
