#pragma once

#include <cstdint>

namespace feedfarm {

// A live order of an order-by-order book: half a cache line. Orders of a level are a list in time priority; indices are
// the book's own, 0 = none.
struct BookOrder {
  uint64_t reference;
  uint32_t previous;
  uint32_t next;  // of a free one: the next free one
  uint32_t shares;
  uint32_t level;
  uint32_t attribution;  // four bytes as they came; 0 = none
  uint32_t side;         // 2 x locate + BookSide
};
static_assert(sizeof(BookOrder) == 32);

enum class BookSide : uint8_t { kBuy = 0, kSell = 1 };

// A price level of an order-by-order book: half a cache line.
struct BookLevel {
  uint64_t shares;  // of all its orders
  uint32_t price;
  uint32_t side;    // 2 x locate + BookSide
  uint32_t orders;  // > 0 while it lives
  uint32_t head;    // the order of highest priority
  uint32_t tail;
  uint32_t next;  // of a free one: the next free one
};
static_assert(sizeof(BookLevel) == 32);

// Prices as keys that rise towards the best price of their side, signed, because the vector unit compares signed.
// `side`: BookLevel's.
constexpr int32_t LevelKey(uint32_t side, uint32_t price) {
  return static_cast<int32_t>(price ^ 0x80000000u ^ (0u - (side & 1)));
}

}  // namespace feedfarm
