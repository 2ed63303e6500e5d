#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/feed/snapshot_channel.h"
#include "pipeline/feed/snapshot_image.h"
#include "pipeline/glimpse/glimpse_client.h"

namespace feedfarm::glimpse {

struct FetcherOptions {
  std::string address;  // of the GLIMPSE server, dotted quad
  uint16_t port = 0;
  ClientOptions client;
  uint64_t connect_timeout_ns = 2'000'000'000;
  // The image's memory, all of it touched in Create: what is larger is refused as too_large. An order takes 38 bytes and
  // more (an add and its length): 128 MiB hold 3 million.
  size_t image_bytes = 128 << 20;
};

// Fetches snapshots on a thread of its own. The hot thread asks and looks: one atomic each, and a write to an eventfd
// for Ask; the image is the thread's until the answer is there and the hot thread's until Release. Never two at a time.
class SnapshotFetcher final : public SnapshotChannel {
 public:
  // Errno: no eventfd.
  static absl::StatusOr<std::unique_ptr<SnapshotFetcher>> Create(const FetcherOptions& options);
  // Ends what is under way and joins.
  ~SnapshotFetcher() override;

  void Ask() override;
  const Answer* Poll() override {
    // Pairs with the thread's release: answer and image are written.
    return state_.load(std::memory_order_acquire) == State::kReady ? &answer_ : nullptr;
  }
  void Release() override;

 private:
  enum class State : uint8_t { kIdle, kAsked, kReady };

  SnapshotFetcher(const FetcherOptions& options, ScopedFd wake);
  void Run();
  // Blocks this thread alone until the snapshot is whole or has failed, or the fetcher ends.
  SnapshotFailure Fetch();
  void Wake() const;

  const FetcherOptions options_;
  const ScopedFd wake_;
  SnapshotImage image_;
  Answer answer_;
  std::atomic<State> state_{State::kIdle};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace feedfarm::glimpse
