#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/journal/journal_core.h"
#include "pipeline/journal/journal_thread.h"

namespace feedfarm {

// The durable journal of a handler. Its whole life:
//
//   DiskFolder::Open(path)             locks the folder
//   Journal<Book>::Open(...)           recovers into the handler's own book; recovered() is where the feed goes on
//   Start()                            the journal thread begins
//   ring().Begin / Append / Publish    hot thread: never waits, never allocates
//   Stop()                             after the hot thread has published its last: drains, seals, last snapshot
//
// The journal thread keeps a shadow book by applying what it journals and makes snapshots of that one.
template <FeedBook Book>
class Journal {
 public:
  // `book` is the handler's, cleared and filled here and not used later; `shadow` an empty one with the same bounds
  // (nullptr = no snapshots). folder and clock are borrowed and outlive the journal.
  // Status: as JournalRecovery::Run; INVALID_ARGUMENT: ring_bytes; otherwise errno of what failed.
  static absl::StatusOr<std::unique_ptr<Journal>> Open(const JournalOptions& options, JournalFolder* folder,
                                                       const Clock* clock, Book* book, std::unique_ptr<Book> shadow) {
    FEEDFARM_ASSIGN_OR_RETURN(auto core,
                              JournalCore<Book>::Open(options, folder, clock, clock->Unix(), book, std::move(shadow)));
    return std::unique_ptr<Journal>(new Journal(options, clock, std::move(core)));
  }
  ~Journal() { (void)Stop(); }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Where the feed goes on; joined == false: a journal without records, begin as without one.
  const JournalCursor& recovered() const { return recovered_; }
  // The counters of the stream up to there.
  const StreamTally& recovered_tally() const { return recovered_tally_; }
  const RecoveryReport& report() const { return core_->report(); }

  // Hot thread.
  JournalRing& ring() { return core_->ring(); }

  void Start() {
    thread_ = std::make_unique<JournalThread>(JournalThread::Options{.idle_ns = options_.idle_ns, .cpu = options_.cpu},
                                              [this] { return Step(); });
  }

  // Any thread: asks for a snapshot of what is published by now, soon. stats() tells when it is there.
  void RequestSnapshot() { snapshot_requested_.store(true, std::memory_order_relaxed); }

  // After the hot thread's last Publish. The first error; harmless twice.
  absl::Status Stop() {
    if (stopped_) return stop_status_;
    stopped_ = true;
    if (thread_ != nullptr) thread_->Stop();
    stop_status_ = core_->Finish();
    Share();
    return stop_status_;
  }

  // Any thread. Cost: a lock and a copy of 200 bytes.
  JournalStats stats() const {
    absl::MutexLock lock(&mutex_);
    return stats_;
  }

  // Of the shadow book and the stream up to the last record; only after Stop.
  const JournalState<Book>& state() const { return core_->state(); }

 private:
  Journal(const JournalOptions& options, const Clock* clock, std::unique_ptr<JournalCore<Book>> core)
      : options_(options),
        clock_(clock),
        core_(std::move(core)),
        recovered_(core_->state().cursor()),
        recovered_tally_(core_->state().tally()) {
    Share();
  }

  bool Step() {
    const bool requested = snapshot_requested_.exchange(false, std::memory_order_relaxed);
    const bool worked = core_->Step(clock_->Monotonic());
    if (requested && core_->state().in_state()) snapshot_requested_.store(true, std::memory_order_relaxed);
    if (requested) (void)core_->Snapshot();
    Share();
    return worked;
  }

  void Share() {
    absl::MutexLock lock(&mutex_);
    stats_ = core_->stats();
  }

  const JournalOptions options_;
  const Clock* const clock_;
  const std::unique_ptr<JournalCore<Book>> core_;
  const JournalCursor recovered_;
  const StreamTally recovered_tally_;
  std::atomic<bool> snapshot_requested_{false};
  bool stopped_ = false;
  absl::Status stop_status_;
  mutable absl::Mutex mutex_;
  JournalStats stats_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<JournalThread> thread_;  // last: ends first
};

}  // namespace feedfarm
