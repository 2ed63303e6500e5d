#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/strings/string_view.h"

namespace feedfarm {

// What became of one message. Everything that is not kApplied or kNoted left the state as it was, except where it says
// otherwise; each has a counter.
enum class BookOutcome : uint8_t {
  kApplied,           // the state changed as the message says
  kNoted,             // valid, and says nothing of the state (trade print, imbalance, ...)
  kMalformed,         // of no known type, or not of its type's length
  kUnknownOrder,      // execution, cancel, delete or replace of an order that is not live
  kDuplicateOrder,    // add, or replace into, a reference that is live
  kZeroShares,        // add, execution or cancel of nothing; a replace by nothing takes the old order out
  kTooManyShares,     // execution or cancel of more than is open: takes the order out
  kBadSide,           // neither 'B' nor 'S'
  kWrongInstrument,   // the message's locate is not the order's
  kLocateOutOfRange,  // beyond the bound
  kOrdersFull,        // the bound on live orders is reached: the add is lost
  kLevelsFull,        // the bound on price levels is reached: the add is lost; a replace has taken the old order out
};
inline constexpr size_t kBookOutcomes = 12;

// "applied", "unknown_order", ...: names of counters and gates.
constexpr absl::string_view Name(BookOutcome outcome) {
  switch (outcome) {
    case BookOutcome::kApplied:
      return "applied";
    case BookOutcome::kNoted:
      return "noted";
    case BookOutcome::kMalformed:
      return "malformed";
    case BookOutcome::kUnknownOrder:
      return "unknown_order";
    case BookOutcome::kDuplicateOrder:
      return "duplicate_order";
    case BookOutcome::kZeroShares:
      return "zero_shares";
    case BookOutcome::kTooManyShares:
      return "too_many_shares";
    case BookOutcome::kBadSide:
      return "bad_side";
    case BookOutcome::kWrongInstrument:
      return "wrong_instrument";
    case BookOutcome::kLocateOutOfRange:
      return "locate_out_of_range";
    case BookOutcome::kOrdersFull:
      return "orders_full";
    case BookOutcome::kLevelsFull:
      return "levels_full";
  }
  return "";
}

// What one message did. Fits a register.
struct Applied {
  uint32_t instrument = 0;  // the book's own index of the instrument: ITCH's stock locate; DEEP: in order of appearance
  BookOutcome outcome = BookOutcome::kNoted;
  bool top_changed = false;  // best bid or offer, price or shares; a replace that gives back the same may say so too
};

// Best bid and offer of one instrument. Prices as the protocol has them (four decimals); shares 0 = that side is empty,
// and then the price is 0.
struct TopOfBook {
  uint64_t bid_price = 0;
  uint64_t bid_shares = 0;
  uint64_t ask_price = 0;
  uint64_t ask_shares = 0;
  friend bool operator==(const TopOfBook&, const TopOfBook&) = default;
};

// Hears of best prices while messages are applied.
class TopListener {
 public:
  virtual ~TopListener() = default;
  // Message `index` of the run may have changed an instrument's best bid or offer (Applied::top_changed) to `top`.
  virtual void TopChanged(size_t index, const TopOfBook& top) = 0;
};

// All books of one feed: the last stage of the handler. Memory is sized, bounded and touched in Create; Apply allocates
// nothing and takes any bytes. One thread.
//
//   Apply      one message, in stream order.
//   ApplyRun   messages that follow each other, as many Applys would, but faster: the memory that later ones need is
//              under way while earlier ones are applied. listener may be null.
//   Clear      a new generation: no orders, no instruments, no counters changed.
//   StateHash  of the state alone: equal for equal books, whatever led to them; a sum over instruments, so that books
//              of disjoint instruments add up. Walks everything: not for the hot path.
//   EmitState  messages of the feed's own protocol which, applied to a cleared book, give the same state and hash:
//              what snapshots and GLIMPSE carry. emit(std::span<const uint8_t>).
template <class B>
concept FeedBook = requires(B& book, const B& state, std::span<const uint8_t> message, uint32_t instrument) {
  { book.Apply(message) } -> std::same_as<Applied>;
  book.ApplyRun(std::span<const std::span<const uint8_t>>(), static_cast<TopListener*>(nullptr));
  book.Clear();
  { state.StateHash() } -> std::same_as<uint64_t>;
  { state.Top(instrument) } -> std::same_as<TopOfBook>;
  state.EmitState([](std::span<const uint8_t>) {});
  { state.Outcomes() } -> std::same_as<std::span<const uint64_t, kBookOutcomes>>;
  { state.orders_live() } -> std::convertible_to<uint64_t>;  // DEEP: 0
  { state.levels_live() } -> std::convertible_to<uint64_t>;
};

}  // namespace feedfarm
