#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "pipeline/book/huge_array.h"

namespace feedfarm {

// Where the orders of a book lie: cache lines of three orders each. A line is a price level with its first orders, so
// that most changes touch one line beside the order's slot in the index, or a block with three more orders of a level.
//
// A level's orders in time priority are those of its own line, then those of its blocks. Within a line the cells are
// taken in any order, and the line's queue says which is older.

// One order's place: `line` x 16 + the word of the line at which its cell begins. 0: none.
using OrderHandle = uint32_t;
constexpr uint32_t LineOf(OrderHandle order) { return order / 16; }

struct OrderCell {
  uint32_t reference_low;
  uint32_t reference_high;
  uint32_t shares;

  uint64_t reference() const { return uint64_t{reference_high} << 32 | reference_low; }
  void Set(uint64_t reference, uint32_t open_shares) {
    reference_low = static_cast<uint32_t>(reference);
    reference_high = static_cast<uint32_t>(reference >> 32);
    shares = open_shares;
  }
};
static_assert(sizeof(OrderCell) == 12);

// The live cells of a line, the oldest order first: up to three numbers of two bits, 1..3, then zeros. Cells are named
// by the word at which they begin.
class CellQueue {
 public:
  static constexpr uint32_t kMask = 63;
  static constexpr uint32_t kBits = 6;

  static constexpr uint32_t WordOf(uint32_t number) { return 4 + 3 * number; }

  // A cell that is free; 0: none is.
  static uint32_t Free(uint32_t queue) { return kTables.free[queue]; }
  // With the free cell at the end.
  static uint32_t Append(uint32_t queue) { return kTables.append[queue]; }
  static uint32_t Remove(uint32_t queue, uint32_t word) { return kTables.remove[queue][word]; }

 private:
  struct Tables {
    std::array<uint8_t, 64> free{};
    std::array<uint8_t, 64> append{};
    std::array<std::array<uint8_t, 16>, 64> remove{};
  };
  static constexpr Tables MakeTables() {
    Tables tables;
    for (uint32_t queue = 0; queue < 64; ++queue) {
      uint32_t taken = 0, count = 0;
      while (count < 3 && (queue >> 2 * count & 3) != 0) taken |= 1u << (queue >> 2 * count++ & 3);
      uint32_t free = 0;
      for (uint32_t number = 3; number >= 1; --number) {
        if ((taken >> number & 1) == 0) free = number;
      }
      tables.free[queue] = static_cast<uint8_t>(free == 0 ? 0 : WordOf(free));
      tables.append[queue] = static_cast<uint8_t>(queue | free << 2 * count);
      for (uint32_t number = 1; number <= 3; ++number) {
        uint32_t left = 0, kept = 0;
        for (uint32_t i = 0; i < count; ++i) {
          const uint32_t other = queue >> 2 * i & 3;
          if (other != number) left |= other << 2 * kept++;
        }
        tables.remove[queue][WordOf(number)] = static_cast<uint8_t>(left);
      }
    }
    return tables;
  }
  static const Tables kTables;
};
inline constexpr CellQueue::Tables CellQueue::kTables = CellQueue::MakeTables();

// What both kinds of lines end with.
struct LineCells {
  // | passed 18 | attributed: a bit at a cell's word | queue 6 |
  // passed: levels that live in a later line because this one was taken when they came; the most: that many, and then
  // for ever.
  uint32_t marks;
  OrderCell cells[3];

  static constexpr uint32_t kPassed = 1u << 14;
  static constexpr uint32_t kPassedMost = ~0u / kPassed;

  uint32_t queue() const { return marks & CellQueue::kMask; }
  bool attributed(uint32_t word) const { return (marks >> word & 1) != 0; }
  bool full() const { return CellQueue::Free(queue()) == 0; }
  uint32_t passed() const { return marks / kPassed; }
  void Pass() {
    if (passed() != kPassedMost) marks += kPassed;
  }
  void Unpass() {
    if (passed() != kPassedMost) marks -= kPassed;
  }

  // Puts an order behind all others of a line that is not full. The cell's word.
  uint32_t Append(uint64_t reference, uint32_t shares, bool with_attribution) {
    const uint32_t old = queue(), word = CellQueue::Free(old);
    marks = (marks ^ old ^ CellQueue::Append(old)) | static_cast<uint32_t>(with_attribution) << word;
    reinterpret_cast<OrderCell*>(reinterpret_cast<uint8_t*>(this) + 4 * word - kAt)->Set(reference, shares);
    return word;
  }
  void Remove(uint32_t word) {
    const uint32_t old = queue();
    marks = (marks ^ old ^ CellQueue::Remove(old, word)) & ~(1u << word);
  }

  static constexpr size_t kAt = 24;  // where it is in a line
};

struct LevelLine {
  uint64_t key;     // LevelTable::KeyOf; 0 = the line is free
  uint64_t shares;  // of all its orders
  uint32_t orders;
  uint32_t tail;  // the line of its youngest orders: this one, or its last block
  LineCells cells;

  uint32_t price() const { return static_cast<uint32_t>(key); }
  uint32_t side() const { return static_cast<uint32_t>(key >> 32) - 1; }
};

// More orders of a level. Blocks are a ring in time priority: the next of the last one is the first.
struct BlockLine {
  uint32_t level;  // its line
  uint32_t next;   // of a free one: the next free one
  uint32_t previous;
  uint32_t spare[3];
  LineCells cells;
};

static_assert(sizeof(LevelLine) == 64 && sizeof(BlockLine) == 64);
static_assert(offsetof(LevelLine, cells) == LineCells::kAt && offsetof(BlockLine, cells) == LineCells::kAt);
static_assert(LineCells::kAt + offsetof(LineCells, cells) == 4 * CellQueue::WordOf(1));

// All lines of a book: line 0 is none, then the levels' table, then blocks.
class BookLines {
 public:
  static constexpr uint32_t kLinesMax = 1u << 24;

  // lines at most kLinesMax.
  absl::Status Allocate(size_t lines) { return lines_.Allocate(lines, "orders and price levels"); }

  LevelLine& level(uint32_t line) { return *reinterpret_cast<LevelLine*>(&lines_[line]); }
  const LevelLine& level(uint32_t line) const { return *reinterpret_cast<const LevelLine*>(&lines_[line]); }
  BlockLine& block(uint32_t line) { return *reinterpret_cast<BlockLine*>(&lines_[line]); }
  const BlockLine& block(uint32_t line) const { return *reinterpret_cast<const BlockLine*>(&lines_[line]); }
  LineCells& cells(uint32_t line) { return *reinterpret_cast<LineCells*>(lines_[line].bytes + LineCells::kAt); }
  const LineCells& cells(uint32_t line) const {
    return *reinterpret_cast<const LineCells*>(lines_[line].bytes + LineCells::kAt);
  }
  // Of handle 0 too, which is no order.
  OrderCell& cell(OrderHandle order) {
    return *reinterpret_cast<OrderCell*>(reinterpret_cast<uint8_t*>(lines_.data()) + size_t{4} * order);
  }
  const OrderCell& cell(OrderHandle order) const {
    return *reinterpret_cast<const OrderCell*>(reinterpret_cast<const uint8_t*>(lines_.data()) + size_t{4} * order);
  }
  const void* address(uint32_t line) const { return lines_.data() + line; }

  void Zero() { lines_.Zero(); }
  size_t size() const { return lines_.size(); }
  uint64_t bytes() const { return lines_.bytes(); }

 private:
  struct alignas(64) Line {
    uint8_t bytes[64];
  };
  HugeArray<Line> lines_;
};

}  // namespace feedfarm
