#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "pipeline/shard/book_shard.h"

namespace feedfarm {

// Joins the shards' updates into one stream, in the order of the messages that caused them: an update is given out once
// no shard can bring an earlier one. One thread.
template <FeedBook Book>
class TopMerge {
 public:
  // shards: borrowed, at least one.
  explicit TopMerge(std::vector<BookShard<Book>*> shards) : shards_(std::move(shards)), ready_(shards_.size()) {}

  // Gives what is certain by now to sink(const TopUpdate&). Returns how many.
  template <class Sink>
  size_t Poll(Sink&& sink) {
    // Marks before rings: an update below a shard's mark is then in its ring.
    uint64_t limit = std::numeric_limits<uint64_t>::max();
    for (const BookShard<Book>* shard : shards_) limit = std::min(limit, shard->done());
    for (size_t i = 0; i < shards_.size(); ++i) ready_[i] = {shards_[i]->out().Readable(), 0};
    size_t given = 0;
    for (Ready* next = Next(limit); next != nullptr; next = Next(limit), ++given) {
      sink(shards_[static_cast<size_t>(next - ready_.data())]->out().Item(next->taken));
      ++next->taken;
    }
    for (size_t i = 0; i < shards_.size(); ++i) {
      if (ready_[i].taken != 0) shards_[i]->out().Release(ready_[i].taken);
    }
    return given;
  }

 private:
  struct Ready {
    size_t count = 0;
    size_t taken = 0;
  };

  // The shard whose next update has the lowest order, below `limit`; nullptr where there is none.
  Ready* Next(uint64_t limit) {
    Ready* best = nullptr;
    uint64_t best_order = limit;
    for (size_t i = 0; i < shards_.size(); ++i) {
      if (ready_[i].taken == ready_[i].count) continue;
      const uint64_t order = shards_[i]->out().Item(ready_[i].taken).order;
      if (order >= best_order) continue;
      best_order = order;
      best = &ready_[i];
    }
    return best;
  }

  const std::vector<BookShard<Book>*> shards_;
  std::vector<Ready> ready_;
};

}  // namespace feedfarm
