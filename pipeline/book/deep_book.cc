#include "pipeline/book/deep_book.h"

#include <bit>

#include "absl/strings/str_cat.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/book/prefetch_line.h"
#include "pipeline/book/run_ahead.h"
#include "pipeline/deep/message_length.h"

namespace feedfarm {
namespace {

constexpr uint32_t kBoundMax = 1 << 24;  // far beyond any day; keeps the sums small
constexpr uint64_t kFeedDigest = ~uint64_t{0};

}  // namespace

absl::StatusOr<std::unique_ptr<DeepBook>> DeepBook::Create(const Options& options) {
  if (options.levels_max == 0 || options.levels_max > kBoundMax) {
    return absl::InvalidArgumentError(absl::StrCat("levels_max is ", options.levels_max, ", not 1..", kBoundMax));
  }
  if (options.symbols_max == 0 || options.symbols_max > kBoundMax) {
    return absl::InvalidArgumentError(absl::StrCat("symbols_max is ", options.symbols_max, ", not 1..", kBoundMax));
  }
  std::unique_ptr<DeepBook> book(new DeepBook(options));
  const uint64_t slots = std::bit_ceil(2 * uint64_t{options.symbols_max});
  book->shift_ = static_cast<uint32_t>(64 - std::countr_zero(slots));
  FEEDFARM_RETURN_IF_ERROR(book->instruments_.Allocate(options.symbols_max, "instruments"));
  FEEDFARM_RETURN_IF_ERROR(book->slots_.Allocate(slots, "symbols"));
  FEEDFARM_RETURN_IF_ERROR(book->tree_.Allocate(options.levels_max, 2 * uint64_t{options.symbols_max}));
  return book;
}

void DeepBook::Clear() {
  instruments_.Zero();
  slots_.Zero();
  tree_.Clear();
  symbols_ = 0;
  levels_live_ = 0;
  event_known_ = event_ = 0;
}

uint32_t DeepBook::Find(uint64_t symbol, bool add) {
  const uint64_t mask = slots_.size() - 1;
  uint64_t at = Home(symbol);
  while (slots_[at] != 0) {
    if (instruments_[slots_[at] - 1].symbol == symbol) return slots_[at];
    at = (at + 1) & mask;
  }
  if (!add || symbols_ == options_.symbols_max) return 0;
  instruments_[symbols_].symbol = symbol;
  return slots_[at] = ++symbols_;
}

Applied DeepBook::Apply(std::span<const uint8_t> message) {
  if (message.empty()) return Done(0, BookOutcome::kMalformed);
  const size_t least = deep::MessageLength(message[0]);
  if (least == 0 || message.size() < least) return Done(0, BookOutcome::kMalformed);
  const uint8_t* at = message.data();
  switch (static_cast<char>(at[0])) {
    case deep::PriceLevelBuy::kType:
      return ApplyLevel(BookSide::kBuy, deep::PriceLevelBuy::Decode(at));
    case deep::PriceLevelSell::kType:
      return ApplyLevel(BookSide::kSell, deep::PriceLevelSell::Decode(at));
    case deep::SystemEvent::kType:
      event_known_ = 1;
      event_ = at[1];
      return Done(0, BookOutcome::kApplied);
    case deep::SecurityDirectory::kType:
    case deep::TradingStatus::kType:
    case deep::OperationalHalt::kType:
    case deep::ShortSaleTest::kType:
    case deep::SecurityEvent::kType:
    case deep::RetailLiquidity::kType: {
      const uint32_t found = Find(LoadLittle<uint64_t>(at + DeepState::kSymbolAt), /*add=*/true);
      if (found == 0) return Done(0, BookOutcome::kLocateOutOfRange);
      instruments_[found - 1].state.Apply(at);
      return Done(found - 1, BookOutcome::kApplied);
    }
    default: {
      // Trades, breaks, official prices and auctions leave the state as it is.
      const uint32_t found = Find(LoadLittle<uint64_t>(at + DeepState::kSymbolAt), /*add=*/false);
      return Done(found == 0 ? 0 : found - 1, BookOutcome::kNoted);
    }
  }
}

template <class Message>
Applied DeepBook::ApplyLevel(BookSide side, const Message& message) {
  const uint32_t found = Find(std::bit_cast<uint64_t>(message.symbol), /*add=*/true);
  if (found == 0) return Done(0, BookOutcome::kLocateOutOfRange);
  Instrument& instrument = instruments_[found - 1];
  const BookOutcome outcome = SetLevel(side, instrument, message.price.value, message.size.value);
  instrument.in_event = !message.is_event_complete();
  if (instrument.in_event) return Done(found - 1, outcome);
  const TopOfBook top = CurrentTop(instrument);
  const bool changed = top != instrument.top;
  instrument.top = top;
  return Done(found - 1, outcome, changed);
}

BookOutcome DeepBook::SetLevel(BookSide book_side, Instrument& instrument, int64_t price, uint32_t size) {
  Side& side = instrument.sides[static_cast<size_t>(book_side)];
  const int64_t key = Flip(book_side, price);
  const Tree::Place place = tree_.Find(side.root, key);
  if (size == 0) {
    if (!place.found) return BookOutcome::kUnknownOrder;
    tree_.Erase(side.root, place, key);
    --side.levels;
    --levels_live_;
  } else if (place.found) {
    tree_.set_value(place, size);
  } else {
    if (levels_live_ == options_.levels_max) return BookOutcome::kLevelsFull;
    tree_.Insert(side.root, place, key, size);
    ++side.levels;
    ++levels_live_;
  }
  return BookOutcome::kApplied;
}

TopOfBook DeepBook::CurrentTop(const Instrument& instrument) const {
  TopOfBook top;
  const auto& [bids, offers] = instrument.sides;
  if (bids.levels != 0) {
    top.bid_price = static_cast<uint64_t>(tree_.best_key(bids.root));
    top.bid_shares = tree_.best_value(bids.root);
  }
  if (offers.levels != 0) {
    top.ask_price = static_cast<uint64_t>(Flip(BookSide::kSell, tree_.best_key(offers.root)));
    top.ask_shares = tree_.best_value(offers.root);
  }
  return top;
}

void DeepBook::ApplyRun(std::span<const std::span<const uint8_t>> messages, TopListener* listener) {
  const auto slot = [&](size_t i) -> const uint32_t* {
    if (messages[i].size() < DeepState::kTailAt) return &slots_[0];
    return &slots_[Home(LoadLittle<uint64_t>(messages[i].data() + DeepState::kSymbolAt))];
  };
  RunAhead(
      messages.size(), [&](size_t i) { PrefetchLine(slot(i)); },
      [&](size_t i) {
        if (const uint32_t found = *slot(i); found != 0) PrefetchLine(&instruments_[found - 1]);
      },
      [&](size_t i) {
        const Applied applied = Apply(messages[i]);
        if (listener != nullptr && applied.top_changed) listener->TopChanged(i, Top(applied.instrument));
      });
}

uint64_t DeepBook::StateHash() const {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < symbols_; ++i) {
    const Instrument& instrument = instruments_[i];
    if (instrument.empty()) continue;
    StateDigest digest(instrument.symbol);
    instrument.state.Digest(digest);
    digest.Add(instrument.in_event ? 1 : 0);
    for (const BookSide side : {BookSide::kBuy, BookSide::kSell}) {
      digest.Add(instrument.sides[static_cast<size_t>(side)].levels);
      ForEachLevel(i, side, [&](int64_t price, uint32_t size) {
        digest.Add(static_cast<uint64_t>(price));
        digest.Add(size);
      });
    }
    sum += digest.value();
  }
  if (event_known_ != 0) {
    StateDigest digest(kFeedDigest);
    digest.Add(1);
    digest.Add(event_);
    sum += digest.value();
  }
  return sum;
}

}  // namespace feedfarm
