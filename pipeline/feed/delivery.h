#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "pipeline/book/book_stage.h"
#include "pipeline/feed/feed_counters.h"
#include "pipeline/feed/feed_protocol.h"
#include "pipeline/feed/stream_auditor.h"
#include "pipeline/feed/stream_hash.h"
#include "pipeline/journal/journal_cursor.h"
#include "pipeline/journal/journal_ring.h"

namespace feedfarm {

// What happens to each message once its turn has come: counted by type, audited, hashed, applied to the books.
//
// Messages whose turn is certain before they are delivered are planned first and delivered together, over packets'
// borders too: the books then know what comes next. One thread; no allocation.
template <FeedProtocol Protocol>
class Delivery {
 public:
  static constexpr size_t kPlanMax = 1024;

  // Both borrowed; books may be nullptr: then nothing is applied.
  Delivery(FeedCounters* counters, BookStage* books) : counters_(counters), books_(books) {}

  // From now on every message goes to the journal as well; `journal` is borrowed.
  void KeepJournal(JournalRing* journal) { journal_ = journal; }

  // Goes on behind what a journal brought into the books.
  void Resume(const JournalCursor& cursor) {
    generation_ = cursor.generation;
    hash_ = StreamHash(cursor.stream_hash);
    auditor_.Resume(cursor.generation, cursor.next_sequence - 1);
  }

  // Messages planned and not yet delivered.
  size_t planned() const { return planned_; }
  bool HasRoom(size_t messages) const { return messages <= kPlanMax - planned_; }
  // Puts a message behind the plan; it must stay where it is until Flush.
  void Plan(std::span<const uint8_t> message) { plan_[planned_++] = message; }
  // Takes back what was planned after there were `planned`.
  void Unplan(size_t planned) { planned_ = planned; }

  // Delivers what is planned: sequences `first_sequence` and on.
  void Flush(uint32_t generation, uint64_t first_sequence) {
    if (planned_ == 0) return;
    DeliverRun(generation, first_sequence, std::span(plan_).first(planned_));
    planned_ = 0;
  }

  // Delivers one message at once. Nothing is planned.
  void Deliver(uint32_t generation, uint64_t sequence, std::span<const uint8_t> message) {
    DeliverRun(generation, sequence, std::span(&message, 1));
  }

  // A state that comes as a whole and not as messages of the stream: empty books, of this generation; then what fills
  // them. It is neither counted nor hashed.
  void BeginState(uint32_t generation) {
    generation_ = generation;
    if (books_ != nullptr) books_->Clear();
    if (journal_ == nullptr) return;
    journal_->BeginState(generation);
    state_open_ = true;
  }
  void ApplyState(std::span<const uint8_t> message) {
    if (books_ != nullptr) books_->Apply(/*first_sequence=*/0, std::span(&message, 1));
    if (journal_ != nullptr) journal_->AppendState(message);
  }
  void EndState(uint32_t generation, uint64_t next_sequence) {
    if (journal_ != nullptr) journal_->EndState(generation, next_sequence);
    state_open_ = false;
  }

  const StreamHash& hash() const { return hash_; }
  const StreamAuditor& auditor() const { return auditor_; }
  BookStage* books() const { return books_; }

 private:
  void DeliverRun(uint32_t generation, uint64_t first_sequence, std::span<const std::span<const uint8_t>> messages) {
    if (generation != generation_) [[unlikely]] {
      generation_ = generation;
      if (books_ != nullptr) books_->Clear();
      state_open_ = false;
    }
    // A state that was given up half-way: the books go on from what there is of it, and so does the journal.
    if (state_open_) [[unlikely]]
      EndState(generation, first_sequence);
    auditor_.ObserveRun(generation, first_sequence, messages.size());
    StreamHash hash = hash_;
    uint64_t sequence = first_sequence;
    uint64_t malformed = 0;
    for (const std::span<const uint8_t> message : messages) {
      malformed += Count(message) ? 0 : 1;
      hash.Add(generation, sequence++, message);
    }
    hash_ = hash;
    counters_->messages += messages.size();
    counters_->malformed_messages += malformed;
    if (journal_ != nullptr) {
      for (size_t i = 0; i < messages.size(); ++i) journal_->Append(generation, first_sequence + i, messages[i]);
    }
    if (books_ != nullptr) books_->Apply(first_sequence, messages);
  }

  // Whether it is as long as its type says.
  bool Count(std::span<const uint8_t> message) {
    if (message.empty()) [[unlikely]]
      return false;
    const uint8_t type = message[0];
    ++counters_->types[type];
    return Protocol::LengthFits(type, message.size());
  }

  FeedCounters* const counters_;
  BookStage* const books_;
  JournalRing* journal_ = nullptr;
  StreamHash hash_;
  StreamAuditor auditor_;
  uint32_t generation_ = 0;
  bool state_open_ = false;  // in the journal
  size_t planned_ = 0;
  std::array<std::span<const uint8_t>, kPlanMax> plan_;
};

}  // namespace feedfarm
