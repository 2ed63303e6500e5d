#include "agent/epoch_store.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/files/durable_file.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {

absl::StatusOr<EpochStore> EpochStore::Open(std::string path) {
  absl::StatusOr<std::string> content = ReadWholeFile(path);
  if (absl::IsNotFound(content.status())) return EpochStore(std::move(path), 0);
  if (!content.ok()) return content.status();
  uint64_t seen = 0;
  if (!absl::SimpleAtoi(*content, &seen)) {
    return absl::DataLossError(absl::StrCat(path, " does not hold a lease epoch"));
  }
  return EpochStore(std::move(path), seen);
}

absl::Status EpochStore::Raise(uint64_t epoch) {
  if (epoch <= seen_) return absl::OkStatus();
  FEEDFARM_RETURN_IF_ERROR(WriteDurably(path_, absl::StrCat(epoch, "\n")));
  seen_ = epoch;
  return absl::OkStatus();
}

}  // namespace feedfarm
