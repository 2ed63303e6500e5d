#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/book/feed_book.h"
#include "pipeline/journal/journal_options.h"
#include "pipeline/journal/journal_recovery.h"
#include "pipeline/journal/journal_ring.h"
#include "pipeline/journal/journal_state.h"
#include "pipeline/journal/journal_stats.h"
#include "pipeline/journal/segment_writer.h"
#include "pipeline/journal/snapshot_store.h"

namespace feedfarm {

// All that the journal thread does, without a thread: Step takes a group from the ring, applies it to the shadow book,
// writes it, syncs by policy, goes to the next segment, makes a snapshot when one is due.
//
// After an error of the disk, or a record that contradicts the ones before, journalling is over: Step does nothing
// more, stats().status says why, and durable_record stays at what is known. A snapshot that fails stops nothing: the
// segments stay. One thread.
template <FeedBook Book>
class JournalCore {
 public:
  // Recovers what `folder` holds into `book`, and readies `shadow` (nullptr = no snapshots; the journal then only
  // grows) and a new segment. All is borrowed but the shadow. Status: as JournalRecovery::Run; errno of what failed.
  static absl::StatusOr<std::unique_ptr<JournalCore>> Open(const JournalOptions& options, JournalFolder* folder,
                                                           const Clock* clock, uint64_t salt_seed, Book* book,
                                                           std::unique_ptr<Book> shadow) {
    FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<JournalRing> ring, JournalRing::Create(options.ring_bytes));
    std::unique_ptr<JournalCore> core(
        new JournalCore(options, folder, clock, salt_seed, std::move(ring), std::move(shadow)));
    FEEDFARM_RETURN_IF_ERROR(core->Recover(book));
    return core;
  }

  // True where there was something to do; `now_ns` is CLOCK_MONOTONIC.
  bool Step(uint64_t now_ns) {
    if (!stats_.status.ok()) return false;
    const bool taken = writer_.Take(*ring_);
    Keep(taken ? WriteTaken(now_ns) : absl::OkStatus());
    if (stats_.status.ok() && SyncDue(now_ns)) Keep(SyncNow());
    if (stats_.status.ok() && writer_.segment_bytes() >= options_.segment_bytes) Keep(writer_.Begin(state_.cursor()));
    if (stats_.status.ok() && SnapshotDue()) (void)Snapshot();
    NoteDurable();
    return taken;
  }

  // Makes a snapshot now, of all that was taken. FAILED_PRECONDITION: no shadow book, or the book is being replaced;
  // the status of the disk otherwise.
  absl::Status Snapshot() {
    if (!stats_.status.ok()) return stats_.status;
    if (shadow_ == nullptr) return absl::FailedPreconditionError("no snapshots without a shadow book");
    if (state_.in_state()) return absl::FailedPreconditionError("no snapshot while the book is being replaced");
    if (store_->newest() == state_.cursor().record) return absl::OkStatus();
    const uint64_t begin_ns = clock_->Monotonic();
    if (!writer_.segment_empty()) Keep(writer_.Begin(state_.cursor()));
    NoteDurable();
    if (!stats_.status.ok()) return stats_.status;
    messages_at_snapshot_ = state_.cursor().messages;
    stats_.snapshot_status = CommitAndPrune();
    stats_.snapshot_max_ns = std::max(stats_.snapshot_max_ns, clock_->Monotonic() - begin_ns);
    return stats_.snapshot_status;
  }

  // Takes all that is published, makes it durable, seals it, and makes the last snapshot where options say so.
  // The first error.
  absl::Status Finish() {
    while (Step(clock_->Monotonic())) {
    }
    if (stats_.status.ok()) Keep(Seal());
    NoteDurable();
    if (!stats_.status.ok()) return stats_.status;
    if (options_.snapshot_at_stop && shadow_ != nullptr && !state_.in_state()) return Snapshot();
    return absl::OkStatus();
  }

  JournalRing& ring() { return *ring_; }
  const JournalStats& stats() const { return stats_; }
  const RecoveryReport& report() const { return report_; }
  const JournalState<Book>& state() const { return state_; }

