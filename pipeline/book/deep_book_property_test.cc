// The book against the reference on random and hostile streams.
#include <array>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/rng.h"
#include "pipeline/book/deep_book.h"
#include "pipeline/deep/message_length.h"
#include "tests/support/reference_book.h"
#include "tests/support/top_changes.h"

namespace feedfarm {
namespace {

constexpr int kStreams = 10'000;

// All types; few symbols; prices few or many, some absurd; events of several messages; removals of what is not there.
class HostileDeep {
 public:
  explicit HostileDeep(uint64_t seed) : rng_(seed), prices_(2 + rng_.Below(1 + (40u << rng_.Below(6)))) {}

  std::span<const uint8_t> Next() {
    for (uint8_t& byte : bytes_) byte = static_cast<uint8_t>(rng_.Next());
    const bool level = rng_.Below(10) != 0;
    bytes_[0] = static_cast<uint8_t>(level ? "85"[rng_.Below(2)] : "SDHIOPETXAB"[rng_.Below(11)]);
    StoreLittle<uint64_t>(bytes_.data() + 10, 0x2020202020202041u + rng_.Below(5));
    size_t size = deep::MessageLength(bytes_[0]) + (rng_.Below(20) == 0 ? rng_.Below(8) : 0);
    if (level) {
      bytes_[1] = rng_.Below(3) == 0 ? 0 : 1;
      StoreLittle<uint32_t>(bytes_.data() + 18, rng_.Below(3) == 0 ? 0 : static_cast<uint32_t>(rng_.Below(1000)));
      const int64_t price = 100 * static_cast<int64_t>(rng_.Below(prices_));
      static constexpr int64_t kAbsurd[] = {INT64_MIN, -1, INT64_MAX};
      StoreLittle<int64_t>(bytes_.data() + 22, rng_.Below(50) == 0 ? kAbsurd[rng_.Below(3)] : price);
    }
    if (rng_.Below(100) == 0) size = rng_.Below(size);
    if (rng_.Below(200) == 0) bytes_[0] = static_cast<uint8_t>(rng_.Next());
    return {bytes_.data(), size};
  }

 private:
  Rng rng_;
  const uint64_t prices_;
  std::array<uint8_t, 96> bytes_{};
};

std::string Part(const DeepState& state, size_t part) {
  if (!state.Has(part)) return "";
  const auto bytes = state.BytesOf(part);
  return std::string(bytes.begin(), bytes.end());
}

std::string SymbolOf(const DeepBook& book, uint32_t i) {
  const deep::Symbol symbol = book.symbol(i);
  return std::string(symbol.begin(), symbol.end());
}

std::map<std::string, ReferenceDeepBook::Instrument> InstrumentsOf(const DeepBook& book) {
  std::map<std::string, ReferenceDeepBook::Instrument> instruments;
  for (uint32_t i = 0; i < book.symbols(); ++i) {
    ReferenceDeepBook::Instrument instrument;
    const DeepState& state = book.state(i);
    instrument.directory = Part(state, 0), instrument.trading = Part(state, 1), instrument.halt = Part(state, 2);
    instrument.short_sale = Part(state, 3), instrument.security_event = Part(state, 4);
    instrument.retail = Part(state, 5);
    instrument.in_event = !book.consistent(i);
    book.ForEachLevel(i, BookSide::kBuy, [&](int64_t price, uint32_t size) { instrument.bids[price] = size; });
    book.ForEachLevel(i, BookSide::kSell, [&](int64_t price, uint32_t size) { instrument.offers[price] = size; });
    if (instrument != ReferenceDeepBook::Instrument()) instruments.emplace(SymbolOf(book, i), instrument);
  }
  return instruments;
}

void ExpectAgree(const DeepBook& book, const ReferenceDeepBook& reference) {
  ASSERT_EQ(book.levels_live(), reference.levels_live());
  ASSERT_TRUE(InstrumentsOf(book) == reference.Instruments());
  ASSERT_EQ(book.StateHash(), reference.StateHash());
}

class DeepBookProperty : public testing::Test {
 protected:
  static constexpr DeepBook::Options kRoomy = {.symbols_max = 6, .levels_max = 4000};
  static constexpr DeepBook::Options kTight = {.symbols_max = 3, .levels_max = 20};

  static std::unique_ptr<DeepBook> Make(const DeepBook::Options& options) {
    auto book = DeepBook::Create(options);
    EXPECT_TRUE(book.ok()) << book.status();
    return *std::move(book);
  }

