// The book against the reference on random and hostile streams.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <span>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"
#include "pipeline/book/itch_book.h"
#include "tests/support/book_agreement.h"
#include "tests/support/hostile_itch.h"
#include "tests/support/reference_book.h"
#include "tests/support/top_changes.h"

namespace feedfarm {
namespace {

constexpr int kStreams = 10'000;
constexpr uint32_t kLocates = 4;

struct Pair {
  ItchBook::Options options;
  std::unique_ptr<ItchBook> book;
  std::unique_ptr<ItchBook> ran;  // the same messages, in runs
  std::unique_ptr<ItchBook> rebuilt;
};

uint64_t Seed() {
  const char* text = std::getenv("FEEDFARM_TEST_SEED");
  return text == nullptr ? 20191230 : std::strtoull(text, nullptr, 0);
}

std::unique_ptr<ItchBook> MakeBook(const ItchBook::Options& options) {
  auto book = ItchBook::Create(options);
  EXPECT_TRUE(book.ok()) << book.status();
  return *std::move(book);
}

// Roomy, and with bounds that the streams reach.
std::array<Pair, 4> MakeBooks() {
  std::array<Pair, 4> pairs;
  const std::array<std::array<uint32_t, 2>, 4> bounds = {{{2000, 2000}, {20, 2000}, {2000, 12}, {60, 25}}};
  for (size_t i = 0; i < pairs.size(); ++i) {
    pairs[i].options = {
        .orders_max = bounds[i][0], .levels_max = bounds[i][1], .locates_max = kLocates, .orders_near = 10};
    pairs[i].book = MakeBook(pairs[i].options);
    pairs[i].ran = MakeBook(pairs[i].options);
    pairs[i].rebuilt = MakeBook(pairs[i].options);
  }
  return pairs;
}

class Stream {
 public:
  Stream(uint64_t seed, Pair& pair)
      : pair_(pair),
        reference_(pair.options.orders_max, pair.options.levels_max, kLocates),
        messages_(seed, kLocates, 4096),
        rng_(seed) {
    pair.book->Clear();
    pair.ran->Clear();
  }

  void Run(int messages, int compare_each) {
    for (int i = 0; i < messages && !testing::Test::HasFatalFailure(); ++i) {
      Step();
      if (pending_.size() == run_) ApplyRun();
      if (i % compare_each == compare_each - 1) Compare();
    }
    ApplyRun();
    Compare();
    ASSERT_EQ(pair_.ran->StateHash(), pair_.book->StateHash());
    ASSERT_TRUE(Agree(*pair_.ran, reference_));
    ASSERT_TRUE(EmitsItself(*pair_.book, *pair_.rebuilt));
    ASSERT_TRUE(Agree(*pair_.rebuilt, reference_));
  }

  const std::array<uint64_t, kBookOutcomes>& outcomes() const { return outcomes_; }

 private:
  void Step() {
    const std::span<const uint8_t> message = messages_.Next();
    const uint16_t locate = message.size() < 3 ? 0 : static_cast<uint16_t>(message[1] << 8 | message[2]);
    const TopOfBook before = reference_.Top(locate);
    const Applied applied = pair_.book->Apply(message);
    const BookOutcome wanted = reference_.Apply(message);
    ASSERT_EQ(Name(applied.outcome), Name(wanted)) << "type " << message[0];
    ++outcomes_[static_cast<size_t>(wanted)];
    const TopOfBook after = reference_.Top(locate);
    ASSERT_EQ(pair_.book->Top(locate), after);
    ASSERT_TRUE(before == after || applied.top_changed) << "type " << message[0];
    ASSERT_TRUE(before != after || !applied.top_changed || message[0] == 'U') << "type " << message[0];
    ASSERT_TRUE(applied.instrument == locate || wanted == BookOutcome::kMalformed);
    if (applied.top_changed) tops_.changes.emplace_back(pending_.size(), after);
    pending_.emplace_back(message.begin(), message.end());
  }

  void ApplyRun() {
    const std::vector<std::span<const uint8_t>> views(pending_.begin(), pending_.end());
    TopChanges tops;
    const bool listened = rng_.Below(2) == 0;
    pair_.ran->ApplyRun(views, listened ? &tops : nullptr);
    if (listened) {
      ASSERT_EQ(tops.changes, tops_.changes);
    }
    ASSERT_TRUE(std::ranges::equal(CountsSince(*pair_.ran, ran_before_), CountsSince(*pair_.book, book_before_)));
    pending_.clear();
    tops_.changes.clear();
    run_ = 1 + rng_.Below(rng_.Below(3) == 0 ? 3 : 90);
  }

  static std::array<uint64_t, kBookOutcomes> CountsSince(const ItchBook& book,
                                                         const std::array<uint64_t, kBookOutcomes>& before) {
    std::array<uint64_t, kBookOutcomes> counts = Counts(book);
    for (size_t i = 0; i < kBookOutcomes; ++i) counts[i] -= before[i];
    return counts;
  }
  static std::array<uint64_t, kBookOutcomes> Counts(const ItchBook& book) {
    std::array<uint64_t, kBookOutcomes> counts;
    std::ranges::copy(book.Outcomes(), counts.begin());
    return counts;
  }

  void Compare() { ASSERT_TRUE(Agree(*pair_.book, reference_)); }

  Pair& pair_;
  ReferenceItchBook reference_;
  HostileItch messages_;
  Rng rng_;
  std::vector<std::vector<uint8_t>> pending_;
  TopChanges tops_;  // of the pending ones
  size_t run_ = 20;
  std::array<uint64_t, kBookOutcomes> outcomes_{};
  const std::array<uint64_t, kBookOutcomes> book_before_ = Counts(*pair_.book);
  const std::array<uint64_t, kBookOutcomes> ran_before_ = Counts(*pair_.ran);
};

TEST(ItchBookProperty, AgreesWithTheReferenceOnRandomStreams) {
  const uint64_t seed = Seed();
  std::cout << "seed " << seed << "\n";
  std::array<Pair, 4> pairs = MakeBooks();
  std::array<uint64_t, kBookOutcomes> outcomes{};
  Rng rng(seed);
  for (int i = 0; i < kStreams; ++i) {
    const uint64_t stream_seed = rng.Next();
    SCOPED_TRACE(testing::Message() << "stream " << i << ", its seed " << stream_seed);
    Stream stream(stream_seed, pairs[i % pairs.size()]);
    // A few long ones, deep enough for trees of several heights.
    i % 200 == 0 ? stream.Run(6000, 1500) : stream.Run(150, 40);
    if (HasFailure()) break;
    for (size_t k = 0; k < kBookOutcomes; ++k) outcomes[k] += stream.outcomes()[k];
  }
  // The streams went everywhere.
  for (size_t k = 0; k < kBookOutcomes && !HasFailure(); ++k) {
    EXPECT_GT(outcomes[k], 1000u) << Name(static_cast<BookOutcome>(k));
  }
}

TEST(ItchBookProperty, CountsEveryOutcome) {
  std::array<Pair, 4> pairs = MakeBooks();
  Stream stream(7, pairs[3]);
  const std::array<uint64_t, kBookOutcomes> none{};
  ASSERT_TRUE(std::equal(none.begin(), none.end(), pairs[3].book->Outcomes().begin()));
  stream.Run(2000, 500);
  const auto counted = pairs[3].book->Outcomes();
  EXPECT_TRUE(std::equal(counted.begin(), counted.end(), stream.outcomes().begin()));
}

}  // namespace
}  // namespace feedfarm
