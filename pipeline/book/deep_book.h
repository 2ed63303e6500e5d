#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "pipeline/base/endian.h"
#include "pipeline/book/book_order.h"
#include "pipeline/book/deep_state.h"
#include "pipeline/book/feed_book.h"
#include "pipeline/book/huge_array.h"
#include "pipeline/book/level_tree.h"
#include "pipeline/deep/messages.h"

namespace feedfarm {

// The price-level books of IEX DEEP 1.0, all symbols at once: the size at each price as IEX says it, and directory,
// trading status, halts, short sale test, security event and retail indicator.
//
// One event at IEX may change several prices, in several messages; a book is consistent only after the one that has the
// event-complete flag. Top is the best bid and offer as they were when an event was last complete, and top_changed
// speaks of that. A book that is rebuilt from EmitState in the middle of an event has no top until it is complete; all
// else is as it was.
//
// Memory, all of it touched in Create: 192 bytes of tree for each five levels and each side; 128 bytes a symbol. With
// the default bounds about 80 MB.
//
// State hash: the sum over symbols of StateDigest(symbol's 8 bytes as a little-endian number) over
//     each part of DeepState that is known: its number from 1, its bytes; 1 in the middle of an event, else 0;
//     for bids, then for offers: the number of prices; price and size of each, the best first
// where there is anything at all, and of StateDigest(2^64 - 1) over 1 and the last system event.
//
// kUnknownOrder: removal of a price that is not there; its event flag counts. kLocateOutOfRange: one symbol too many.
// One thread.
class DeepBook {
 public:
  struct Options {
    uint32_t symbols_max = 1 << 15;
    uint32_t levels_max = 1 << 19;  // live at once, all symbols together
  };

  // INVALID_ARGUMENT: a bound of 0 or too large. RESOURCE_EXHAUSTED and the like: no memory.
  static absl::StatusOr<std::unique_ptr<DeepBook>> Create(const Options& options);

  // --- FeedBook; an instrument's index is the order in which symbols appeared, from 0 ---

  // As ItchBook::Route: by symbol, which all but the system event have behind type, flags and time.
  static uint32_t Route(std::span<const uint8_t> message) {
    constexpr size_t kSymbolOffset = 10;
    if (message.size() < kSymbolOffset + sizeof(uint64_t)) return 0;
    return static_cast<uint32_t>((LoadLittle<uint64_t>(message.data() + kSymbolOffset) * 0x9E3779B97F4A7C15u) >> 32);
  }
  Applied Apply(std::span<const uint8_t> message);
  void ApplyRun(std::span<const std::span<const uint8_t>> messages, TopListener* listener);
  void Clear();
  uint64_t StateHash() const;
  TopOfBook Top(uint32_t instrument) const {
    return instrument < symbols_ ? instruments_[instrument].top : TopOfBook{};
  }
  template <class Emit>
  void EmitState(Emit&& emit) const;
  std::span<const uint64_t, kBookOutcomes> Outcomes() const { return outcomes_; }
  uint64_t orders_live() const { return 0; }
  uint64_t levels_live() const { return levels_live_; }

  // --- Readers ---

  uint32_t symbols() const { return symbols_; }
  deep::Symbol symbol(uint32_t instrument) const {
    return std::bit_cast<deep::Symbol>(instruments_[instrument].symbol);
  }
  const DeepState& state(uint32_t instrument) const { return instruments_[instrument].state; }
  // No event of this instrument is in progress.
  bool consistent(uint32_t instrument) const { return !instruments_[instrument].in_event; }
  // fn(int64_t price, uint32_t size), the best first.
  template <class Fn>
  void ForEachLevel(uint32_t instrument, BookSide side, Fn&& fn) const {
    tree_.ForEach(instruments_[instrument].sides[static_cast<size_t>(side)].root,
                  [&](int64_t key, uint32_t size) { fn(Flip(side, key), size); });
  }
  uint64_t bytes() const { return instruments_.bytes() + slots_.bytes() + tree_.bytes(); }

 private:
  using Tree = LevelTree<int64_t>;

  struct Side {
    Tree::Root root;
    uint64_t levels;
  };
  struct Instrument {
    uint64_t symbol;
    Side sides[2];
    TopOfBook top;
    DeepState state;
    bool in_event;
    bool empty() const { return state.present == 0 && !in_event && sides[0].levels + sides[1].levels == 0; }
  };

  explicit DeepBook(const Options& options) : options_(options) {}

  // Price to key and back: keys rise towards the best price.
  static int64_t Flip(BookSide side, int64_t value) { return side == BookSide::kBuy ? value : ~value; }

  Applied Done(uint32_t instrument, BookOutcome outcome, bool top_changed = false) {
    ++outcomes_[static_cast<size_t>(outcome)];
    return {instrument, outcome, top_changed};
  }
  uint64_t Home(uint64_t symbol) const { return (symbol * 0x9E3779B97F4A7C15u) >> shift_; }
  // Index + 1; 0: unknown, or with `add` one too many.
  uint32_t Find(uint64_t symbol, bool add);

  template <class Message>
  Applied ApplyLevel(BookSide side, const Message& message);
  BookOutcome SetLevel(BookSide book_side, Instrument& instrument, int64_t price, uint32_t size);
  TopOfBook CurrentTop(const Instrument& instrument) const;

  const Options options_;
  HugeArray<Instrument> instruments_;
  HugeArray<uint32_t> slots_;  // index + 1, linear probing, at most half full; symbols only come
  uint32_t shift_ = 0;
  Tree tree_;
  uint32_t symbols_ = 0;
  uint64_t levels_live_ = 0;
  uint8_t event_known_ = 0;
  uint8_t event_ = 0;
  std::array<uint64_t, kBookOutcomes> outcomes_{};
};

template <class Emit>
void DeepBook::EmitState(Emit&& emit) const {
  std::array<uint8_t, deep::kMessageBytesMax> out;
  const auto send = [&](size_t bytes) { emit(std::span<const uint8_t>(out.data(), bytes)); };
  if (event_known_ != 0) {
    deep::SystemEvent{.event = static_cast<char>(event_), .time = {}}.Encode(out.data());
    send(deep::SystemEvent::kSize);
  }
  for (uint32_t i = 0; i < symbols_; ++i) {
    const Instrument& instrument = instruments_[i];
    for (size_t part = 0; part < DeepState::kParts.size(); ++part) {
      if (instrument.state.Has(part)) send(instrument.state.Encode(part, instrument.symbol, out.data()));
    }
    const auto flags = static_cast<uint8_t>(instrument.in_event ? 0 : deep::PriceLevelBuy::kEventComplete);
    const auto level = [&]<class M>(M message, int64_t price, uint32_t size) {
      message.flags = flags, message.symbol = symbol(i), message.size = {size}, message.price = {price};
      message.Encode(out.data());
      send(M::kSize);
    };
    ForEachLevel(i, BookSide::kBuy, [&](int64_t price, uint32_t size) { level(deep::PriceLevelBuy(), price, size); });
    ForEachLevel(i, BookSide::kSell, [&](int64_t price, uint32_t size) { level(deep::PriceLevelSell(), price, size); });
    // Without prices the event in progress is carried by the removal of none.
    if (instrument.in_event && instrument.sides[0].levels + instrument.sides[1].levels == 0)
      level(deep::PriceLevelBuy(), 0, 0);
  }
}

static_assert(FeedBook<DeepBook>);

}  // namespace feedfarm