 private:
  JournalCore(const JournalOptions& options, JournalFolder* folder, const Clock* clock, uint64_t salt_seed,
              std::unique_ptr<JournalRing> ring, std::unique_ptr<Book> shadow)
      : options_(options),
        folder_(folder),
        clock_(clock),
        ring_(std::move(ring)),
        shadow_(std::move(shadow)),
        state_(nullptr),
        writer_(options, folder, clock, salt_seed, &stats_) {}

  absl::Status Recover(Book* book) {
    state_.MoveTo(book);
    JournalRecovery recovery(folder_, clock_, &state_);
    FEEDFARM_ASSIGN_OR_RETURN(report_, recovery.Run());
    state_.MoveTo(shadow_.get());
    const bool loaded = !report_.snapshot.empty();
    store_.emplace(folder_, loaded ? std::optional(report_.snapshot_record) : std::nullopt);
    messages_at_snapshot_ = state_.cursor().messages - report_.messages;
    FEEDFARM_RETURN_IF_ERROR(writer_.Begin(state_.cursor()));
    NoteDurable();
    return absl::OkStatus();
  }

  // Applied first: what contradicts the state never reaches the disk.
  absl::Status WriteTaken(uint64_t now_ns) {
    for (const RecordView& record : writer_.taken()) FEEDFARM_RETURN_IF_ERROR(state_.Apply(record));
    if (!writer_.dirty()) dirty_since_ns_ = now_ns;
    FEEDFARM_RETURN_IF_ERROR(writer_.Write());
    stats_.written_record = state_.cursor().record;
    return absl::OkStatus();
  }

  bool SyncDue(uint64_t now_ns) const {
    if (!writer_.dirty()) return false;
    switch (options_.sync.kind) {
      case SyncPolicy::Kind::kNone:
        return false;
      case SyncPolicy::Kind::kInterval:
        return now_ns - dirty_since_ns_ >= options_.sync.interval_ns;
      case SyncPolicy::Kind::kGroup:
        return true;
    }
    return false;
  }

  bool SnapshotDue() const {
    return shadow_ != nullptr && options_.snapshot_messages != 0 && !state_.in_state() &&
           state_.cursor().messages - messages_at_snapshot_ >= options_.snapshot_messages;
  }

  absl::Status SyncNow() { return writer_.Sync(); }

  absl::Status Seal() {
    FEEDFARM_RETURN_IF_ERROR(writer_.Seal());
    for (const RecordView& record : writer_.taken()) FEEDFARM_RETURN_IF_ERROR(state_.Apply(record));
    stats_.written_record = state_.cursor().record;
    return absl::OkStatus();
  }

  absl::Status CommitAndPrune() {
    const absl::Status status = store_->Commit(
        {.cursor = state_.cursor(), .tally = state_.tally(), .state_hash = shadow_->StateHash()}, *shadow_);
    ++(status.ok() ? stats_.snapshots : stats_.snapshot_failures);
    if (!status.ok()) return status;
    stats_.snapshot_record = state_.cursor().record;
    return store_->Prune();
  }

  // What is written is durable when nothing is dirty.
  void NoteDurable() {
    stats_.overrun = ring_->overrun();
    if (!stats_.status.ok() || writer_.dirty()) return;
    const JournalCursor& cursor = state_.cursor();
    stats_.written_record = stats_.durable_record = cursor.record;
    stats_.durable_generation = cursor.generation;
    stats_.durable_next_sequence = cursor.next_sequence;
  }

  void Keep(const absl::Status& status) {
    if (stats_.status.ok()) stats_.status = status;
  }

  const JournalOptions options_;
  JournalFolder* const folder_;
  const Clock* const clock_;
  const std::unique_ptr<JournalRing> ring_;
  const std::unique_ptr<Book> shadow_;
  JournalStats stats_;
  RecoveryReport report_;
  JournalState<Book> state_;
  SegmentWriter writer_;
  std::optional<SnapshotStore> store_;
  uint64_t messages_at_snapshot_ = 0;
  uint64_t dirty_since_ns_ = 0;
};

}  // namespace feedfarm
