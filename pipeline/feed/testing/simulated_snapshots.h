#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "pipeline/base/rng.h"
#include "pipeline/feed/snapshot_channel.h"
#include "pipeline/feed/testing/feed_simulation.h"

namespace feedfarm::testing {

// A book of arbitrary bytes: a message of an even first byte puts itself under that byte, an odd one takes away what is
// under the byte before. Order matters, and a loss shows until the same byte comes again.
class MapBook {
 public:
  void Clear() { messages_.clear(); }
  void Apply(std::span<const uint8_t> message) {
    if (message.empty()) return;
    if (message[0] % 2 == 0) {
      messages_[message[0]].assign(message.begin(), message.end());
    } else {
      messages_.erase(static_cast<uint8_t>(message[0] - 1));
    }
  }
  template <class Emit>
  void EmitState(Emit&& emit) const {
    for (const auto& [key, message] : messages_) emit(std::span<const uint8_t>(message));
  }
  friend bool operator==(const MapBook&, const MapBook&) = default;

 private:
  std::map<uint8_t, std::vector<uint8_t>> messages_;
};

struct SnapshotServerOptions {
  uint64_t cut_first = 0;  // that many fetches end before the snapshot does,
  double cut = 0;          // and of the others this share
  double unreachable = 0;  // and those that never begin
  double old = 0;          // snapshots that lag by up to old_messages_max
  uint64_t old_messages_max = 0;
  bool reject = false;
  bool garbage = false;
  uint64_t delay_ns_max = 500'000;  // of one fetch
  size_t image_bytes = 1 << 16;
};

// A snapshot server and the way to it: the state of a simulated stream as of the moment of the asking.
class SimulatedSnapshots final : public SnapshotChannel {
 public:
  SimulatedSnapshots(const FeedSimulation* feed, const SnapshotServerOptions& options, Rng rng)
      : feed_(feed), options_(options), rng_(rng), image_(options.image_bytes) {}

  void Ask() override;
  const Answer* Poll() override;
  void Release() override;

  uint64_t asked = 0;

 private:
  void Serve();

  const FeedSimulation* const feed_;
  const SnapshotServerOptions options_;
  Rng rng_;
  SnapshotImage image_;
  bool under_way_ = false;
  bool released_ = true;
  uint64_t ready_ns_ = 0;
  Answer answer_;
};

}  // namespace feedfarm::testing
