#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "pipeline/book/book_stage.h"
#include "pipeline/shard/book_shard.h"

namespace feedfarm {

// The book stage over several cores: hands each message to the shard of its instrument. An instrument's messages stay
// in order; the order between instruments comes back in TopMerge.
//
// Where a shard's ring is full the dispatcher waits for it, and packets wait in the receive ring: `stalls` counts the
// times. The shards' threads belong to someone else (ShardThreads); without them, `turn` lets a test be the scheduler.
template <FeedBook Book>
class ShardedBook final : public BookStage {
 public:
  using Shard = BookShard<Book>;

  // shards: borrowed, at least one. `turn` is called again and again while the dispatcher waits.
  explicit ShardedBook(
      std::vector<Shard*> shards, std::function<void()> turn = [] { __builtin_ia32_pause(); })
      : shards_(std::move(shards)), turn_(std::move(turn)) {}

  void Clear() override {
    for (Shard* shard : shards_) {
      AwaitRoom(*shard);
      ShardMessage& slot = shard->in().Slot();
      slot.kind = ShardMessage::Kind::kClear;
      slot.order = next_order_;
      slot.size = 0;
      shard->in().Commit(1);
    }
    ++next_order_;
    MarkAll();
  }

  void Apply(uint64_t first_sequence, std::span<const std::span<const uint8_t>> messages) override {
    for (const std::span<const uint8_t> message : messages) {
      Shard& shard = *shards_[Book::Route(message) % shards_.size()];
      if (shard.in().Writable() == 0) [[unlikely]]
        AwaitRoom(shard);
      shard.in().Slot().Take(next_order_++, first_sequence++, message);
      shard.in().Commit(1);
    }
    MarkAll();
  }

  BookTotals Totals() const override {
    BookTotals totals;
    for (const Shard* shard : shards_) {
      const BookTotals one = shard->Totals();
      totals.orders_live += one.orders_live;
      totals.levels_live += one.levels_live;
      for (size_t i = 0; i < kBookOutcomes; ++i) totals.outcomes[i] += one.outcomes[i];
    }
    return totals;
  }

  // Waits until the shards have nothing left to do.
  uint64_t StateHash() override {
    uint64_t sum = 0;
    for (Shard* shard : shards_) {
      while (shard->done() < next_order_) turn_();
      sum += shard->book().StateHash();
    }
    return sum;
  }

  uint64_t stalls() const { return stalls_; }

 private:
  void AwaitRoom(Shard& shard) {
    if (shard.in().Writable() != 0) return;
    ++stalls_;
    // Idle shards must know how far the others may go: the merge waits for all of them, the full one for the merge.
    MarkAll();
    while (shard.in().Writable() == 0) turn_();
  }

  void MarkAll() {
    for (Shard* shard : shards_) shard->Mark(next_order_);
  }

  const std::vector<Shard*> shards_;
  const std::function<void()> turn_;
  uint64_t next_order_ = 0;
  uint64_t stalls_ = 0;
};

}  // namespace feedfarm
