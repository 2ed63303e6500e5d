#pragma once

#include <cstdint>

#include "pipeline/book/book_line.h"
#include "pipeline/book/prefetch_line.h"

namespace feedfarm {

// The orders of a level in time priority: in the level's own line while they fit, then in blocks. No order ever moves.
// Blocks are the lines from `first` on of a BookLines: as many as orders live are always enough, because each block has
// one. One thread.
class LevelQueue {
 public:
  void Attach(BookLines* lines, uint32_t first) {
    lines_ = lines;
    first_ = first;
    Clear();
  }
  void Clear() {
    free_ = 0;
    used_ = first_;
  }

  // Puts an order at the end of the level at `line`, whose totals it raises.
  [[gnu::always_inline]] OrderHandle Append(uint32_t line, uint64_t reference, uint32_t shares, bool attributed) {
    LevelLine& level = lines_->level(line);
    level.shares += shares;
    ++level.orders;
    uint32_t at = level.tail;
    if (lines_->cells(at).full()) [[unlikely]]
      at = NewBlock(line);
    return 16 * at + lines_->cells(at).Append(reference, shares, attributed);
  }

  // The level of an order.
  uint32_t LevelOf(OrderHandle order) const {
    // Where an order lies cannot be predicted: no branch.
    const uint32_t line = LineOf(order);
    const uint32_t is_block = 0 - uint32_t{line >= first_};
    return line ^ ((line ^ lines_->block(line).level) & is_block);
  }

  // Hints, without a branch. Of an order that is to be taken out, whose line is there: the neighbours of its block,
  // where it is the block's only one.
  void PrefetchNeighbours(OrderHandle order) const {
    const uint32_t line = LineOf(order);
    const BlockLine& block = lines_->block(line);
    const uint32_t only = 0 - (uint32_t{line >= first_} & uint32_t{(block.cells.queue() >> 2) == 0});
    PrefetchLine(lines_->address(line ^ ((line ^ block.next) & only)));
    PrefetchLine(lines_->address(line ^ ((line ^ block.previous) & only)));
  }
  // Of a level to which an order is to be put, whose tail is there: its first block, where the tail is a full one.
  void PrefetchFirst(uint32_t tail) const {
    const BlockLine& block = lines_->block(tail);
    const uint32_t full = 0 - (uint32_t{tail >= first_} & uint32_t{block.cells.full()});
    PrefetchLine(lines_->address(tail ^ ((tail ^ block.next) & full)));
  }

  // Takes an order out of its level, whose totals it lowers; the level may be empty then.
  [[gnu::always_inline]] void Remove(OrderHandle order, uint32_t level_line) {
    LevelLine& level = lines_->level(level_line);
    LineCells& cells = lines_->cells(LineOf(order));
    level.shares -= lines_->cell(order).shares;
    --level.orders;
    cells.Remove(order % 16);
    if ((cells.queue() | uint32_t{LineOf(order) == level_line}) == 0) [[unlikely]]
      FreeBlock(LineOf(order), level_line);
  }

  // fn(order handle), the oldest first.
  template <class Fn>
  void ForEach(uint32_t level_line, Fn&& fn) const {
    const auto cells = [&](uint32_t line) {
      for (uint32_t queue = lines_->cells(line).queue(); queue != 0; queue >>= 2) {
        fn(16 * line + CellQueue::WordOf(queue & 3));
      }
    };
    cells(level_line);
    const uint32_t last = lines_->level(level_line).tail;
    for (uint32_t block = last; block != level_line;) {
      block = lines_->block(block).next;
      cells(block);
      if (block == last) break;
    }
  }

 private:
  // An empty block behind all of the level's orders.
  uint32_t NewBlock(uint32_t line) {
    LevelLine& level = lines_->level(line);
    uint32_t at = free_;
    if (at != 0) {
      free_ = lines_->block(at).next;
    } else {
      at = used_++;
    }
    BlockLine& block = lines_->block(at);
    block.level = line;
    block.cells.marks = 0;
    block.next = block.previous = at;
    if (const uint32_t last = level.tail; last != line) {
      const uint32_t first = lines_->block(last).next;
      block.previous = last;
      block.next = first;
      lines_->block(last).next = at;
      lines_->block(first).previous = at;
    }
    level.tail = at;
    return at;
  }

  void FreeBlock(uint32_t at, uint32_t line) {
    BlockLine& block = lines_->block(at);
    lines_->block(block.previous).next = block.next;
    lines_->block(block.next).previous = block.previous;
    LevelLine& level = lines_->level(line);
    if (level.tail == at) level.tail = block.previous == at ? line : block.previous;
    block.next = free_;
    free_ = at;
  }

  BookLines* lines_ = nullptr;
  uint32_t first_ = 0;
  uint32_t free_ = 0;  // a stack of those used before, and all from used_ on
  uint32_t used_ = 0;
};

}  // namespace feedfarm
