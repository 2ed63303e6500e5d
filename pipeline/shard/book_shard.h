#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "pipeline/base/spsc_ring.h"
#include "pipeline/book/book_stage.h"
#include "pipeline/book/top_update.h"
#include "pipeline/shard/shard_message.h"

namespace feedfarm {

// The books of some of the instruments, on a thread of their own: messages come in through one ring, changes of best
// prices go out through another. Three threads meet here, each with its own part: the dispatcher writes, the shard's
// thread polls, the merge reads.
//
// done() is what the merge needs to know: this shard has applied everything that it will ever get with a lower order.
// It moves on without messages too, by the dispatcher's marks.
template <FeedBook Book>
class BookShard {
 public:
  struct Sizes {
    size_t messages = 16'384;  // of the ring in, power of two
    size_t updates = 16'384;   // of the ring out, power of two
  };

  BookShard(std::unique_ptr<Book> book, const Sizes& sizes)
      : book_(std::move(book)), in_(sizes.messages), out_(sizes.updates) {}

  // --- Dispatcher ---

  SpscRing<ShardMessage>& in() { return in_; }
  // Every message with an order below `mark` was committed, to whichever shard.
  void Mark(uint64_t mark) { dispatched_.store(mark, std::memory_order_release); }  // pairs with Poll's first load

  // --- The shard's thread ---

  // One turn: applies what is there, as far as updates can be written. False: there was nothing to do.
  bool Poll() {
    // The mark first: what it covers is then in the ring.
    const uint64_t mark = dispatched_.load(std::memory_order_acquire);
    const size_t waiting = in_.Readable();
    const size_t count = std::min({waiting, kTurn, out_.Writable(kTurn)});
    uint64_t done = 0;
    Updates updates(*this);
    for (size_t i = 0; i < count;) {
      const size_t run = RunFrom(i, count);
      updates.Begin(i);
      book_->ApplyRun(std::span(views_).first(run), &updates);
      i += run;
      if (i < count && in_.Item(i).kind == ShardMessage::Kind::kClear) {
        book_->Clear();
        ++i;
      }
      done = in_.Item(i - 1).order + 1;
    }
    if (updates.count() != 0) out_.Commit(updates.count());
    if (count != 0) in_.Release(count);
    const bool drained = count == waiting;
    if (drained) {
      done = std::max(done, mark);
      if (count != 0 || !published_) Publish();
    } else {
      published_ = false;
    }
    if (done > done_.load(std::memory_order_relaxed))
      done_.store(done, std::memory_order_release);  // pairs with done()
    return count != 0;
  }

  // --- The merge ---

  SpscRing<TopUpdate>& out() { return out_; }
  // Updates with a lower order are in the ring out, all of them.
  uint64_t done() const { return done_.load(std::memory_order_acquire); }

  // --- Any thread ---

  // As of the last time that there was nothing left to do.
  BookTotals Totals() const {
    BookTotals totals{.orders_live = orders_live_.load(std::memory_order_relaxed),
                      .levels_live = levels_live_.load(std::memory_order_relaxed)};
    for (size_t i = 0; i < kBookOutcomes; ++i) totals.outcomes[i] = outcomes_[i].load(std::memory_order_relaxed);
    return totals;
  }
  // Only while the shard's thread has nothing to do: done() is the dispatcher's last mark.
  const Book& book() const { return *book_; }

 private:
  static constexpr size_t kTurn = 256;

  // Puts the changes of best prices into the ring out.
  class Updates final : public TopListener {
   public:
    explicit Updates(BookShard& shard) : shard_(shard) {}
    // The next run begins at this item of the ring in.
    void Begin(size_t first) { first_ = first; }
    void TopChanged(size_t index, const TopOfBook& top) override {
      const ShardMessage& message = shard_.in_.Item(first_ + index);
      shard_.out_.Slot(count_++) = {message.order, message.sequence, top};
    }
    size_t count() const { return count_; }

   private:
    BookShard& shard_;
    size_t first_ = 0;
    size_t count_ = 0;
  };

  // The messages from item `first` on up to the next clearing, put into views_. How many.
  size_t RunFrom(size_t first, size_t count) {
    size_t run = 0;
    for (; first + run < count && in_.Item(first + run).kind != ShardMessage::Kind::kClear; ++run) {
      views_[run] = in_.Item(first + run).view();
    }
    return run;
  }

  void Publish() {
    const BookTotals totals = InlineBook<Book>::TotalsOf(*book_);
    orders_live_.store(totals.orders_live, std::memory_order_relaxed);
    levels_live_.store(totals.levels_live, std::memory_order_relaxed);
    for (size_t i = 0; i < kBookOutcomes; ++i) outcomes_[i].store(totals.outcomes[i], std::memory_order_relaxed);
    published_ = true;
  }

  const std::unique_ptr<Book> book_;
  std::array<std::span<const uint8_t>, kTurn> views_;
  SpscRing<ShardMessage> in_;
  SpscRing<TopUpdate> out_;
  bool published_ = false;
  alignas(64) std::atomic<uint64_t> dispatched_{0};
  alignas(64) std::atomic<uint64_t> done_{0};
  std::atomic<uint64_t> orders_live_{0};
  std::atomic<uint64_t> levels_live_{0};
  std::array<std::atomic<uint64_t>, kBookOutcomes> outcomes_{};
};

}  // namespace feedfarm
