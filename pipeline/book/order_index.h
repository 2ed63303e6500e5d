#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "pipeline/book/book_line.h"
#include "pipeline/book/huge_array.h"
#include "pipeline/book/prefetch_line.h"

namespace feedfarm {

// Finds an order's place by its reference. An exchange hands references out rising, so the low bits of a reference
// choose its slot: no hashing, and young orders lie side by side. Where a new order's slot is still taken by an old
// order, which has outlived all references since, the old one moves to an open-addressing hash table, once. Sparse or
// hostile references meet in slots more often and live in the hash table: slower, never wrong.
//
//   slot:  | tag 2 | guests 2 | order 28 |     order 0 = none
//                                              guests: orders of this slot that moved to the hash table,
//                                              3 = three or more, and then for ever
//
// Memory: 4 bytes x the powers of two at or above 8 x orders_max and 2 x orders_max: 40 to 80 bytes an order.
// One thread. Nothing is allocated after Allocate.
class OrderIndex {
 public:
  static constexpr uint32_t kOrdersMax = (1u << 23) - 1;

  // `lines` is where the orders lie; it outlives this. INVALID_ARGUMENT: a bound of 0 or beyond kOrdersMax.
  absl::Status Allocate(uint32_t orders_max, const BookLines* lines);
  static absl::Status CheckBound(uint32_t orders_max);

  // Where a reference's search begins; a slot stays where it is.
  uint32_t& Slot(uint64_t reference) { return direct_[reference & mask_]; }

  // The order of this reference, whose slot it is; 0 = not live.
  OrderHandle Find(const uint32_t& slot, uint64_t reference) const {
    const OrderHandle order = slot & kOrderMask;
    // An empty slot names order 0, which no reference finds: the test of `order` is the last one.
    if ((slot & kTagMask) == Tag(reference) && lines_->cell(order).reference() == reference && order != 0) [[likely]]
      return order;
    return (slot & kGuestsMask) == 0 ? 0 : FindGuest(reference);
  }
  OrderHandle Find(uint64_t reference) const { return Find(direct_[reference & mask_], reference); }
  // Whether it is live: no more than the slot is touched where that is empty.
  bool Has(const uint32_t& slot, uint64_t reference) const { return slot != 0 && Find(slot, reference) != 0; }

  // `reference`, which is not live, is order `order` from now on; its reference is stored in the order already.
  void Insert(uint32_t& slot, uint64_t reference, OrderHandle order) {
    if ((slot & kOrderMask) != 0) [[unlikely]]
      MoveOut(slot);
    slot = (slot & kGuestsMask) | Tag(reference) | order;
  }
  void Insert(uint64_t reference, OrderHandle order) { Insert(Slot(reference), reference, order); }

  // `reference`, found as `order`, is live no more.
  void Erase(uint32_t& slot, uint64_t reference, OrderHandle order) {
    if ((slot & kOrderMask) == order) [[likely]] {
      slot &= kGuestsMask;
    } else {
      EraseGuest(slot, reference, order);
    }
  }
  void Erase(uint64_t reference, OrderHandle order) { Erase(Slot(reference), reference, order); }

  // Hints, in two steps. The second says which order it probably is, without touching it; 0: none, or in the hash
  // table.
  void Prefetch(uint64_t reference) const { PrefetchLine(&direct_[reference & mask_]); }
  OrderHandle PrefetchOrder(uint64_t reference) const {
    const uint32_t slot = direct_[reference & mask_];
    PrefetchLine(lines_->address(LineOf(slot & kOrderMask)));
    if ((slot == 0) | ((slot & kTagMask) == Tag(reference))) [[likely]]
      return slot & kOrderMask;
    PrefetchLine(&guests_[Home(reference)]);
    return 0;
  }
  // Hints for a reference that is to be inserted, in two steps behind Prefetch: what has its slot and must make way,
  // and where that would go.
  OrderHandle PrefetchResident(uint64_t reference) const {
    const OrderHandle resident = direct_[reference & mask_] & kOrderMask;
    PrefetchLine(lines_->address(LineOf(resident)));
    return resident;
  }
  void PrefetchRefuge(OrderHandle resident) const { PrefetchLine(&guests_[Home(lines_->cell(resident).reference())]); }

  void Clear();

  uint64_t guests() const { return guests_live_; }
  uint64_t bytes() const { return direct_.bytes() + guests_.bytes(); }

 private:
  static constexpr uint32_t kOrderMask = 16 * BookLines::kLinesMax - 1;
  static constexpr uint32_t kGuest = 1u << 28;
  static constexpr uint32_t kGuestsMask = 3u << 28;
  static constexpr uint32_t kTagMask = 3u << 30;

  // The two bits of the reference above those that choose the slot.
  uint32_t Tag(uint64_t reference) const { return static_cast<uint32_t>(reference >> tag_shift_) << 30; }
  // Fibonacci hashing (Knuth 6.4): the high bits of the product depend on all bits of the reference.
  uint64_t Home(uint64_t reference) const { return (reference * 0x9E3779B97F4A7C15u) >> guest_shift_; }

  OrderHandle FindGuest(uint64_t reference) const;
  void MoveOut(uint32_t& slot);
  void EraseGuest(uint32_t& slot, uint64_t reference, OrderHandle order);

  HugeArray<uint32_t> direct_;
  HugeArray<OrderHandle> guests_;  // orders, linear probing; at most half full
  const BookLines* lines_ = nullptr;
  uint64_t mask_ = 0;
  uint32_t tag_shift_ = 0;
  uint64_t guest_mask_ = 0;
  uint32_t guest_shift_ = 0;
  uint64_t guests_live_ = 0;
};

}  // namespace feedfarm
