#include "pipeline/shard/sharded_book.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/rng.h"
#include "pipeline/book/itch_book.h"
#include "pipeline/book/top_update.h"
#include "pipeline/shard/book_shards.h"
#include "pipeline/shard/shard_threads.h"
#include "pipeline/shard/top_merge.h"
#include "tests/support/hostile_itch.h"

namespace feedfarm {
namespace {

using Message = std::vector<uint8_t>;
using Shard = BookShard<ItchBook>;

std::unique_ptr<ItchBook> MakeBook() {
  auto book = ItchBook::Create({.orders_max = 1 << 14, .levels_max = 1 << 13, .locates_max = 256});
  EXPECT_TRUE(book.ok()) << book.status();
  return *std::move(book);
}

// A hostile stream whose references are each of one instrument, as an exchange's are: who has a reference is all that
// books of different shards cannot know of each other.
std::vector<Message> Stream(uint64_t seed, size_t count) {
  HostileItch hostile(seed, 257, 1 << 14);
  std::vector<Message> messages;
  for (size_t i = 0; i < count; ++i) {
    const std::span<const uint8_t> next = hostile.Next();
    messages.emplace_back(next.begin(), next.end());
    Message& message = messages.back();
    for (size_t at : {size_t{11}, size_t{19}}) {
      if (message.size() < at + 8 || (at == 19 && message[0] != 'U')) continue;
      const uint64_t locate = LoadBig<uint16_t>(message.data() + 1);
      StoreBig<uint64_t>(message.data() + at,
                         (LoadBig<uint64_t>(message.data() + at) & 0xFFFF'FFFF'FFFF) | locate << 48);
    }
  }
  return messages;
}

// What one book alone says.
struct Reference {
  TopHash tops;
  BookTotals totals;
  uint64_t state_hash = 0;
};

Reference Apply(const std::vector<Message>& messages, size_t clear_at) {
  Reference reference;
  const std::unique_ptr<ItchBook> book = MakeBook();
  for (size_t i = 0; i < messages.size(); ++i) {
    if (i == clear_at) book->Clear();
    const Applied applied = book->Apply(messages[i]);
    if (applied.top_changed) reference.tops.Add({i, i + 1, book->Top(applied.instrument)});
  }
  reference.totals = InlineBook<ItchBook>::TotalsOf(*book);
  reference.state_hash = book->StateHash();
  return reference;
}

void ExpectEqual(const BookTotals& a, const BookTotals& b) {
  EXPECT_EQ(a.outcomes, b.outcomes);
  EXPECT_EQ(a.orders_live, b.orders_live);
  EXPECT_EQ(a.levels_live, b.levels_live);
}

// Hands the stream out in random runs.
void Dispatch(const std::vector<Message>& messages, size_t clear_at, Rng& rng, BookStage& books) {
  std::vector<std::span<const uint8_t>> run;
  for (size_t i = 0; i < messages.size(); i += run.size()) {
    if (i == clear_at) books.Clear();
    const size_t border = i < clear_at ? clear_at : messages.size();
    run.assign(messages.begin() + i, messages.begin() + i + std::min<size_t>(1 + rng.Below(100), border - i));
    books.Apply(i + 1, run);
  }
}

class ShardedBookTest : public ::testing::TestWithParam<uint64_t> {};

// Every order in which the threads could take turns is fair: a seed draws one.
TEST_P(ShardedBookTest, EqualsOneBookUnderAnySchedule) {
  Rng rng(GetParam());
  const size_t count = 1 + rng.Below(4);
  // Rings so small that all of them fill up.
  std::vector<std::unique_ptr<Shard>> owned;
  std::vector<Shard*> shards;
  for (size_t i = 0; i < count; ++i) {
    owned.push_back(std::make_unique<Shard>(
        MakeBook(), Shard::Sizes{.messages = size_t{1} << rng.Below(7), .updates = size_t{1} << rng.Below(5)}));
    shards.push_back(owned.back().get());
  }
  TopMerge<ItchBook> merge(shards);
  TopHash tops;
  uint64_t last_order = 0;
  const auto sink = [&](const TopUpdate& update) {
    EXPECT_TRUE(tops.updates() == 0 || update.order > last_order);
    last_order = update.order;
    tops.Add(update);
  };
  const auto turn = [&] {
    const uint64_t who = rng.Below(count + 1);
    if (who == count) {
      merge.Poll(sink);
    } else {
      shards[who]->Poll();
    }
  };
  ShardedBook<ItchBook> books(shards, turn);
  const std::vector<Message> messages = Stream(GetParam(), 2'000);
  const size_t clear_at = rng.Below(messages.size());
  const Reference reference = Apply(messages, clear_at);
  Dispatch(messages, clear_at, rng, books);
  EXPECT_EQ(books.StateHash(), reference.state_hash);
  merge.Poll(sink);
  EXPECT_EQ(tops.updates(), reference.tops.updates());
  EXPECT_EQ(tops.value(), reference.tops.value());
  for (Shard* shard : shards) shard->Poll();
  ExpectEqual(books.Totals(), reference.totals);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ShardedBookTest, ::testing::Range<uint64_t>(1, 201));

// The same with real threads: what the seeds above draw by hand, the scheduler draws here.
TEST(ShardedBook, EqualsOneBookOnThreadsOfItsOwn) {
  for (const bool spin : {false, true}) {
    std::vector<std::unique_ptr<Shard>> owned;
    std::vector<Shard*> shards;
    std::vector<ShardThreads::Turn> turns;
    for (size_t i = 0; i < 3; ++i) {
      owned.push_back(std::make_unique<Shard>(MakeBook(), Shard::Sizes{.messages = 256, .updates = 64}));
      shards.push_back(owned.back().get());
      turns.push_back({.poll = [shard = shards.back()] { return shard->Poll(); }});
    }
    TopMerge<ItchBook> merge(shards);
    TopHash tops;
    turns.push_back({.poll = [&] { return merge.Poll([&](const TopUpdate& update) { tops.Add(update); }) != 0; }});
    const std::vector<Message> messages = Stream(spin ? 77 : 78, 30'000);
    const Reference reference = Apply(messages, 11'111);
    ShardedBook<ItchBook> books(shards, [] { std::this_thread::yield(); });
    ShardThreads threads(std::move(turns), spin);
    Rng rng(5);
    Dispatch(messages, 11'111, rng, books);
    EXPECT_EQ(books.StateHash(), reference.state_hash);
    threads.Stop();
    merge.Poll([&](const TopUpdate& update) { tops.Add(update); });
    EXPECT_EQ(tops.updates(), reference.tops.updates());
    EXPECT_EQ(tops.value(), reference.tops.value());
    ExpectEqual(books.Totals(), reference.totals);
  }
}

// What a handler has: everything made and owned by BookShards.
TEST(BookShards, SaysEveryChangeOfBestPricesInTheOrderOfTheMessages) {
  std::vector<std::unique_ptr<ItchBook>> empty;
  for (int i = 0; i < 3; ++i) empty.push_back(MakeBook());
  BookShards<ItchBook> shards(std::move(empty), {.spin = false, .cpus = {0}});
  EXPECT_TRUE(shards.not_granted().empty());
  const std::vector<Message> messages = Stream(79, 30'000);
  const Reference reference = Apply(messages, 11'111);
  Rng rng(6);
  Dispatch(messages, 11'111, rng, shards);
  EXPECT_EQ(shards.StateHash(), reference.state_hash);
  const TopHash tops = shards.FinishTops();
  EXPECT_GT(tops.updates(), 1'000u);
  EXPECT_EQ(tops.updates(), reference.tops.updates());
  EXPECT_EQ(tops.value(), reference.tops.value());
  ExpectEqual(shards.Totals(), reference.totals);
}

TEST(ShardedBook, LongMessagesAreMalformedThereToo) {
  Shard shard(MakeBook(), {.messages = 8, .updates = 8});
  ShardedBook<ItchBook> books({&shard}, [&] { shard.Poll(); });
  const Message huge(5'000, 'A'), empty;
  const std::vector<std::span<const uint8_t>> run = {huge, empty};
  books.Apply(1, run);
  EXPECT_EQ(books.StateHash(), MakeBook()->StateHash());
  EXPECT_EQ(books.Totals().outcomes[static_cast<size_t>(BookOutcome::kMalformed)], 2u);
}

}  // namespace
}  // namespace feedfarm
