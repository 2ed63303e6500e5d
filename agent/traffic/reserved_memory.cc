#include "agent/traffic/reserved_memory.h"

#include <sys/mman.h>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {

absl::StatusOr<ReservedMemory> ReservedMemory::Create(size_t bytes) {
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return ErrnoStatus(absl::StrCat("mmap of ", bytes, " bytes for the stream's messages"));
  return ReservedMemory(static_cast<uint8_t*>(at), bytes);
}

ReservedMemory::~ReservedMemory() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace feedfarm