  void Step(DeepBook& book, ReferenceDeepBook& reference, std::span<const uint8_t> message) {
    const bool with_symbol = message.size() >= 18 && message[0] != 'S';
    const std::string symbol = with_symbol ? std::string(message.begin() + 10, message.begin() + 18) : "";
    const TopOfBook before = reference.Top(symbol);
    const Applied applied = book.Apply(message);
    if (applied.top_changed) tops_.changes.emplace_back(pending_.size(), book.Top(applied.instrument));
    pending_.emplace_back(message.begin(), message.end());
    ASSERT_EQ(Name(applied.outcome), Name(reference.Apply(message)));
    ASSERT_EQ(applied.top_changed, reference.Top(symbol) != before);
    if (applied.outcome == BookOutcome::kApplied && with_symbol) {
      ASSERT_EQ(SymbolOf(book, applied.instrument), symbol);
      ASSERT_EQ(book.Top(applied.instrument), reference.Top(symbol));
    }
  }

  // What was applied to `book` since the last run, in one run.
  void ApplyRun(DeepBook& ran, const DeepBook& book) {
    const std::vector<std::span<const uint8_t>> views(pending_.begin(), pending_.end());
    TopChanges tops;
    ran.ApplyRun(views, &tops);
    ASSERT_EQ(tops.changes, tops_.changes);
    ASSERT_EQ(ran.StateHash(), book.StateHash());
    pending_.clear();
    tops_.changes.clear();
  }

  std::vector<std::vector<uint8_t>> pending_;
  TopChanges tops_;
};

TEST_F(DeepBookProperty, AgreesWithTheReferenceOnRandomStreams) {
  const char* text = std::getenv("FEEDFARM_TEST_SEED");
  const uint64_t seed = text == nullptr ? 20170425 : std::strtoull(text, nullptr, 0);
  std::cout << "seed " << seed << "\n";
  const std::unique_ptr<DeepBook> books[] = {Make(kRoomy), Make(kTight)};
  const std::unique_ptr<DeepBook> ran[] = {Make(kRoomy), Make(kTight)};
  const auto rebuilt = Make(kRoomy);
  Rng rng(seed);
  for (int i = 0; i < kStreams && !HasFailure(); ++i) {
    DeepBook& book = *books[i % 2];
    const DeepBook::Options& options = i % 2 == 0 ? kRoomy : kTight;
    book.Clear();
    ran[i % 2]->Clear();
    ReferenceDeepBook reference(options.symbols_max, options.levels_max);
    const uint64_t stream_seed = rng.Next();
    SCOPED_TRACE(testing::Message() << "stream " << i << ", its seed " << stream_seed);
    HostileDeep messages(stream_seed);
    const int length = i % 200 == 0 ? 5000 : 120;
    for (int k = 0; k < length && !HasFailure(); ++k) {
      Step(book, reference, messages.Next());
      if (k % 40 == 39) ExpectAgree(book, reference);
      if (k % 40 == 39 || k + 1 == length) ApplyRun(*ran[i % 2], book);
    }
    ExpectAgree(book, reference);
    rebuilt->Clear();
    book.EmitState([&](std::span<const uint8_t> message) { (void)rebuilt->Apply(message); });
    ExpectAgree(*rebuilt, reference);
  }
  for (const BookOutcome met : {BookOutcome::kApplied, BookOutcome::kNoted, BookOutcome::kMalformed,
                                BookOutcome::kUnknownOrder, BookOutcome::kLocateOutOfRange, BookOutcome::kLevelsFull}) {
    EXPECT_GT(books[1]->Outcomes()[static_cast<size_t>(met)], 1000u) << Name(met);
  }
}

TEST_F(DeepBookProperty, TopWaitsForTheEndOfTheEvent) {
  const auto book = Make(kRoomy);
  const auto level = [&](uint8_t flags, int64_t price, uint32_t size) {
    std::array<uint8_t, deep::PriceLevelBuy::kSize> bytes;
    deep::PriceLevelBuy{.flags = flags, .time = {}, .symbol = {'Z'}, .size = {size}, .price = {price}}.Encode(
        bytes.data());
    return book->Apply(bytes);
  };
  EXPECT_TRUE(level(1, 100, 7).top_changed);
  EXPECT_FALSE(level(0, 100, 0).top_changed);
  EXPECT_FALSE(book->consistent(0));
  EXPECT_EQ(book->Top(0).bid_price, 100u);
  EXPECT_FALSE(level(0, 99, 4).top_changed);
  EXPECT_TRUE(level(1, 98, 4).top_changed);
  EXPECT_TRUE(book->consistent(0));
  EXPECT_EQ(book->Top(0).bid_price, 99u);
  EXPECT_EQ(book->Top(0).bid_shares, 4u);
}

}  // namespace
}  // namespace feedfarm
