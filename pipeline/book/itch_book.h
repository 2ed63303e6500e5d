#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "pipeline/base/endian.h"
#include "pipeline/book/book_line.h"
#include "pipeline/book/book_order.h"
#include "pipeline/book/feed_book.h"
#include "pipeline/book/huge_array.h"
#include "pipeline/book/itch_state.h"
#include "pipeline/book/level_queue.h"
#include "pipeline/book/level_table.h"
#include "pipeline/book/order_index.h"
#include "pipeline/book/price_ladder.h"
#include "pipeline/itch/messages_admin.h"
#include "pipeline/itch/types.h"

namespace feedfarm {

// The order books of ITCH 5.0, all instruments at once by stock locate: order by order, first in first out within a
// price (a replace goes to the end; a partial execution or cancel stays), each price with its shares and orders, best
// bid and offer; beside them directory, trading state, Reg SHO, halts, IPO release, auction collar, circuit breaker.
//
// Memory, all of it touched in Create: of an order 80 bytes (a line of its own in the worst case, and attributions) and
// 40 to 80 of index (OrderIndex); of a level 160 to 320 (LevelTable) and 26 of tree; of a locate 192 and trees. With
// the default bounds 160 + 80 + 160 + 43 + 12 MiB. Beyond a bound adds are lost and counted: the book stays whole, but
// is no longer the exchange's.
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
    // Up to so many live orders all that is touched stays in the second-level cache by itself, and hints would cost
    // more than they bring.
    uint32_t orders_near = 1 << 14;
  };

  // INVALID_ARGUMENT: a bound of 0 or too large. RESOURCE_EXHAUSTED and the like: no memory.
  static absl::StatusOr<std::unique_ptr<ItchBook>> Create(const Options& options);

  // --- FeedBook ---

  // What messages that belong together have in common: the locate, 0 for those about the feed as a whole. Books to
  // which messages are dealt out by it have hashes that add up, as long as no reference lives in two of them at once.
  static uint32_t Route(std::span<const uint8_t> message) {
    if (message.size() < 3) return 0;
    const bool feed_wide = message[0] == itch::SystemEvent::kType || message[0] == itch::MwcbDeclineLevels::kType ||
                           message[0] == itch::MwcbStatus::kType;
    return feed_wide ? 0 : LoadBig<uint16_t>(message.data() + 1);
  }
  Applied Apply(std::span<const uint8_t> message);
  void ApplyRun(std::span<const std::span<const uint8_t>> messages, TopListener* listener);
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
    uint32_t line;  // for ForEachOrder
  };
  // fn(LevelView), the best first. locate < locates_max.
  template <class Fn>
  void ForEachLevel(uint32_t locate, BookSide side, Fn&& fn) const {
    const uint32_t number = Side(locate, side);
    ladders_.ForEach(number, [&](int32_t key) {
      const uint32_t line = LevelAt(number, LevelPrice(number, key));
      const LevelLine& level = lines_.level(line);
      fn(LevelView{level.price(), level.orders, level.shares, line});
    });
  }
  // fn(const BookOrder&), in time priority.
  template <class Fn>
  void ForEachOrder(const LevelView& level, Fn&& fn) const {
    queue_.ForEach(level.line, [&](OrderHandle order) {
      const OrderCell& cell = lines_.cell(order);
      fn(BookOrder{cell.reference(), cell.shares, AttributionOf(order)});
    });
  }
  const ItchInstrumentState& state(uint32_t locate) const { return states_[locate]; }
  const ItchFeedState& feed_state() const { return feed_; }

  uint32_t locates_max() const { return options_.locates_max; }
  // Orders found by hashing at the moment, because a younger one has their slot.
  uint64_t orders_hashed() const { return order_index_.guests(); }
  // All memory of the bounds above.
  uint64_t bytes() const;

 private:
  explicit ItchBook(const Options& options) : options_(options) {}
  absl::Status Allocate();

  // Where an order is put: its level's key, and where the search for the level begins.
  struct Target {
    uint64_t key;
    uint32_t home;
  };
  Target TargetAt(uint32_t side, uint32_t price) const {
    return {LevelTable::KeyOf(side, price), level_table_.Home(side, price)};
  }
  // Of a message that puts one, with its price at price_at; of a replace, which does not say its side, of one of the
  // two.
  Target TargetOf(const uint8_t* message, size_t price_at) const;

  // Messages that are applied together: what they touch is asked for in three steps, so that it is there when they are
  // applied. Each step works on those alone that need it, without a branch on the type, which cannot be predicted.
  static constexpr size_t kWave = 16;
  struct Wave {
    const std::span<const uint8_t>* messages;
    size_t count;
    size_t takes_count, puts_count;
    std::array<uint8_t, kWave> types;          // 0: malformed
    std::array<uint8_t, kWave> takes;          // messages that name an order
    std::array<uint8_t, kWave> puts;           // messages that put one into the book
    std::array<OrderHandle, kWave> orders;     // of takes: probably the order
    std::array<Target, kWave> targets;         // of a message that puts
    std::array<OrderHandle, kWave> residents;  // of puts: what has the reference's slot
    std::array<uint32_t, kWave> tails;         // of puts: probably the level's tail
  };
  void Read(std::span<const std::span<const uint8_t>> messages, Wave& wave) const;
  template <bool kTops>
  void Locate(Wave& wave) const;
  template <bool kTops>
  void Approach(const Wave& wave) const;
  // kTops: somebody asks for Applied::top_changed.
  template <bool kTops>
  void ApplyAll(std::span<const std::span<const uint8_t>> messages, TopListener* listener);
  // type: the message's, 0 where it is malformed. target(): where it puts an order, asked of adds alone.
  template <bool kTops, class TargetFn>
  Applied ApplyAs(uint8_t type, const uint8_t* message, TargetFn&& target);
  template <bool kTops>
  Applied ApplyOne(std::span<const uint8_t> message);

  static uint32_t Side(uint32_t locate, BookSide side) { return 2 * locate + static_cast<uint32_t>(side); }

  Applied Done(uint32_t locate, BookOutcome outcome, bool top_changed = false) {
    ++outcomes_[static_cast<size_t>(outcome)];
    return {locate, outcome, top_changed};
  }

  template <bool kTops>
  Applied Add(const uint8_t* message, const Target& target, uint32_t attribution);
  template <bool kTops>
  Applied Reduce(const uint8_t* message);
  template <bool kTops>
  Applied Delete(const uint8_t* message);
  template <bool kTops>
  Applied Replace(const uint8_t* message);
  Applied KeepState(const uint8_t* message, uint32_t locate);

  // The line of a price, or 0.
  uint32_t LevelAt(uint32_t side, uint32_t price) const {
    const Target target = TargetAt(side, price);
    return level_table_.Find(target.key, target.home);
  }
  bool IsBest(uint32_t side, uint32_t price) const { return ladders_.best(side) == LevelKey(side, price); }
  // Puts an order at the end of its price. `slot` is the reference's; there is room for an order. False: there is no
  // room for its level.
  template <bool kTops>
  bool Link(uint32_t& slot, uint64_t reference, const Target& target, uint32_t shares, uint32_t attribution,
            bool* top_changed);
  // Takes an order of the level at `line` out of it and the index. True: best price or its shares changed.
  template <bool kTops>
  bool Remove(uint32_t& slot, uint64_t reference, OrderHandle order, uint32_t line);
  uint32_t NewLevel(const Target& target);
  void EraseLevel(uint32_t line);
  uint32_t AttributionOf(OrderHandle order) const {
    return lines_.cells(LineOf(order)).attributed(order % 16) ? attributions_[order / 4] : 0;
  }

  uint64_t InstrumentHash(uint32_t locate) const;
  size_t EncodeOrder(uint32_t locate, BookSide side, const BookOrder& order, uint32_t price, const uint8_t* stock,
                     uint8_t* out) const;
  const uint8_t* StockOf(uint32_t locate) const;

  const Options options_;
  BookLines lines_;
  HugeArray<uint32_t> attributions_;  // by order handle / 4, where its line says that it has one
  PriceLadders ladders_;              // by 2 x locate + BookSide
  HugeArray<ItchInstrumentState> states_;
  OrderIndex order_index_;
  LevelTable level_table_;
  LevelQueue queue_;
  ItchFeedState feed_{};
  std::array<uint64_t, kBookOutcomes> outcomes_{};
  uint32_t orders_live_ = 0;
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
        ForEachOrder(level, [&](const BookOrder& order) {
          send(EncodeOrder(locate, side, order, level.price, stock, out.data()));
        });
      });
    }
  }
}

static_assert(FeedBook<ItchBook>);

}  // namespace feedfarm
