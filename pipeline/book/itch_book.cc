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
  FEEDFARM_RETURN_IF_ERROR(order_index_.Allocate(options_.orders_max, orders_.data()));
  FEEDFARM_RETURN_IF_ERROR(levels_.Allocate(size_t{options_.levels_max} + 1, "price levels"));
  FEEDFARM_RETURN_IF_ERROR(level_index_.Allocate(options_.levels_max, levels_.data()));
  FEEDFARM_RETURN_IF_ERROR(best_.Allocate(2 * size_t{options_.locates_max}, "best prices"));
  FEEDFARM_RETURN_IF_ERROR(roots_.Allocate(2 * size_t{options_.locates_max}, "book sides"));
  FEEDFARM_RETURN_IF_ERROR(states_.Allocate(options_.locates_max, "instruments' states"));
  return tree_.Allocate(options_.levels_max, 2 * uint64_t{options_.locates_max});
}

uint64_t ItchBook::bytes() const {
  return orders_.bytes() + order_index_.bytes() + levels_.bytes() + level_index_.bytes() + tree_.bytes() +
         best_.bytes() + roots_.bytes() + states_.bytes();
}

void ItchBook::Clear() {
  best_.Zero();
  roots_.Zero();
  states_.Zero();
  order_index_.Clear();
  level_index_.Clear();
  tree_.Clear();
  feed_ = {};
  orders_free_ = orders_used_ = orders_live_ = 0;
  levels_free_ = levels_used_ = levels_live_ = 0;
}

// The hot path is one function for the compiler: Apply, with all below inlined but what is rare.
#define FEEDFARM_INLINE [[gnu::always_inline]] inline

FEEDFARM_INLINE uint32_t ItchBook::NewOrder() {
  uint32_t index = orders_free_;
  if (index != 0) [[likely]] {
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
    levels_free_ = levels_[index].next;
  } else {
    index = ++levels_used_;
  }
  ++levels_live_;
  return index;
}

void ItchBook::InsertLevel(uint32_t index, LevelIndex::Key place) {
  const BookLevel& level = levels_[index];
  level_index_.Insert(place, index);
  Tree::Root& root = roots_[level.side];
  const int32_t key = LevelKey(level.side, level.price);
  tree_.Insert(root, tree_.Find(root, key), key, index);
  const uint32_t best = best_[level.side];
  if (best == 0 || key > LevelKey(level.side, levels_[best].price)) best_[level.side] = index;
}

void ItchBook::EraseLevel(uint32_t index) {
  BookLevel& level = levels_[index];
  Tree::Root& root = roots_[level.side];
  const int32_t key = LevelKey(level.side, level.price);
  tree_.Erase(root, tree_.Find(root, key), key);
  if (best_[level.side] == index) best_[level.side] = root.empty() ? 0 : tree_.best_value(root);
  level_index_.Erase(level_index_.KeyOf(level.side / 2, level.price), index);
  level.next = levels_free_;
  levels_free_ = index;
  --levels_live_;
}

FEEDFARM_INLINE bool ItchBook::Link(uint32_t& slot, uint64_t reference, uint32_t side, uint32_t shares, uint32_t price,
                                    uint32_t attribution, bool* top_changed) {
  const LevelIndex::Key place = level_index_.KeyOf(side / 2, price);
  uint32_t at = level_index_.Find(place, side, price);
  uint32_t previous = 0;
  if (at != 0) [[likely]] {
    const uint32_t index = orders_free_ != 0 ? orders_free_ : orders_used_ + 1;
    BookLevel& level = levels_[at];
    previous = level.tail;
    level.tail = index;
    level.shares += shares;
    ++level.orders;
    orders_[previous].next = index;
  } else {
    at = NewLevel();
    if (at == 0) [[unlikely]]
      return false;
    const uint32_t index = orders_free_ != 0 ? orders_free_ : orders_used_ + 1;
    levels_[at] = {shares, price, side, /*orders=*/1, /*head=*/index, /*tail=*/index, 0};
    InsertLevel(at, place);
  }
  const uint32_t index = NewOrder();
  orders_[index] = {reference, previous, /*next=*/0, shares, at, attribution, side};
  order_index_.Insert(slot, reference, index);
  *top_changed |= best_[side] == at;
  return true;
}

FEEDFARM_INLINE bool ItchBook::Remove(uint32_t& slot, uint32_t index) {
  BookOrder& order = orders_[index];
  const uint32_t at = order.level;
  BookLevel& level = levels_[at];
  const bool top_changed = best_[level.side] == at;
  order_index_.Erase(slot, order.reference, index);
  level.shares -= order.shares;
  if (--level.orders != 0) [[likely]] {
    // Order 0 takes what would go to no neighbour: where in its level an order stands cannot be predicted.
    const uint32_t previous = order.previous, next = order.next;
    const uint32_t head = level.head, tail = level.tail;
    orders_[previous].next = next;
    orders_[next].previous = previous;
    level.head = previous == 0 ? next : head;
    level.tail = next == 0 ? previous : tail;
  } else {
    EraseLevel(at);
  }
  order.next = orders_free_;
  orders_free_ = index;
  --orders_live_;
  return top_changed;
}

