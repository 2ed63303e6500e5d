#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "pipeline/base/endian.h"
#include "pipeline/book/book_order.h"
#include "pipeline/book/feed_book.h"
#include "pipeline/book/huge_array.h"
#include "pipeline/book/itch_state.h"
#include "pipeline/book/level_index.h"
#include "pipeline/book/level_tree.h"
#include "pipeline/book/order_index.h"
#include "pipeline/book/prefetch_line.h"
#include "pipeline/itch/messages_admin.h"
#include "pipeline/itch/types.h"

namespace feedfarm {

// The order books of ITCH 5.0, all instruments at once by stock locate: order by order, first in first out within a
// price (a replace goes to the end; a partial execution or cancel stays), each price with its shares and orders, best
// bid and offer; beside them directory, trading state, Reg SHO, halts, IPO release, auction collar, circuit breaker.
//
// Memory, all of it touched in Create: 32 bytes an order and 16 to 32 of index (OrderIndex); 32 bytes a level and, of
// trees, 26 bytes a level and 128 a side of an instrument; 128 bytes a locate. With the default bounds 64 + 32 + 32 +
// 43 + 8 MB. Beyond a bound adds are lost and counted: the book stays whole, but is no longer the exchange's.
//
// State hash: the sum over instruments of StateDigest(locate) over
//     each part of itch_state that is known: its number from 1, its bytes;
//     for bids, then for offers: the number of orders; each order by price, the best first, and in time priority:
//     reference; price; shares + 2^32 x attribution (0: none, else its four bytes as a little-endian number)
// where there is anything at all, and of StateDigest(2^16) over the feed's parts where any is known. The stock that an
// add names is not kept: the locate says it.
//
// One thread.
class ItchBook {
 public:
  struct Options {
    uint32_t orders_max = 2 << 20;   // live at once; at most OrderIndex::kOrdersMax
    uint32_t levels_max = 1 << 20;   // live at once
    uint32_t locates_max = 1 << 16;  // locates 0..locates_max - 1
  };

  // INVALID_ARGUMENT: a bound of 0 or too large. RESOURCE_EXHAUSTED and the like: no memory.
  static absl::StatusOr<std::unique_ptr<ItchBook>> Create(const Options& options);

  // --- FeedBook ---

  static constexpr size_t kPrefetchStages = 4;
  // All that is live fits the near caches: hints would cost more than they bring.
  bool near() const { return orders_live_ < kOrdersNear; }
  // What messages that belong together have in common: the locate, 0 for those about the feed as a whole. Books to
  // which messages are dealt out by it have hashes that add up, as long as no reference lives in two of them at once.
  static uint32_t Route(std::span<const uint8_t> message) {
    if (message.size() < 3) return 0;
    const bool feed_wide = message[0] == itch::SystemEvent::kType || message[0] == itch::MwcbDeclineLevels::kType ||
                           message[0] == itch::MwcbStatus::kType;
    return feed_wide ? 0 : LoadBig<uint16_t>(message.data() + 1);
  }
  Applied Apply(std::span<const uint8_t> message);
  void Prefetch(size_t stage, std::span<const uint8_t> message) const {
    if (stage == 0) PrefetchStage<0>(message);
    if (stage == 1) PrefetchStage<1>(message);
    if (stage == 2) PrefetchStage<2>(message);
    if (stage == 3) PrefetchStage<3>(message);
  }
  template <size_t kStage>
  void PrefetchStage(std::span<const uint8_t> message) const;
  void Clear();
  uint64_t StateHash() const;
  TopOfBook Top(uint32_t locate) const;
  template <class Emit>
  void EmitState(Emit&& emit) const;
  std::span<const uint64_t, kBookOutcomes> Outcomes() const { return outcomes_; }
  uint64_t orders_live() const { return orders_live_; }
  uint64_t levels_live() const { return levels_live_; }

  // --- Readers ---

