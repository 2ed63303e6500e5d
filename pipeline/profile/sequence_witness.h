#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "pipeline/book/book_stage.h"
#include "pipeline/book/itch_book.h"
#include "pipeline/journal/journal_ring.h"

namespace feedfarm {

// The book stage of a profile: an order book, and before it a witness that what comes is 1, 2, 3, ... without a jump,
// whatever the handler's own counters say. Journals what it sees where it is given a ring.
class SequenceWitness final : public BookStage {
 public:
  // `ring` borrowed; nullptr = no journal. Its first generation was begun.
  SequenceWitness(std::unique_ptr<ItchBook> book, JournalRing* ring) : book_(std::move(book)), ring_(ring) {}

  void Clear() override { book_.Clear(); }

  void Apply(uint64_t first_sequence, std::span<const std::span<const uint8_t>> messages) override {
    if (first_sequence > next_) ++sequence_gaps_;
    if (first_sequence < next_) ++sequence_repeats_;
    next_ = first_sequence + messages.size();
    book_.Apply(first_sequence, messages);
    if (ring_ == nullptr) return;
    for (const std::span<const uint8_t> message : messages) ring_->Append(/*generation=*/0, first_sequence++, message);
  }

  BookTotals Totals() const override { return book_.Totals(); }
  uint64_t StateHash() override { return book_.StateHash(); }

  uint64_t sequence_gaps() const { return sequence_gaps_; }
  uint64_t sequence_repeats() const { return sequence_repeats_; }

 private:
  InlineBook<ItchBook> book_;
  JournalRing* const ring_;
  uint64_t next_ = 1;
  uint64_t sequence_gaps_ = 0;
  uint64_t sequence_repeats_ = 0;
};

}  // namespace feedfarm
