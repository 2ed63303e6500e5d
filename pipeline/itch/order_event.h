#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "pipeline/base/endian.h"
#include "pipeline/itch/messages_order.h"
#include "pipeline/itch/types.h"

namespace feedfarm::itch {

// Any of the seven messages about orders (A, F, E, C, X, D, U) as one record: 97 of 100 messages of a day. What a type
// does not have is zero bytes. A typed visitor (decode.h) says what a message is by where it is called, which costs a
// mispredicted branch a message where types follow no pattern; this one has no branch on the type at all.
struct OrderEvent {
  char type;
  MessageHead head;
  OrderRef order;      // of U: the old one
  OrderRef new_order;  // U
  char side;           // A, F
  Shares shares;       // all but D
  Stock stock;         // A, F
  Price4 price;        // A, F, C, U
  MatchNumber match;   // E, C
  char printable;      // C
  Mpid attribution;    // F
};

namespace internal {

// Where a type has a field, and a mask that leaves nothing where it has none (then something else is read at 0).
template <class Bits>
struct FieldPlace {
  Bits mask = 0;
  uint8_t at = 0;

  constexpr void Set(size_t offset) {
    mask = static_cast<Bits>(~Bits{0});
    at = static_cast<uint8_t>(offset);
  }
  Bits Big(const uint8_t* message) const { return LoadBig<Bits>(message + at) & mask; }
  Bits Raw(const uint8_t* message) const { return LoadLittle<Bits>(message + at) & mask; }
};

struct OrderEventLayout {
  FieldPlace<uint64_t> new_order, stock, match;
  FieldPlace<uint32_t> shares, price, attribution;
  FieldPlace<uint8_t> side, printable;
  uint8_t bytes = 0;  // 0: no message about orders
};

constexpr std::array<OrderEventLayout, 256> MakeOrderEventLayouts() {
  std::array<OrderEventLayout, 256> layouts;
  for (const uint8_t type : {'A', 'F'}) {
    OrderEventLayout& add = layouts[type];
    add.side.Set(19), add.shares.Set(20), add.stock.Set(24), add.price.Set(32);
  }
  layouts['F'].attribution.Set(36);
  for (const uint8_t type : {'E', 'C', 'X'}) layouts[type].shares.Set(19);
  for (const uint8_t type : {'E', 'C'}) layouts[type].match.Set(23);
  layouts['C'].printable.Set(31), layouts['C'].price.Set(32);
  layouts['U'].new_order.Set(19), layouts['U'].shares.Set(27), layouts['U'].price.Set(31);
  layouts['A'].bytes = AddOrder::kSize, layouts['F'].bytes = AddOrderAttributed::kSize;
  layouts['E'].bytes = OrderExecuted::kSize, layouts['C'].bytes = OrderExecutedWithPrice::kSize;
  layouts['X'].bytes = OrderCancel::kSize, layouts['D'].bytes = OrderDelete::kSize;
  layouts['U'].bytes = OrderReplace::kSize;
  return layouts;
}

inline constexpr std::array<OrderEventLayout, 256> kOrderEventLayouts = MakeOrderEventLayouts();

}  // namespace internal

// Reads a message about orders. False, with `event` as it was, where it is empty, of another type or not exactly of its
// type's length; no byte beyond the span is read.
[[gnu::always_inline]] inline bool DecodeOrderEvent(std::span<const uint8_t> message, OrderEvent* event) {
  if (message.empty()) return false;
  const uint8_t* at = message.data();
  const internal::OrderEventLayout& layout = internal::kOrderEventLayouts[at[0]];
  if (message.size() != layout.bytes) return false;
  // The shortest of them has 19 bytes: what is read at 0 instead of a field is there.
  *event = {.type = static_cast<char>(at[0]),
            .head = {.locate = {LoadBig<uint16_t>(at + 1)},
                     .tracking = {LoadBig<uint16_t>(at + 3)},
                     .time = {LoadBig<uint64_t>(at + 3) & ((uint64_t{1} << 48) - 1)}},
            .order = {LoadBig<uint64_t>(at + 11)},
            .new_order = {layout.new_order.Big(at)},
            .side = static_cast<char>(layout.side.Raw(at)),
            .shares = {layout.shares.Big(at)},
            .stock = std::bit_cast<Stock>(layout.stock.Raw(at)),
            .price = {layout.price.Big(at)},
            .match = {layout.match.Big(at)},
            .printable = static_cast<char>(layout.printable.Raw(at)),
            .attribution = std::bit_cast<Mpid>(layout.attribution.Raw(at))};
  return true;
}

}  // namespace feedfarm::itch