  struct LevelView {
    uint32_t price;  // four decimals
    uint32_t orders;
    uint64_t shares;
    uint32_t head;  // for ForEachOrder
  };
  // fn(LevelView), the best first. locate < locates_max.
  template <class Fn>
  void ForEachLevel(uint32_t locate, BookSide side, Fn&& fn) const {
    tree_.ForEach(roots_[Side(locate, side)], [&](int32_t, uint32_t index) {
      const BookLevel& level = levels_[index];
      fn(LevelView{level.price, level.orders, level.shares, level.head});
    });
  }
  // fn(const BookOrder&), in time priority.
  template <class Fn>
  void ForEachOrder(const LevelView& level, Fn&& fn) const {
    for (uint32_t order = level.head; order != 0; order = orders_[order].next) fn(orders_[order]);
  }
  const ItchInstrumentState& state(uint32_t locate) const { return states_[locate]; }
  const ItchFeedState& feed_state() const { return feed_; }

  uint32_t locates_max() const { return options_.locates_max; }
  // Orders found by hashing at the moment, because a younger one has their slot.
  uint64_t orders_hashed() const { return order_index_.guests(); }
  // All memory of the bounds above.
  uint64_t bytes() const;

 private:
  using Tree = LevelTree<int32_t>;

  explicit ItchBook(const Options& options) : options_(options) {}
  absl::Status Allocate();

  // Orders that, with all that belongs to them, stay in the second-level cache by themselves.
  static constexpr uint32_t kOrdersNear = 1 << 17;
  // Where the price stands at which a message puts an order into the book; 0: it puts none.
  static constexpr std::array<uint8_t, 256> kPriceAt = [] {
    std::array<uint8_t, 256> at{};
    at['A'] = at['F'] = 32;
    at['U'] = 31;
    return at;
  }();

  static size_t Side(uint32_t locate, BookSide side) { return 2 * size_t{locate} + static_cast<size_t>(side); }

  Applied Done(uint32_t locate, BookOutcome outcome, bool top_changed = false) {
    ++outcomes_[static_cast<size_t>(outcome)];
    return {locate, outcome, top_changed};
  }

  Applied Add(uint32_t locate, uint64_t reference, uint8_t side, uint32_t shares, uint32_t price, uint32_t attribution);
  Applied Reduce(uint32_t locate, uint64_t reference, uint32_t shares);
  Applied Delete(uint32_t locate, uint64_t reference);
  Applied Replace(uint32_t locate, uint64_t old_reference, uint64_t reference, uint32_t shares, uint32_t price);
  Applied KeepState(const uint8_t* message, uint32_t locate);

  // Puts an order at the end of its price. `slot` is the reference's; there is room for an order. False: there is no
  // level for it.
  bool Link(uint32_t& slot, uint64_t reference, uint32_t side, uint32_t shares, uint32_t price, uint32_t attribution,
            bool* top_changed);
  // Takes an order out of its level and the index and frees it. True: best price or its shares changed.
  bool Remove(uint32_t& slot, uint32_t order);
  void InsertLevel(uint32_t level, LevelIndex::Key place);
  void EraseLevel(uint32_t level);
  uint32_t NewOrder();
  uint32_t NewLevel();

  uint64_t InstrumentHash(uint32_t locate) const;
  size_t EncodeOrder(uint32_t locate, const BookOrder& order, uint32_t price, const uint8_t* stock, uint8_t* out) const;
  const uint8_t* StockOf(uint32_t locate) const;