FEEDFARM_INLINE Applied ItchBook::Add(uint32_t locate, uint64_t reference, uint8_t side, uint32_t shares,
                                      uint32_t price, uint32_t attribution) {
  if (locate >= options_.locates_max) [[unlikely]]
    return Done(locate, BookOutcome::kLocateOutOfRange);
  if (side != itch::kBuy && side != itch::kSell) [[unlikely]]
    return Done(locate, BookOutcome::kBadSide);
  if (shares == 0) [[unlikely]]
    return Done(locate, BookOutcome::kZeroShares);
  uint32_t& slot = order_index_.Slot(reference);
  if (order_index_.Has(slot, reference)) [[unlikely]]
    return Done(locate, BookOutcome::kDuplicateOrder);
  if (orders_live_ == options_.orders_max) [[unlikely]]
    return Done(locate, BookOutcome::kOrdersFull);
  bool top_changed = false;
  const uint32_t sell = side == itch::kSell ? 1 : 0;
  if (!Link(slot, reference, 2 * locate + sell, shares, price, attribution, &top_changed)) [[unlikely]]
    return Done(locate, BookOutcome::kLevelsFull);
  return Done(locate, BookOutcome::kApplied, top_changed);
}

FEEDFARM_INLINE Applied ItchBook::Delete(uint32_t locate, uint64_t reference) {
  uint32_t& slot = order_index_.Slot(reference);
  const uint32_t order = order_index_.Find(slot, reference);
  if (order == 0) [[unlikely]]
    return Done(locate, BookOutcome::kUnknownOrder);
  if (orders_[order].side / 2 != locate) [[unlikely]]
    return Done(locate, BookOutcome::kWrongInstrument);
  return Done(locate, BookOutcome::kApplied, Remove(slot, order));
}

FEEDFARM_INLINE Applied ItchBook::Reduce(uint32_t locate, uint64_t reference, uint32_t shares) {
  uint32_t& slot = order_index_.Slot(reference);
  const uint32_t index = order_index_.Find(slot, reference);
  if (index == 0) [[unlikely]]
    return Done(locate, BookOutcome::kUnknownOrder);
  BookOrder& order = orders_[index];
  if (order.side / 2 != locate) [[unlikely]]
    return Done(locate, BookOutcome::kWrongInstrument);
  if (shares == 0) [[unlikely]]
    return Done(locate, BookOutcome::kZeroShares);
  if (shares >= order.shares) {
    const BookOutcome outcome = shares == order.shares ? BookOutcome::kApplied : BookOutcome::kTooManyShares;
    return Done(locate, outcome, Remove(slot, index));
  }
  order.shares -= shares;
  levels_[order.level].shares -= shares;
  return Done(locate, BookOutcome::kApplied, best_[order.side] == order.level);
}

FEEDFARM_INLINE Applied ItchBook::Replace(uint32_t locate, uint64_t old_reference, uint64_t reference, uint32_t shares,
                                          uint32_t price) {
  uint32_t& old_slot = order_index_.Slot(old_reference);
  const uint32_t old_index = order_index_.Find(old_slot, old_reference);
  if (old_index == 0) [[unlikely]]
    return Done(locate, BookOutcome::kUnknownOrder);
  const uint32_t side = orders_[old_index].side, attribution = orders_[old_index].attribution;
  if (side / 2 != locate) [[unlikely]]
    return Done(locate, BookOutcome::kWrongInstrument);
  uint32_t& slot = order_index_.Slot(reference);
  if (order_index_.Has(slot, reference)) [[unlikely]]
    return Done(locate, BookOutcome::kDuplicateOrder);
  bool top_changed = Remove(old_slot, old_index);
  if (shares == 0) [[unlikely]]
    return Done(locate, BookOutcome::kZeroShares, top_changed);
  if (!Link(slot, reference, side, shares, price, attribution, &top_changed)) [[unlikely]]
    return Done(locate, BookOutcome::kLevelsFull, top_changed);
  return Done(locate, BookOutcome::kApplied, top_changed);
}

Applied ItchBook::Apply(std::span<const uint8_t> message) {
  if (message.empty() || itch::MessageLength(message[0]) != message.size()) [[unlikely]]
    return Done(0, BookOutcome::kMalformed);
  const uint8_t* at = message.data();
  const uint32_t locate = LoadBig<uint16_t>(at + 1);
  switch (static_cast<char>(at[0])) {
    case itch::AddOrder::kType: {
      const auto add = itch::AddOrder::Decode(at);
      return Add(locate, add.order.value, static_cast<uint8_t>(add.side), add.shares.value, add.price.value, 0);
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
      return Add(locate, add.order.value, static_cast<uint8_t>(add.side), add.shares.value, add.price.value,
                 AttributionBits(add.attribution));
    }
    default:
      return KeepState(at, locate);
  }
}

#undef FEEDFARM_INLINE

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

TopOfBook ItchBook::Top(uint32_t locate) const {
  TopOfBook top;
  if (locate >= options_.locates_max) return top;
  const uint32_t bid = best_[Side(locate, BookSide::kBuy)];
  const uint32_t ask = best_[Side(locate, BookSide::kSell)];
  if (bid != 0) top.bid_price = levels_[bid].price, top.bid_shares = levels_[bid].shares;
  if (ask != 0) top.ask_price = levels_[ask].price, top.ask_shares = levels_[ask].shares;
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
  const uint32_t* best = &best_[Side(locate, BookSide::kBuy)];
  if (state.present == 0 && best[0] == 0 && best[1] == 0) return 0;
  StateDigest digest(locate);
  state.Digest(digest);
  for (const BookSide side : {BookSide::kBuy, BookSide::kSell}) {
    uint64_t orders = 0;
    ForEachLevel(locate, side, [&](const LevelView& level) { orders += level.orders; });
    digest.Add(orders);
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
  add.side = order.side % 2 == 0 ? itch::kBuy : itch::kSell;
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
