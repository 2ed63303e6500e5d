#include "pipeline/book/itch_book.h"

#include <array>
#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/itch/decode.h"

namespace feedfarm {
namespace {

constexpr uint64_t kFeedDigest = 1 << 16;  // no locate

// What a type of message does to orders, and where it says so.
struct Shape {
  uint8_t takes;     // 1: names a live order, at kReferenceAt
  uint8_t puts;      // 1: puts one into the book
  uint8_t price_at;  // of the one it puts
  uint8_t put_reference_at;
};
constexpr size_t kReferenceAt = 11, kSideAt = 19;
constexpr std::array<Shape, 256> kShapes = [] {
  std::array<Shape, 256> shapes{};
  for (const uint8_t type : {'E', 'C', 'X', 'D'}) shapes[type].takes = 1;
  for (const uint8_t type : {'A', 'F'}) {
    shapes[type] = {.takes = 0, .puts = 1, .price_at = 32, .put_reference_at = kReferenceAt};
  }
  shapes['U'] = {.takes = 1, .puts = 1, .price_at = 31, .put_reference_at = 19};
  return shapes;
}();

// Of a known type and of its length.
bool Whole(std::span<const uint8_t> message) {
  return !message.empty() && itch::MessageLength(message[0]) == message.size();
}

uint64_t ReferenceIn(const uint8_t* message) { return LoadBig<uint64_t>(message + kReferenceAt); }
// Of a message that puts.
uint64_t PutReferenceIn(const uint8_t* message) {
  return LoadBig<uint64_t>(message + kShapes[message[0]].put_reference_at);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ItchBook>> ItchBook::Create(const Options& options) {
  if (options.levels_max == 0 || options.levels_max > LevelTable::kLevelsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("levels_max is ", options.levels_max, ", not 1..", LevelTable::kLevelsMax));
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
  const uint32_t blocks_from = LevelTable::kFirst + LevelTable::LinesFor(options_.levels_max);
  static_assert(LevelTable::kFirst + LevelTable::LinesFor(LevelTable::kLevelsMax) + OrderIndex::kOrdersMax <=
                BookLines::kLinesMax);
  const size_t lines = size_t{blocks_from} + options_.orders_max;
  FEEDFARM_RETURN_IF_ERROR(lines_.Allocate(lines));
  FEEDFARM_RETURN_IF_ERROR(attributions_.Allocate(4 * lines, "orders' attributions"));
  level_table_.Attach(&lines_, options_.levels_max);
  queue_.Attach(&lines_, blocks_from);
  FEEDFARM_RETURN_IF_ERROR(order_index_.Allocate(options_.orders_max, &lines_));
  FEEDFARM_RETURN_IF_ERROR(ladders_.Allocate(options_.levels_max, 2 * uint64_t{options_.locates_max}));
  return states_.Allocate(options_.locates_max, "instruments' states");
}

uint64_t ItchBook::bytes() const {
  return lines_.bytes() + attributions_.bytes() + order_index_.bytes() + ladders_.bytes() + states_.bytes();
}

void ItchBook::Clear() {
  lines_.Zero();
  states_.Zero();
  order_index_.Clear();
  queue_.Clear();
  ladders_.Clear();
  feed_ = {};
  orders_live_ = levels_live_ = 0;
}

// The hot path is one function for the compiler: Apply, with all below inlined but what is rare.
#define FEEDFARM_INLINE [[gnu::always_inline]] inline

FEEDFARM_INLINE uint32_t ItchBook::NewLevel(const Target& target) {
  if (levels_live_ == options_.levels_max) [[unlikely]]
    return 0;
  ++levels_live_;
  const uint32_t side = LevelTable::SideOf(target.key);
  ladders_.Insert(side, LevelKey(side, LevelTable::PriceOf(target.key)));
  return level_table_.Insert(target.key, target.home);
}

FEEDFARM_INLINE void ItchBook::EraseLevel(uint32_t line) {
  const LevelLine& level = lines_.level(line);
  ladders_.Erase(level.side(), LevelKey(level.side(), level.price()));
  level_table_.Erase(line);
  --levels_live_;
}

template <bool kTops>
FEEDFARM_INLINE bool ItchBook::Link(uint32_t& slot, uint64_t reference, const Target& target, uint32_t shares,
                                    uint32_t attribution, bool* top_changed) {
  uint32_t line = level_table_.Find(target.key, target.home);
  if (line == 0) {
    line = NewLevel(target);
    if (line == 0) [[unlikely]]
      return false;
  }
  const OrderHandle order = queue_.Append(line, reference, shares, attribution != 0);
  if (attribution != 0) [[unlikely]]
    attributions_[order / 4] = attribution;
  order_index_.Insert(slot, reference, order);
  ++orders_live_;
  if constexpr (kTops) *top_changed |= IsBest(LevelTable::SideOf(target.key), LevelTable::PriceOf(target.key));
  return true;
}

template <bool kTops>
FEEDFARM_INLINE bool ItchBook::Remove(uint32_t& slot, uint64_t reference, OrderHandle order, uint32_t line) {
  const LevelLine& level = lines_.level(line);
  bool top_changed = false;
  if constexpr (kTops) top_changed = IsBest(level.side(), level.price());
  order_index_.Erase(slot, reference, order);
  queue_.Remove(order, line);
  --orders_live_;
  if (level.orders == 0) EraseLevel(line);
  return top_changed;
}

template <bool kTops>
FEEDFARM_INLINE Applied ItchBook::Add(const uint8_t* message, const Target& target, uint32_t attribution) {
  const auto add = itch::AddOrder::Decode(message);
  const uint32_t locate = add.head.locate.value, shares = add.shares.value;
  if (locate >= options_.locates_max) [[unlikely]]
    return Done(locate, BookOutcome::kLocateOutOfRange);
  if (add.side != itch::kBuy && add.side != itch::kSell) [[unlikely]]
    return Done(locate, BookOutcome::kBadSide);
  if (shares == 0) [[unlikely]]
    return Done(locate, BookOutcome::kZeroShares);
  const uint64_t reference = add.order.value;
  uint32_t& slot = order_index_.Slot(reference);
  if (order_index_.Has(slot, reference)) [[unlikely]]
    return Done(locate, BookOutcome::kDuplicateOrder);
  if (orders_live_ == options_.orders_max) [[unlikely]]
    return Done(locate, BookOutcome::kOrdersFull);
  bool top_changed = false;
  if (!Link<kTops>(slot, reference, target, shares, attribution, &top_changed)) [[unlikely]]
    return Done(locate, BookOutcome::kLevelsFull);
  return Done(locate, BookOutcome::kApplied, top_changed);
}

template <bool kTops>
FEEDFARM_INLINE Applied ItchBook::Delete(const uint8_t* message) {
  const auto gone = itch::OrderDelete::Decode(message);
  const uint32_t locate = gone.head.locate.value;
  const uint64_t reference = gone.order.value;
  uint32_t& slot = order_index_.Slot(reference);
  const OrderHandle order = order_index_.Find(slot, reference);
  if (order == 0) [[unlikely]]
    return Done(locate, BookOutcome::kUnknownOrder);
  const uint32_t line = queue_.LevelOf(order);
  if (lines_.level(line).side() / 2 != locate) [[unlikely]]
    return Done(locate, BookOutcome::kWrongInstrument);
  return Done(locate, BookOutcome::kApplied, Remove<kTops>(slot, reference, order, line));
}

// Reference and shares stand at the same place in all messages that reduce.
template <bool kTops>
FEEDFARM_INLINE Applied ItchBook::Reduce(const uint8_t* message) {
  const auto cancel = itch::OrderCancel::Decode(message);
  const uint32_t locate = cancel.head.locate.value, shares = cancel.shares.value;
  const uint64_t reference = cancel.order.value;
  uint32_t& slot = order_index_.Slot(reference);
  const OrderHandle order = order_index_.Find(slot, reference);
  if (order == 0) [[unlikely]]
    return Done(locate, BookOutcome::kUnknownOrder);
  const uint32_t line = queue_.LevelOf(order);
  LevelLine& level = lines_.level(line);
  if (level.side() / 2 != locate) [[unlikely]]
    return Done(locate, BookOutcome::kWrongInstrument);
  if (shares == 0) [[unlikely]]
    return Done(locate, BookOutcome::kZeroShares);
  OrderCell& cell = lines_.cell(order);
  if (shares >= cell.shares) {
    const BookOutcome outcome = shares == cell.shares ? BookOutcome::kApplied : BookOutcome::kTooManyShares;
    return Done(locate, outcome, Remove<kTops>(slot, reference, order, line));
  }
  cell.shares -= shares;
  level.shares -= shares;
  return Done(locate, BookOutcome::kApplied, kTops && IsBest(level.side(), level.price()));
}

template <bool kTops>
FEEDFARM_INLINE Applied ItchBook::Replace(const uint8_t* message) {
  const auto replace = itch::OrderReplace::Decode(message);
  const uint32_t locate = replace.head.locate.value;
  const uint64_t old_reference = replace.old_order.value, reference = replace.new_order.value;
  uint32_t& old_slot = order_index_.Slot(old_reference);
  const OrderHandle old_order = order_index_.Find(old_slot, old_reference);
  if (old_order == 0) [[unlikely]]
    return Done(locate, BookOutcome::kUnknownOrder);
  const uint32_t line = queue_.LevelOf(old_order);
  const uint32_t side = lines_.level(line).side(), attribution = AttributionOf(old_order);
  if (side / 2 != locate) [[unlikely]]
    return Done(locate, BookOutcome::kWrongInstrument);
  uint32_t& slot = order_index_.Slot(reference);
  if (order_index_.Has(slot, reference)) [[unlikely]]
    return Done(locate, BookOutcome::kDuplicateOrder);
  bool top_changed = Remove<kTops>(old_slot, old_reference, old_order, line);
  if (replace.shares.value == 0) [[unlikely]]
    return Done(locate, BookOutcome::kZeroShares, top_changed);
  const Target target = TargetAt(side, replace.price.value);
  if (!Link<kTops>(slot, reference, target, replace.shares.value, attribution, &top_changed)) [[unlikely]]
    return Done(locate, BookOutcome::kLevelsFull, top_changed);
  return Done(locate, BookOutcome::kApplied, top_changed);
}

FEEDFARM_INLINE ItchBook::Target ItchBook::TargetOf(const uint8_t* message, size_t price_at) const {
  const uint32_t side = 2 * LoadBig<uint16_t>(message + 1) + (message[kSideAt] == itch::kSell);
  return TargetAt(side, LoadBig<uint32_t>(message + price_at));
}

template <bool kTops, class TargetFn>
FEEDFARM_INLINE Applied ItchBook::ApplyAs(uint8_t type, const uint8_t* message, TargetFn&& target) {
  switch (static_cast<char>(type)) {
    case itch::AddOrder::kType:
      return Add<kTops>(message, target(), 0);
    case itch::OrderDelete::kType:
      return Delete<kTops>(message);
    case itch::OrderReplace::kType:
      return Replace<kTops>(message);
    case itch::OrderExecuted::kType:
    case itch::OrderExecutedWithPrice::kType:
    case itch::OrderCancel::kType:
      return Reduce<kTops>(message);
    case itch::AddOrderAttributed::kType:
      return Add<kTops>(message, target(),
                        std::bit_cast<uint32_t>(itch::AddOrderAttributed::Decode(message).attribution));
    case 0:
      return Done(0, BookOutcome::kMalformed);
    default:
      return KeepState(message, LoadBig<uint16_t>(message + 1));
  }
}

template <bool kTops>
FEEDFARM_INLINE Applied ItchBook::ApplyOne(std::span<const uint8_t> message) {
  if (!Whole(message)) [[unlikely]]
    return Done(0, BookOutcome::kMalformed);
  return ApplyAs<kTops>(
      message[0], message.data(), [&]() __attribute__((always_inline)) {
        return TargetOf(message.data(), kShapes[itch::AddOrder::kType].price_at);
      });
}

FEEDFARM_INLINE void ItchBook::Read(std::span<const std::span<const uint8_t>> messages, Wave& wave) const {
  wave.messages = messages.data();
  wave.count = messages.size() < kWave ? messages.size() : kWave;
  size_t takes = 0, puts = 0;
  for (size_t i = 0; i < wave.count; ++i) {
    const uint8_t type = Whole(messages[i]) ? messages[i][0] : 0;
    const Shape shape = kShapes[type];
    wave.types[i] = type;
    wave.takes[takes] = static_cast<uint8_t>(i);
    takes += shape.takes;
    wave.puts[puts] = static_cast<uint8_t>(i);
    puts += shape.puts;
  }
  wave.takes_count = takes;
  wave.puts_count = puts;
  for (size_t k = 0; k < takes; ++k) {
    order_index_.Prefetch(ReferenceIn(messages[wave.takes[k]].data()));
  }
  for (size_t k = 0; k < puts; ++k) {
    const size_t i = wave.puts[k];
    const uint8_t* message = messages[i].data();
    const Shape shape = kShapes[message[0]];
    const Target target = wave.targets[i] = TargetOf(message, shape.price_at);
    order_index_.Prefetch(PutReferenceIn(message));
    PrefetchLine(lines_.address(target.home));
    // A replace may be of the other side.
    PrefetchLine(lines_.address(target.home ^ shape.takes));
  }
}

// The side's prices are needed where one comes or goes, or where somebody asks for the best.
template <bool kTops>
FEEDFARM_INLINE void ItchBook::Locate(Wave& wave) const {
  for (size_t k = 0; k < wave.takes_count; ++k) {
    wave.orders[k] = order_index_.PrefetchOrder(ReferenceIn(wave.messages[wave.takes[k]].data()));
  }
  for (size_t k = 0; k < wave.puts_count; ++k) {
    const size_t i = wave.puts[k];
    wave.residents[k] = order_index_.PrefetchResident(PutReferenceIn(wave.messages[i].data()));
    const Target& target = wave.targets[i];
    const LevelLine& home = lines_.level(target.home);
    // As masks: whether the level is there cannot be predicted. Where it is not, the line behind may be it.
    const uint32_t here = 0 - uint32_t{home.key == target.key};
    const uint32_t behind = target.home + 1;
    wave.tails[k] = behind ^ ((behind ^ home.tail) & here);
    PrefetchLine(lines_.address(wave.tails[k]));
    ladders_.Prefetch(LevelTable::SideOf(target.key) & (kTops ? ~0u : ~here));
  }
}

template <bool kTops>
FEEDFARM_INLINE void ItchBook::Approach(const Wave& wave) const {
  for (size_t k = 0; k < wave.takes_count; ++k) {
    const OrderHandle order = wave.orders[k];
    PrefetchLine(lines_.address(queue_.LevelOf(order)));
    queue_.PrefetchNeighbours(order);
    const LevelLine& level = lines_.level(LineOf(order));
    ladders_.Prefetch(level.side() & (0 - uint32_t{kTops || level.orders == 1}));
  }
  for (size_t k = 0; k < wave.puts_count; ++k) {
    queue_.PrefetchFirst(wave.tails[k]);
    order_index_.PrefetchRefuge(wave.residents[k]);
  }
}

template <bool kTops>
FEEDFARM_INLINE void ItchBook::ApplyAll(std::span<const std::span<const uint8_t>> messages, TopListener* listener) {
  const auto tell = [&](size_t i, const Applied& applied) __attribute__((always_inline)) {
    if constexpr (kTops) {
      if (applied.top_changed) listener->TopChanged(i, Top(applied.instrument));
    }
  };
  if (orders_live_ < options_.orders_near) {
    for (size_t i = 0; i < messages.size(); ++i) tell(i, ApplyOne<kTops>(messages[i]));
    return;
  }
  // Each step is one wave behind the step before it.
  std::array<Wave, 4> waves;
  const size_t count = (messages.size() + kWave - 1) / kWave;
  for (size_t number = 0; number < count + 3; ++number) {
    const auto behind = [&](size_t steps) { return number >= steps && number - steps < count; };
    if (behind(0)) Read(messages.subspan(number * kWave), waves[number % 4]);
    if (behind(1)) Locate<kTops>(waves[(number - 1) % 4]);
    if (behind(2)) Approach<kTops>(waves[(number - 2) % 4]);
    if (!behind(3)) continue;
    const Wave& wave = waves[(number - 3) % 4];
    const size_t first = (number - 3) * kWave;
    for (size_t i = 0; i < wave.count; ++i)
      tell(first + i, ApplyAs<kTops>(
                          wave.types[i],
                          wave.messages[i].data(), [&]() __attribute__((always_inline)) { return wave.targets[i]; }));
  }
}

Applied ItchBook::Apply(std::span<const uint8_t> message) { return ApplyOne<true>(message); }

void ItchBook::ApplyRun(std::span<const std::span<const uint8_t>> messages, TopListener* listener) {
  if (listener == nullptr) {
    ApplyAll<false>(messages, nullptr);
  } else {
    ApplyAll<true>(messages, listener);
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
  const auto best = [&](BookSide book_side, uint64_t* price, uint64_t* shares) {
    const uint32_t side = Side(locate, book_side);
    if (ladders_.empty(side)) return;
    const LevelLine& level = lines_.level(LevelAt(side, LevelPrice(side, ladders_.best(side))));
    *price = level.price();
    *shares = level.shares;
  };
  best(BookSide::kBuy, &top.bid_price, &top.bid_shares);
  best(BookSide::kSell, &top.ask_price, &top.ask_shares);
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
  const uint32_t side = Side(locate, BookSide::kBuy);
  if (state.present == 0 && ladders_.empty(side) && ladders_.empty(side + 1)) return 0;
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

size_t ItchBook::EncodeOrder(uint32_t locate, BookSide side, const BookOrder& order, uint32_t price,
                             const uint8_t* stock, uint8_t* out) const {
  itch::AddOrderAttributed add;
  add.head.locate = {static_cast<uint16_t>(locate)};
  add.order = {order.reference};
  add.side = side == BookSide::kBuy ? itch::kBuy : itch::kSell;
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
