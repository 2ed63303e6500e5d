#include "pipeline/book/itch_book.h"

#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/itch/decode.h"

namespace feedfarm {
namespace {

constexpr uint64_t kFeedDigest = 1 << 16;  // no locate
constexpr uint32_t kLevelsMax = 1 << 24;   // far beyond any day; keeps the sums below small

uint32_t AttributionBits(const itch::Mpid& mpid) { return std::bit_cast<uint32_t>(mpid); }

}  // namespace

absl::StatusOr<std::unique_ptr<ItchBook>> ItchBook::Create(const Options& options) {
  if (options.levels_max == 0 || options.levels_max > kLevelsMax) {
    return absl::InvalidArgumentError(absl::StrCat("levels_max is ", options.levels_max, ", not 1..", kLevelsMax));
  }
  if (options.locates_max == 0 || options.locates_max > kFeedDigest) {
    return absl::InvalidArgumentError(absl::StrCat("locates_max is ", options.locates_max, ", not 1..", kFeedDigest));
  }
  std::unique_ptr<ItchBook> book(new ItchBook(options));
  if (absl::Status status = book->Allocate(); !status.ok()) return status;
  return book;
}

absl::Status ItchBook::Allocate() {
  FEEDFARM_RETURN_IF_ERROR(OrderIndex::CheckBound(options_.orders_max));
  FEEDFARM_RETURN_IF_ERROR(orders_.Allocate(size_t{options_.orders_max} + 1, "orders"));
  FEEDFARM_RETURN_IF_ERROR(index_.Allocate(options_.orders_max, orders_.data()));
  FEEDFARM_RETURN_IF_ERROR(levels_.Allocate(size_t{options_.levels_max} + 1, "price levels"));
  FEEDFARM_RETURN_IF_ERROR(sides_.Allocate(2 * size_t{options_.locates_max}, "book sides"));
  FEEDFARM_RETURN_IF_ERROR(states_.Allocate(options_.locates_max, "instruments' states"));
  return tree_.Allocate(options_.levels_max, 2 * uint64_t{options_.locates_max});
}

uint64_t ItchBook::bytes() const {
  return orders_.bytes() + levels_.bytes() + sides_.bytes() + states_.bytes() + index_.bytes() + tree_.bytes();
}

void ItchBook::Clear() {
  sides_.Zero();
  states_.Zero();
  index_.Clear();
  tree_.Clear();
  feed_ = {};
  orders_free_ = orders_used_ = orders_live_ = 0;
  levels_free_ = levels_used_ = levels_live_ = 0;
}

Applied ItchBook::Apply(std::span<const uint8_t> message) {
  if (message.empty() || itch::MessageLength(message[0]) != message.size()) [[unlikely]]
    return Done(0, BookOutcome::kMalformed);
  const uint8_t* at = message.data();
  const uint32_t locate = LoadBig<uint16_t>(at + 1);
  switch (static_cast<char>(at[0])) {
    case itch::AddOrder::kType: {
      const auto add = itch::AddOrder::Decode(at);
      return Add(locate, add.order.value, add.side, add.shares.value, add.price.value, 0);
    }
    case itch::OrderDelete::kType:
      return Delete(locate, itch::OrderDelete::Decode(at).order.value);
    case itch::OrderReplace::kType: {
      const auto replace = itch::OrderReplace::Decode(at);
      return Replace(locate, replace.old_order.value, replace.new_order.value, replace.shares.value,
                     replace.price.value);
    }
    case itch::OrderExecuted::kType:
    case itch::OrderExecutedWithPrice::kType:
    case itch::OrderCancel::kType: {
      // Reference and shares stand at the same place in all three.
      const auto cancel = itch::OrderCancel::Decode(at);
      return Reduce(locate, cancel.order.value, cancel.shares.value);
    }
    case itch::AddOrderAttributed::kType: {
      const auto add = itch::AddOrderAttributed::Decode(at);
      return Add(locate, add.order.value, add.side, add.shares.value, add.price.value,
                 AttributionBits(add.attribution));
    }
    default:
      return KeepState(at, locate);
  }
}

void ItchBook::Prefetch(size_t stage, std::span<const uint8_t> message) const {
  // Locate and reference stand at the same place in every message of an order; in others they are something else, and
  // the hint is for nothing.
  if (message.size() < itch::OrderDelete::kSize) return;
  const uint32_t locate = LoadBig<uint16_t>(message.data() + 1);
  const uint64_t reference = LoadBig<uint64_t>(message.data() + 11);
  if (stage == 0) {
    index_.PrefetchSlot(reference);
    if (locate < options_.locates_max) __builtin_prefetch(&sides_[2 * size_t{locate}], 1);
  } else if (stage == 1) {
    __builtin_prefetch(&orders_[index_.Guess(reference)], 1);
  } else {
    const BookOrder& order = orders_[index_.Guess(reference)];
    __builtin_prefetch(&levels_[order.level], 1);
    __builtin_prefetch(&orders_[order.previous], 1);
    __builtin_prefetch(&orders_[order.next], 1);
  }
}

Applied ItchBook::KeepState(const uint8_t* message, uint32_t locate) {
  switch (static_cast<char>(message[0])) {
    case itch::SystemEvent::kType:
    case itch::MwcbDeclineLevels::kType:
    case itch::MwcbStatus::kType:
      feed_.Apply(message);
      return Done(locate, BookOutcome::kApplied);
    case itch::StockDirectory::kType:
    case itch::TradingAction::kType:
    case itch::RegSho::kType:
    case itch::OperationalHalt::kType:
    case itch::IpoQuoting::kType:
    case itch::LuldAuctionCollar::kType:
      if (locate >= options_.locates_max) return Done(locate, BookOutcome::kLocateOutOfRange);
      // An operational halt of a market centre that ITCH does not name is the one thing not kept.
      return Done(locate, states_[locate].Apply(message) ? BookOutcome::kApplied : BookOutcome::kNoted);
    default:
      return Done(locate, BookOutcome::kNoted);
  }
}

Applied ItchBook::Add(uint32_t locate, uint64_t reference, char side, uint32_t shares, uint32_t price,
                      uint32_t attribution) {
  if (locate >= options_.locates_max) [[unlikely]]
    return Done(locate, BookOutcome::kLocateOutOfRange);
  if (side != itch::kBuy && side != itch::kSell) [[unlikely]]
    return Done(locate, BookOutcome::kBadSide);
  if (shares == 0) [[unlikely]]
    return Done(locate, BookOutcome::kZeroShares);
  if (index_.Find(reference) != 0) [[unlikely]]
    return Done(locate, BookOutcome::kDuplicateOrder);
  if (orders_live_ == options_.orders_max) [[unlikely]]
    return Done(locate, BookOutcome::kOrdersFull);
  const uint32_t index = NewOrder();
  BookOrder& order = orders_[index];
  order.reference = reference;
  order.shares = shares;
  order.attribution = attribution;
  order.locate = static_cast<uint16_t>(locate);
  order.side = static_cast<uint8_t>(side == itch::kBuy ? BookSide::kBuy : BookSide::kSell);
  bool top_changed = false;
  if (!Link(index, price, &top_changed)) [[unlikely]]
    return Done(locate, BookOutcome::kLevelsFull);
  return Done(locate, BookOutcome::kApplied, top_changed);
}

Applied ItchBook::Delete(uint32_t locate, uint64_t reference) {
  const uint32_t order = index_.Find(reference);
  if (order == 0) [[unlikely]]
    return Done(locate, BookOutcome::kUnknownOrder);
  if (orders_[order].locate != locate) [[unlikely]]
    return Done(locate, BookOutcome::kWrongInstrument);
  return Done(locate, BookOutcome::kApplied, Remove(order));
}

Applied ItchBook::Reduce(uint32_t locate, uint64_t reference, uint32_t shares) {
  const uint32_t index = index_.Find(reference);
  if (index == 0) [[unlikely]]
    return Done(locate, BookOutcome::kUnknownOrder);
  BookOrder& order = orders_[index];
  if (order.locate != locate) [[unlikely]]
    return Done(locate, BookOutcome::kWrongInstrument);
  if (shares == 0) [[unlikely]]
    return Done(locate, BookOutcome::kZeroShares);
  if (shares >= order.shares) {
    const BookOutcome outcome = shares == order.shares ? BookOutcome::kApplied : BookOutcome::kTooManyShares;
    return Done(locate, outcome, Remove(index));
  }
  order.shares -= shares;
  levels_[order.level].shares -= shares;
  return Done(locate, BookOutcome::kApplied, sides_[2 * size_t{locate} + order.side].best == order.level);
}

Applied ItchBook::Replace(uint32_t locate, uint64_t old_reference, uint64_t reference, uint32_t shares,
                          uint32_t price) {
  const uint32_t old_index = index_.Find(old_reference);
  if (old_index == 0) [[unlikely]]
    return Done(locate, BookOutcome::kUnknownOrder);
  const BookOrder old = orders_[old_index];
  if (old.locate != locate) [[unlikely]]
    return Done(locate, BookOutcome::kWrongInstrument);
  if (index_.Find(reference) != 0) [[unlikely]]
    return Done(locate, BookOutcome::kDuplicateOrder);
  bool top_changed = Remove(old_index);
  if (shares == 0) [[unlikely]]
    return Done(locate, BookOutcome::kZeroShares, top_changed);
  const uint32_t index = NewOrder();
  BookOrder& order = orders_[index];
  order.reference = reference;
  order.shares = shares;
  order.attribution = old.attribution;
  order.locate = old.locate;
  order.side = old.side;
  if (!Link(index, price, &top_changed)) [[unlikely]]
    return Done(locate, BookOutcome::kLevelsFull, top_changed);
  return Done(locate, BookOutcome::kApplied, top_changed);
}

bool ItchBook::Link(uint32_t index, uint32_t price, bool* top_changed) {
  BookOrder& order = orders_[index];
  const int32_t key = LevelKey(static_cast<BookSide>(order.side), price);
  SideState& side = sides_[2 * size_t{order.locate} + order.side];
  const Tree::Place place = tree_.Find(side.root, key);
  if (!place.found) {
    const uint32_t level = NewLevel();
    if (level == 0) [[unlikely]] {
      order.next = orders_free_;
      orders_free_ = index;
      --orders_live_;
      return false;
    }
    tree_.Insert(side.root, place, key, level);
    ++side.levels;
    if (side.best == 0 || key > levels_[side.best].key) side.best = level;
    levels_[level] = {order.shares, key, /*orders=*/1, /*head=*/index, /*tail=*/index, 0, 0};
    order.level = level;
    order.previous = 0;
  } else {
    const uint32_t at = tree_.value(place);
    BookLevel& level = levels_[at];
    order.level = at;
    order.previous = level.tail;
    orders_[level.tail].next = index;
    level.tail = index;
    level.shares += order.shares;
    ++level.orders;
  }
  order.next = 0;
  ++side.orders;
  *top_changed |= side.best == order.level;
  index_.Insert(order.reference, index);
  return true;
}

bool ItchBook::Remove(uint32_t index) {
  BookOrder& order = orders_[index];
  SideState& side = sides_[2 * size_t{order.locate} + order.side];
  const bool top_changed = side.best == order.level;
  index_.Erase(order.reference, index);
  BookLevel& level = levels_[order.level];
  level.shares -= order.shares;
  --side.orders;
  if (--level.orders == 0) {
    EraseLevel(side, order.level);
  } else {
    if (order.previous != 0) {
      orders_[order.previous].next = order.next;
    } else {
      level.head = order.next;
    }
    if (order.next != 0) {
      orders_[order.next].previous = order.previous;
    } else {
      level.tail = order.previous;
    }
  }
  order.next = orders_free_;
  orders_free_ = index;
  --orders_live_;
  return top_changed;
}

void ItchBook::EraseLevel(SideState& side, uint32_t index) {
  BookLevel& level = levels_[index];
  tree_.Erase(side.root, tree_.Find(side.root, level.key), level.key);
  --side.levels;
  if (side.best == index) side.best = side.levels == 0 ? 0 : tree_.best_value(side.root);
  level.next_free = levels_free_;
  levels_free_ = index;
  --levels_live_;
}

uint32_t ItchBook::NewOrder() {
  uint32_t index = orders_free_;
  if (index != 0) {
    orders_free_ = orders_[index].next;
  } else {
    index = ++orders_used_;
  }
  ++orders_live_;
  return index;
}

uint32_t ItchBook::NewLevel() {
  if (levels_live_ == options_.levels_max) [[unlikely]]
    return 0;
  uint32_t index = levels_free_;
  if (index != 0) {
    levels_free_ = levels_[index].next_free;
  } else {
    index = ++levels_used_;
  }
  ++levels_live_;
  return index;
}

TopOfBook ItchBook::Top(uint32_t locate) const {
  TopOfBook top;
  if (locate >= options_.locates_max) return top;
  const BookLevel& bid = levels_[sides_[Side(locate, BookSide::kBuy)].best];
  const BookLevel& ask = levels_[sides_[Side(locate, BookSide::kSell)].best];
  if (&bid != &levels_[0]) top.bid_price = LevelPrice(BookSide::kBuy, bid.key), top.bid_shares = bid.shares;
  if (&ask != &levels_[0]) top.ask_price = LevelPrice(BookSide::kSell, ask.key), top.ask_shares = ask.shares;
  return top;
}

uint64_t ItchBook::StateHash() const {
  uint64_t sum = 0;
  for (uint32_t locate = 0; locate < options_.locates_max; ++locate) sum += InstrumentHash(locate);
  if (feed_.present != 0) {
    StateDigest digest(kFeedDigest);
    feed_.Digest(digest);
    sum += digest.value();
  }
  return sum;
}

uint64_t ItchBook::InstrumentHash(uint32_t locate) const {
  const ItchInstrumentState& state = states_[locate];
  const SideState* sides = &sides_[2 * size_t{locate}];
  if (state.present == 0 && sides[0].levels == 0 && sides[1].levels == 0) return 0;
  StateDigest digest(locate);
  state.Digest(digest);
  for (const BookSide side : {BookSide::kBuy, BookSide::kSell}) {
    digest.Add(sides[static_cast<size_t>(side)].orders);
    ForEachLevel(locate, side, [&](const LevelView& level) {
      ForEachOrder(level, [&](const BookOrder& order) {
        digest.Add(order.reference);
        digest.Add(level.price);
        digest.Add(order.shares + (uint64_t{order.attribution} << 32));
      });
    });
  }
  return digest.value();
}

const uint8_t* ItchBook::StockOf(uint32_t locate) const {
  static constexpr itch::Stock kNone = itch::MakeText<8>("");
  const ItchInstrumentState& state = states_[locate];
  return state.Has(0) ? state.bytes.data() : reinterpret_cast<const uint8_t*>(kNone.data());
}

size_t ItchBook::EncodeOrder(uint32_t locate, const BookOrder& order, uint32_t price, const uint8_t* stock,
                             uint8_t* out) const {
  itch::AddOrderAttributed add;
  add.head.locate = {static_cast<uint16_t>(locate)};
  add.order = {order.reference};
  add.side = order.side == static_cast<uint8_t>(BookSide::kBuy) ? itch::kBuy : itch::kSell;
  add.shares = {order.shares};
  std::memcpy(add.stock.data(), stock, add.stock.size());
  add.price = {price};
  add.attribution = std::bit_cast<itch::Mpid>(order.attribution);
  add.Encode(out);
  if (order.attribution != 0) return itch::AddOrderAttributed::kSize;
  // An 'A' is an 'F' without its last four bytes.
  out[0] = static_cast<uint8_t>(itch::AddOrder::kType);
  return itch::AddOrder::kSize;
}

}  // namespace feedfarm
