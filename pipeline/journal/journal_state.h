#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "pipeline/base/endian.h"
#include "pipeline/book/feed_book.h"
#include "pipeline/feed/stream_hash.h"
#include "pipeline/journal/recovery_sink.h"

namespace feedfarm {

// What a journal's records lead to: the cursor, the tally and a book. The journal thread applies what it writes,
// recovery what it reads: one way to the same state. One thread.
template <FeedBook Book>
class JournalState final : public RecoverySink {
 public:
  // `book` is borrowed, and cleared by Reset; nullptr = cursor and tally alone.
  explicit JournalState(Book* book) : book_(book) { Reset(); }

  void Reset() override {
    cursor_ = {};
    tally_ = {};
    in_state_ = false;
    if (book_ != nullptr) book_->Clear();
    SetOutcomes({});
  }

  absl::Status Load(const SnapshotView& snapshot) override {
    MessageWalk walk(snapshot.body);
    if (const uint64_t messages = ApplyToBook(walk); messages != snapshot.messages || !walk.done()) {
      return absl::DataLossError(absl::StrCat("holds ", messages, " messages instead of ", snapshot.messages));
    }
    if (book_ != nullptr && book_->StateHash() != snapshot.header.state_hash) {
      return absl::DataLossError("its messages make a book of another state hash");
    }
    cursor_ = snapshot.header.cursor;
    tally_ = snapshot.header.tally;
    SetOutcomes(tally_.outcomes);
    return absl::OkStatus();
  }

  absl::Status Apply(const RecordView& record) override {
    const RecordHeader& header = record.header;
    if (header.record != cursor_.record) return Contradiction(header, "is not the next one");
    if (!cursor_.joined && header.kind != RecordKind::kBegin) return Contradiction(header, "stands before any begin");
    if (absl::Status status = ApplyKind(record); !status.ok()) return status;
    ++cursor_.record;
    return absl::OkStatus();
  }

  // Goes on with another book, which becomes equal to the one before.
  void MoveTo(Book* book) {
    const StreamTally so_far = tally();
    if (book != nullptr) {
      book->Clear();
      if (book_ != nullptr) book_->EmitState([book](std::span<const uint8_t> message) { book->Apply(message); });
    }
    book_ = book;
    tally_ = so_far;
    SetOutcomes(so_far.outcomes);
  }

  const JournalCursor& cursor() const override { return cursor_; }
  bool in_state() const override { return in_state_; }
  StreamTally tally() const {
    StreamTally tally = tally_;
    for (size_t i = 0; i < kBookOutcomes; ++i) tally.outcomes[i] = outcomes_before_[i] + BookOutcomeCount(i);
    return tally;
  }
  const Book* book() const { return book_; }

 private:
  // Messages applied as one run.
  static constexpr size_t kWindow = 512;

  static absl::Status Contradiction(const RecordHeader& header, absl::string_view what) {
    return absl::DataLossError(absl::StrCat("record ", header.record, " ", what));
  }

  absl::Status ApplyKind(const RecordView& record) {
    const RecordHeader& header = record.header;
    switch (header.kind) {
      case RecordKind::kMessages:
        return ApplyMessages(record);
      case RecordKind::kBegin:
        if (record.body.size() != 16 + kFrontBytes) return Contradiction(header, "has another length than a begin's");
        if (cursor_.joined && header.generation <= cursor_.generation) {
          return Contradiction(header, "begins a generation that is not newer");
        }
        Begin(header, {LoadLittle<uint64_t>(record.body.data()), LoadLittle<uint64_t>(record.body.data() + 8)},
              DecodeFront(record.body.data() + 16));
        in_state_ = false;
        if (book_ != nullptr) book_->Clear();
        return absl::OkStatus();
      case RecordKind::kFront:
        if (record.body.size() != kFrontBytes) return Contradiction(header, "has another length than a front's");
        if (header.generation == cursor_.generation) cursor_.front = DecodeFront(record.body.data());
        return absl::OkStatus();
      case RecordKind::kState:
        return ApplyState(record);
      case RecordKind::kSeal:
        return absl::OkStatus();
    }
    return Contradiction(header, "is of no known kind");
  }

  void Begin(const RecordHeader& header, const SessionId& session, const StreamFront& front) {
    if (cursor_.joined && !(cursor_.session == session)) ++tally_.session_changes;
    cursor_.Begin(header.generation, session, header.first_sequence, front);
  }

  absl::Status ApplyMessages(const RecordView& record) {
    const RecordHeader& header = record.header;
    if (in_state_) return Contradiction(header, "stands inside of a state");
    if (header.generation != cursor_.generation) return Contradiction(header, "is of another generation");
    if (header.first_sequence < cursor_.next_sequence || header.first_sequence > UINT64_MAX - header.count) {
      return Contradiction(header, "goes back in the stream");
    }
    StreamHash hash(cursor_.stream_hash);
    uint64_t sequence = header.first_sequence;
    MessageWalk walk(record.body);
    ApplyToBook(walk, [&](std::span<const uint8_t> message) {
      hash.Add(header.generation, sequence++, message);
      if (!message.empty()) ++tally_.types[message[0]];
    });
    if (sequence - header.first_sequence != header.count || !walk.done()) {
      return Contradiction(header, "does not hold the messages that it says");
    }
    cursor_.stream_hash = hash.value();
    cursor_.messages += header.count;
    cursor_.next_sequence = sequence;
    return absl::OkStatus();
  }

  absl::Status ApplyState(const RecordView& record) {
    const RecordHeader& header = record.header;
    if ((header.flags & kStateFirst) != 0) {
      in_state_ = true;
      if (book_ != nullptr) book_->Clear();
    }
    if (!in_state_) return Contradiction(header, "goes on with a state that did not begin");
    MessageWalk walk(record.body);
    if (ApplyToBook(walk) != header.count || !walk.done()) {
      return Contradiction(header, "does not hold the messages that it says");
    }
    if ((header.flags & kStateLast) != 0) {
      if (header.generation != cursor_.generation) return Contradiction(header, "is of another generation");
      in_state_ = false;
      cursor_.next_sequence = header.first_sequence;
    }
    return absl::OkStatus();
  }

  // Applies all that `walk` has, telling `observe` of each. Returns how many.
  template <class Observe>
  uint64_t ApplyToBook(MessageWalk& walk, Observe observe) {
    std::array<std::span<const uint8_t>, kWindow> window;
    uint64_t messages = 0;
    size_t count = 0;
    do {
      for (count = 0; count < kWindow && walk.Next(&window[count]); ++count) observe(window[count]);
      if (book_ != nullptr) book_->ApplyRun(std::span(window).first(count), nullptr);
      messages += count;
    } while (count == kWindow);
    return messages;
  }
  uint64_t ApplyToBook(MessageWalk& walk) {
    return ApplyToBook(walk, [](std::span<const uint8_t>) {});
  }

  uint64_t BookOutcomeCount(size_t outcome) const { return book_ == nullptr ? 0 : book_->Outcomes()[outcome]; }
  // What tally() says from now on counts on from `outcomes`: making a state is no message of the stream.
  void SetOutcomes(const std::array<uint64_t, kBookOutcomes>& outcomes) {
    for (size_t i = 0; i < kBookOutcomes; ++i) outcomes_before_[i] = outcomes[i] - BookOutcomeCount(i);
  }

  Book* book_;
  JournalCursor cursor_;
  StreamTally tally_;
  // Modulo 2^64: added to the book's own counts they give the stream's.
  std::array<uint64_t, kBookOutcomes> outcomes_before_{};
  bool in_state_ = false;
};

}  // namespace feedfarm
