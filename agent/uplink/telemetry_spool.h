#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "pipeline/base/scoped_fd.h"
#include "proto/agent_service.pb.h"

namespace feedfarm {

// The intervals of one run's role, on disk from the moment they are made until the coordinator has them: a lost
// connection, a restarted coordinator and a killed agent lose none. (Not a failed machine: the file is not fsynced, as
// that would disturb what is measured.) Thread-safe.
//
// File: frames of u32 payload length, u64 XXH3 of the payload, payload (a serialized TelemetryInterval); little-endian.
// A torn end is cut off at Open. Sequences are given here, from 1, without holes. When the file would grow over the
// bound, the oldest intervals are dropped and counted: the hole then shows at the coordinator.
class TelemetrySpool {
 public:
  struct Options {
    std::string path;
    // About an hour of a busy handler.
    uint64_t bytes_max = 64 << 20;
  };

  // Opens or makes the file and goes on with its sequence. Errno of the failed call.
  static absl::StatusOr<std::unique_ptr<TelemetrySpool>> Open(Options options);

  // Gives `interval` the next sequence and keeps it. On an error (disk full) it is dropped and counted; its sequence is
  // used up.
  absl::Status Append(v1::TelemetryInterval interval) ABSL_LOCKS_EXCLUDED(mutex_);

  // The first interval after `sequence` that is still here. NOT_FOUND: none. DATA_LOSS: the file was changed under us.
  absl::StatusOr<v1::TelemetryInterval> After(uint64_t sequence) const ABSL_LOCKS_EXCLUDED(mutex_);

  // Everything up to `sequence` may go. Late and repeated acknowledgements are harmless.
  void Ack(uint64_t sequence) ABSL_LOCKS_EXCLUDED(mutex_);

  // Waits until last_sequence() is above `sequence` or until the deadline or Close. True when it is.
  bool WaitFor(uint64_t sequence, absl::Duration timeout) const ABSL_LOCKS_EXCLUDED(mutex_);
  // Wakes every waiter, for good.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);

  // Last one made; 0 = none yet.
  uint64_t last_sequence() const ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t acked() const ABSL_LOCKS_EXCLUDED(mutex_);
  bool collected() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Intervals lost because the bound was hit or the disk was full.
  uint64_t dropped() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // One interval in the file.
  struct Frame {
    uint64_t sequence;
    uint64_t offset;  // of the payload
    uint32_t size;
    uint64_t end() const { return offset + size; }
  };

  explicit TelemetrySpool(Options options) : options_(std::move(options)) {}

  absl::Status Load() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<std::string> ReadPayload(const Frame& frame) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  // Makes room for `bytes`, dropping the oldest frames when there is no other way.
  absl::Status MakeRoom(uint64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Rewrites the file with the frames that are still needed.
  absl::Status Compact() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  mutable absl::Mutex mutex_;
  ScopedFd fd_ ABSL_GUARDED_BY(mutex_);
  std::deque<Frame> frames_ ABSL_GUARDED_BY(mutex_);  // not acknowledged, ascending
  uint64_t size_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t last_sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t acked_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t dropped_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace feedfarm
