#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "pipeline/book/top_update.h"
#include "pipeline/shard/shard_threads.h"
#include "pipeline/shard/sharded_book.h"
#include "pipeline/shard/top_merge.h"

namespace feedfarm {

// Shards with all that they need to live: books, rings, a thread each, and one that merges their updates.
template <FeedBook Book>
class BookShards final : public BookStage {
 public:
  struct Options {
    bool spin = false;
    std::vector<int> cpus;  // of the shards, in turn; fewer than shards = the others are not pinned
  };

  // books: one a shard, at least one, empty.
  BookShards(std::vector<std::unique_ptr<Book>> books, const Options& options)
      : shards_(MakeShards(std::move(books))),
        merge_(Borrow(shards_)),
        dispatcher_(Borrow(shards_), [] { std::this_thread::yield(); }),
        threads_(Turns(options), options.spin) {}

  // Before the first Apply: deals out what `book` holds; it counts as `outcomes`.
  void Load(const Book& book, const std::array<uint64_t, kBookOutcomes>& outcomes) {
    book.EmitState([this](std::span<const uint8_t> message) { Apply(0, std::span(&message, 1)); });
    (void)dispatcher_.StateHash();  // waits
    const BookTotals loaded = dispatcher_.Totals();
    for (size_t i = 0; i < kBookOutcomes; ++i) before_[i] = outcomes[i] - loaded.outcomes[i];
  }

  void Clear() override { dispatcher_.Clear(); }
  void Apply(uint64_t first_sequence, std::span<const std::span<const uint8_t>> messages) override {
    dispatcher_.Apply(first_sequence, messages);
  }
  BookTotals Totals() const override {
    BookTotals totals = dispatcher_.Totals();
    for (size_t i = 0; i < kBookOutcomes; ++i) totals.outcomes[i] += before_[i];
    return totals;
  }
  uint64_t StateHash() override { return dispatcher_.StateHash(); }

  // The merged stream of changes of best prices, of everything applied since the books were made (Load's too). Ends the threads:
  // after the last Apply, by the thread that made it or later.
  TopHash FinishTops() {
    (void)dispatcher_.StateHash();  // waits: a shard that still has something to do needs the merge
    threads_.Stop();
    merge_.Poll([this](const TopUpdate& update) { tops_.Add(update); });
    return tops_;
  }

  const std::vector<std::string>& not_granted() const { return threads_.not_granted(); }

 private:
  using Shard = BookShard<Book>;
  using Shards = std::vector<std::unique_ptr<Shard>>;

  static Shards MakeShards(std::vector<std::unique_ptr<Book>> books) {
    Shards shards;
    for (std::unique_ptr<Book>& book : books) {
      shards.push_back(std::make_unique<Shard>(std::move(book), typename Shard::Sizes{}));
    }
    return shards;
  }
  static std::vector<Shard*> Borrow(const Shards& shards) {
    std::vector<Shard*> borrowed;
    for (const std::unique_ptr<Shard>& shard : shards) borrowed.push_back(shard.get());
    return borrowed;
  }

  std::vector<ShardThreads::Turn> Turns(const Options& options) {
    std::vector<ShardThreads::Turn> turns;
    for (size_t i = 0; i < shards_.size(); ++i) {
      turns.push_back({.poll = [shard = shards_[i].get()] { return shard->Poll(); },
                       .cpu = i < options.cpus.size() ? options.cpus[i] : -1});
    }
    turns.push_back(
        {.poll = [this] { return merge_.Poll([this](const TopUpdate& update) { tops_.Add(update); }) != 0; }});
    return turns;
  }

  Shards shards_;
  TopMerge<Book> merge_;
  TopHash tops_;  // the merge's thread
  ShardedBook<Book> dispatcher_;
  std::array<uint64_t, kBookOutcomes> before_{};  // modulo 2^64
  ShardThreads threads_;                          // last: ends first
};

}  // namespace feedfarm
