#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "pipeline/book/book_order.h"
#include "pipeline/book/huge_array.h"
#include "pipeline/book/prefetch_line.h"

namespace feedfarm {

// Finds an order's place by its reference. An exchange hands references out rising, so the low bits of a reference
// choose its slot: no hashing, and young orders lie side by side. Where a new order's slot is still taken by an old
// order, which has outlived all references since, the old one moves to an open-addressing hash table, once. Sparse or
// hostile references meet in slots more often and live in the hash table: slower, never wrong.
//
//   slot:  | tag 6 | guests 3 | order 23 |     order 0 = none; guests: orders of this slot that moved to the hash
//   table,
//                                              7 = seven or more, and then for ever
//
// Memory: two tables of 4 bytes x the power of two at or above 2 x orders_max: 16 bytes an order or a bit more.
// One thread. Nothing is allocated after Allocate.
class OrderIndex {
 public:
  static constexpr uint32_t kOrdersMax = (1u << 23) - 1;

  // `orders` is where the orders lie that the indices name, 0..orders_max; it outlives this. INVALID_ARGUMENT: a bound
  // of 0 or beyond kOrdersMax.
  absl::Status Allocate(uint32_t orders_max, const BookOrder* orders);
  static absl::Status CheckBound(uint32_t orders_max);

  // Where a reference's search begins; a slot stays where it is.
  uint32_t& Slot(uint64_t reference) { return direct_[reference & mask_]; }

  // The order of this reference, whose slot it is; 0 = not live.
  uint32_t Find(const uint32_t& slot, uint64_t reference) const {
    const uint32_t order = slot & kOrderMask;
    // An empty slot names order 0, which no reference finds: the test of `order` is the last one.
    if ((slot & kTagMask) == Tag(reference) && orders_[order].reference == reference && order != 0) [[likely]]
      return order;
    return (slot & kGuestsMask) == 0 ? 0 : FindGuest(reference);
  }
  uint32_t Find(uint64_t reference) const { return Find(direct_[reference & mask_], reference); }
  // Whether it is live: no more than the slot is touched where that is empty.
  bool Has(const uint32_t& slot, uint64_t reference) const { return slot != 0 && Find(slot, reference) != 0; }

  // `reference`, which is not live, is order `order` from now on; its reference is stored in the order already.
  void Insert(uint32_t& slot, uint64_t reference, uint32_t order) {
    if ((slot & kOrderMask) != 0) [[unlikely]]
      MoveOut(slot);
    slot = (slot & kGuestsMask) | Tag(reference) | order;
  }
  void Insert(uint64_t reference, uint32_t order) { Insert(Slot(reference), reference, order); }

  // `reference`, found as `order`, is live no more.
  void Erase(uint32_t& slot, uint64_t reference, uint32_t order) {
    if ((slot & kOrderMask) == order) [[likely]] {
      slot &= kGuestsMask;
    } else {
      EraseGuest(slot, reference, order);
    }
  }
  void Erase(uint64_t reference, uint32_t order) { Erase(Slot(reference), reference, order); }

  // Hints in three steps: the slot; the order there, which is the wanted one or the one that must make way; where the
  // wanted one, or the one that makes way, is in the hash table.
  void PrefetchSlot(uint64_t reference) const { PrefetchLine(&direct_[reference & mask_]); }
  void PrefetchOrder(uint64_t reference) const {
    const uint32_t slot = direct_[reference & mask_];
    PrefetchLine(&orders_[slot & kOrderMask]);
    if ((slot & kGuestsMask) != 0 && (slot & kTagMask) != Tag(reference)) [[unlikely]]
      PrefetchLine(&guests_[Home(reference)]);
  }
  // The order as far as it can be told without touching it; 0: none, or in the hash table.
  uint32_t Guess(uint64_t reference) const {
    const uint32_t slot = direct_[reference & mask_];
    if ((slot & kTagMask) == Tag(reference)) [[likely]]
      return slot & kOrderMask;
    return GuessGuest(slot, reference);
  }

  void Clear();

  uint64_t guests() const { return guests_live_; }
  uint64_t bytes() const { return direct_.bytes() + guests_.bytes(); }

 private:
  static constexpr uint32_t kOrderMask = kOrdersMax;
  static constexpr uint32_t kGuest = 1u << 23;
  static constexpr uint32_t kGuestsMask = 7u << 23;
  static constexpr uint32_t kTagMask = 63u << 26;

  // The bits of the reference above the slot's number.
  uint32_t Tag(uint64_t reference) const { return static_cast<uint32_t>(reference >> shift_) << 26; }
  // Fibonacci hashing (Knuth 6.4): the high bits of the product depend on all bits of the reference.
  uint64_t Home(uint64_t reference) const { return (reference * 0x9E3779B97F4A7C15u) >> guest_shift_; }

  uint32_t FindGuest(uint64_t reference) const;
  uint32_t GuessGuest(uint32_t slot, uint64_t reference) const {
    const uint32_t resident = slot & kOrderMask;
    if (resident != 0) PrefetchLine(&guests_[Home(orders_[resident].reference)]);
    if ((slot & kGuestsMask) == 0) return 0;
    const uint32_t guest = guests_[Home(reference)];
    PrefetchLine(&orders_[guest]);
    return 0;
  }
  void MoveOut(uint32_t& slot);
  void EraseGuest(uint32_t& slot, uint64_t reference, uint32_t order);

  HugeArray<uint32_t> direct_;
  HugeArray<uint32_t> guests_;  // order numbers, linear probing; at most half full
  const BookOrder* orders_ = nullptr;
  uint64_t mask_ = 0;
  uint64_t guest_mask_ = 0;
  uint32_t shift_ = 0;
  uint32_t guest_shift_ = 0;
  uint64_t guests_live_ = 0;
};

}  // namespace feedfarm
