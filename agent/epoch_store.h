#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace feedfarm {

// The largest lease epoch that this host has ever seen, on disk: what fences an old lease after the agent's restart.
// One thread. Invariant: seen() never falls, and is durable before Raise returns OK.
class EpochStore {
 public:
  // Reads `path`, which need not exist. DataLoss where it is there and not an epoch: never guess it to be 0.
  static absl::StatusOr<EpochStore> Open(std::string path);

  uint64_t seen() const { return seen_; }

  // Nothing happens where `epoch` is not above seen(). On an error seen() stays and the epoch must not be acted on.
  absl::Status Raise(uint64_t epoch);

 private:
  EpochStore(std::string path, uint64_t seen) : path_(std::move(path)), seen_(seen) {}

  std::string path_;
  uint64_t seen_;
};

}  // namespace feedfarm