  const Options options_;
  HugeArray<BookOrder> orders_;  // from 1
  HugeArray<BookLevel> levels_;  // from 1
  // By side, 2 x locate + BookSide.
  HugeArray<uint32_t> best_;  // level; 0 = the side is empty
  HugeArray<Tree::Root> roots_;
  HugeArray<ItchInstrumentState> states_;
  OrderIndex order_index_;
  LevelIndex level_index_;
  Tree tree_;
  ItchFeedState feed_{};
  std::array<uint64_t, kBookOutcomes> outcomes_{};
  // Free ones are a stack of those used before, and all beyond `used`.
  uint32_t orders_free_ = 0;
  uint32_t orders_used_ = 0;
  uint32_t orders_live_ = 0;
  uint32_t levels_free_ = 0;
  uint32_t levels_used_ = 0;
  uint32_t levels_live_ = 0;
};

template <class Emit>
void ItchBook::EmitState(Emit&& emit) const {
  std::array<uint8_t, itch::kMessageBytesMax> out;
  const auto send = [&](size_t bytes) { emit(std::span<const uint8_t>(out.data(), bytes)); };
  static constexpr itch::Stock kNone = itch::MakeText<8>("");
  const auto* none = reinterpret_cast<const uint8_t*>(kNone.data());
  for (size_t i = 0; i < itch_state::kFeedParts.size(); ++i) {
    if (feed_.Has(i)) send(feed_.Encode(i, 0, none, out.data()));
  }
  for (uint32_t locate = 0; locate < options_.locates_max; ++locate) {
    const ItchInstrumentState& state = states_[locate];
    const uint8_t* stock = StockOf(locate);
    for (size_t i = 0; i < itch_state::kInstrumentParts.size(); ++i) {
      if (state.Has(i)) send(state.Encode(i, static_cast<uint16_t>(locate), stock, out.data()));
    }
    for (const BookSide side : {BookSide::kBuy, BookSide::kSell}) {
      ForEachLevel(locate, side, [&](const LevelView& level) {
        ForEachOrder(level,
                     [&](const BookOrder& order) { send(EncodeOrder(locate, order, level.price, stock, out.data())); });
      });
    }
  }
}

template <size_t kStage>
inline void ItchBook::PrefetchStage(std::span<const uint8_t> message) const {
  if (near() || message.size() < 19) return;
  // Locate and reference stand at the same place in every message of an order, the price of a new one at kPriceAt. In
  // others something else stands there, and the hint is for nothing. No branch on the type: it cannot be predicted.
  const uint8_t* at = message.data();
  const size_t price_at = kPriceAt[at[0]];
  if (message.size() < price_at + sizeof(uint32_t)) return;
  const uint64_t reference = LoadBig<uint64_t>(at + 11);
  LevelIndex::Key key = level_index_.KeyOf(LoadBig<uint16_t>(at + 1), LoadBig<uint32_t>(at + price_at));
  key.line &= 0 - size_t{price_at != 0};
  if constexpr (kStage == 0) {
    order_index_.PrefetchSlot(reference);
    level_index_.Prefetch(key);
  } else if constexpr (kStage == 1) {
    order_index_.PrefetchOrder(reference);
    PrefetchLine(&levels_[level_index_.Guess(key)]);
  } else if constexpr (kStage == 2) {
    const BookOrder& order = orders_[order_index_.Guess(reference)];
    PrefetchLine(&levels_[order.level]);
    PrefetchLine(&orders_[order.previous]);
    PrefetchLine(&orders_[order.next]);
    PrefetchLine(&orders_[levels_[level_index_.Guess(key)].tail]);
  } else {
    const BookOrder& order = orders_[order_index_.Guess(reference)];
    const BookLevel& level = levels_[order.level];
    if (level.orders == 1) {
      tree_.Prefetch(roots_[level.side], LevelKey(level.side, level.price));
      level_index_.Prefetch(level_index_.KeyOf(level.side / 2, level.price));
    }
    const uint32_t locate = LoadBig<uint16_t>(at + 1);
    if (price_at == 32 && locate < options_.locates_max && level_index_.LooksAbsent(key)) {
      const uint32_t side = 2 * locate + (at[19] == 'S');
      tree_.Prefetch(roots_[side], LevelKey(side, LoadBig<uint32_t>(at + price_at)));
    }
  }
}

static_assert(FeedBook<ItchBook>);

}  // namespace feedfarm
