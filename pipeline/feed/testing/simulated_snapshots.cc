#include "pipeline/feed/testing/simulated_snapshots.h"

#include <algorithm>

#include "glog/logging.h"

namespace feedfarm::testing {

void SimulatedSnapshots::Ask() {
  CHECK(released_) << "asked twice";
  released_ = false;
  under_way_ = true;
  ++asked;
  ready_ns_ = feed_->now_ns + 1 + rng_.Below(options_.delay_ns_max + 1);
  Serve();
}

void SimulatedSnapshots::Serve() {
  answer_ = {};
  if (options_.reject) {
    answer_.failure = SnapshotFailure::kNotAuthorised;
  } else if (options_.garbage) {
    answer_.failure = SnapshotFailure::kGarbage;
  } else if (rng_.Uniform() < options_.unreachable) {
    answer_.failure = SnapshotFailure::kUnreachable;
  } else if (asked <= options_.cut_first || rng_.Uniform() < options_.cut) {
    answer_.failure = SnapshotFailure::kCut;
  }
  if (answer_.failure != SnapshotFailure::kNone) return;
  uint64_t end = feed_->sent();
  if (rng_.Uniform() < options_.old) end -= std::min(end, rng_.Below(options_.old_messages_max + 1));
  MapBook book;
  uint32_t generation = 0;
  uint64_t next = 1;
  for (uint64_t i = 0; i < end; ++i) {
    const SimulatedMessage& message = feed_->message(i);
    if (message.generation != generation) book.Clear();
    generation = message.generation;
    next = message.sequence + 1;
    book.Apply(message.bytes);
  }
  image_.Clear();
  bool whole = true;
  book.EmitState([&](std::span<const uint8_t> message) { whole &= image_.Append(message); });
  if (!whole) {
    answer_.failure = SnapshotFailure::kTooLarge;
    return;
  }
  image_.Finish(feed_->Session(generation), next);
  answer_.image = &image_;
}

const SnapshotChannel::Answer* SimulatedSnapshots::Poll() {
  CHECK(under_way_);
  return feed_->now_ns >= ready_ns_ ? &answer_ : nullptr;
}

void SimulatedSnapshots::Release() {
  CHECK(under_way_);
  under_way_ = false;
  released_ = true;
}

}  // namespace feedfarm::testing
