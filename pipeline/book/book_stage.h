#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "pipeline/book/feed_book.h"

namespace feedfarm {

// What the books did so far and hold now.
struct BookTotals {
  std::array<uint64_t, kBookOutcomes> outcomes{};  // messages by BookOutcome
  uint64_t orders_live = 0;
  uint64_t levels_live = 0;
};

// The stage behind delivery: messages, once each and in order, become books. Where they become so (here, or on the
// cores of several shards) is the implementation's. Called by the hot thread, a run of messages at a time.
class BookStage {
 public:
  virtual ~BookStage() = default;

  // A new generation: its orders are others. All books are empty.
  virtual void Clear() = 0;

  // Messages that follow each other from `first_sequence` on. They need to live until the call returns.
  virtual void Apply(uint64_t first_sequence, std::span<const std::span<const uint8_t>> messages) = 0;

  // Cost: a copy; what shards have not yet done is missing.
  virtual BookTotals Totals() const = 0;

  // Of all books after everything applied. Walks them: not while packets come.
  virtual uint64_t StateHash() = 0;
};

// Applies on the spot.
template <FeedBook Book>
class InlineBook final : public BookStage {
 public:
  explicit InlineBook(std::unique_ptr<Book> book) : book_(std::move(book)) {}

  // What the book counted so far stands for `outcomes`: of a stream whose state was loaded.
  void CountFrom(const std::array<uint64_t, kBookOutcomes>& outcomes) {
    for (size_t i = 0; i < kBookOutcomes; ++i) before_[i] = outcomes[i] - book_->Outcomes()[i];
  }

  void Clear() override { book_->Clear(); }

  void Apply(uint64_t, std::span<const std::span<const uint8_t>> messages) override {
    book_->ApplyRun(messages, nullptr);
  }

  BookTotals Totals() const override {
    BookTotals totals = TotalsOf(*book_);
    for (size_t i = 0; i < kBookOutcomes; ++i) totals.outcomes[i] += before_[i];
    return totals;
  }
  uint64_t StateHash() override { return book_->StateHash(); }

  Book& book() { return *book_; }

  static BookTotals TotalsOf(const Book& book) {
    BookTotals totals{.orders_live = book.orders_live(), .levels_live = book.levels_live()};
    std::ranges::copy(book.Outcomes(), totals.outcomes.begin());
    return totals;
  }

 private:
  const std::unique_ptr<Book> book_;
  std::array<uint64_t, kBookOutcomes> before_{};  // modulo 2^64
};

}  // namespace feedfarm
