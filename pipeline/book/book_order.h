#pragma once

#include <cstdint>

namespace feedfarm {

enum class BookSide : uint8_t { kBuy = 0, kSell = 1 };

// A live order of an order-by-order book, as its readers see it.
struct BookOrder {
  uint64_t reference;
  uint32_t shares;
  uint32_t attribution;  // four bytes as they came; 0 = none
};

// Prices as keys that rise towards the best price of their side, signed, because the vector unit compares signed.
// `side`: 2 x locate + BookSide.
constexpr int32_t LevelKey(uint32_t side, uint32_t price) {
  return static_cast<int32_t>(price ^ 0x80000000u ^ (0u - (side & 1)));
}

constexpr uint32_t LevelPrice(uint32_t side, int32_t key) {
  return static_cast<uint32_t>(key) ^ 0x80000000u ^ (0u - (side & 1));
}

}  // namespace feedfarm
