#include "pipeline/book/order_index.h"

#include <bit>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

constexpr uint64_t kSlotsAnOrder = 8;

}  // namespace

absl::Status OrderIndex::CheckBound(uint32_t orders_max) {
  if (orders_max != 0 && orders_max <= kOrdersMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("orders_max is ", orders_max, ", not 1..", kOrdersMax));
}

absl::Status OrderIndex::Allocate(uint32_t orders_max, const BookLines* lines) {
  FEEDFARM_RETURN_IF_ERROR(CheckBound(orders_max));
  const uint64_t slots = std::bit_ceil(kSlotsAnOrder * uint64_t{orders_max});
  const uint64_t guests = std::bit_ceil(2 * uint64_t{orders_max});
  FEEDFARM_RETURN_IF_ERROR(direct_.Allocate(slots, "order references"));
  FEEDFARM_RETURN_IF_ERROR(guests_.Allocate(guests, "sparse order references"));
  lines_ = lines;
  mask_ = slots - 1;
  tag_shift_ = static_cast<uint32_t>(std::countr_zero(slots));
  guest_mask_ = guests - 1;
  guest_shift_ = static_cast<uint32_t>(64 - std::countr_zero(guests));
  return absl::OkStatus();
}

void OrderIndex::Clear() {
  direct_.Zero();
  if (guests_live_ != 0) guests_.Zero();
  guests_live_ = 0;
}

OrderHandle OrderIndex::FindGuest(uint64_t reference) const {
  for (uint64_t at = Home(reference);; at = (at + 1) & guest_mask_) {
    const OrderHandle order = guests_[at];
    if (order == 0 || lines_->cell(order).reference() == reference) return order;
  }
}

void OrderIndex::MoveOut(uint32_t& slot) {
  const OrderHandle order = slot & kOrderMask;
  uint64_t at = Home(lines_->cell(order).reference());
  while (guests_[at] != 0) at = (at + 1) & guest_mask_;
  guests_[at] = order;
  ++guests_live_;
  if ((slot & kGuestsMask) != kGuestsMask) slot += kGuest;
}

void OrderIndex::EraseGuest(uint32_t& slot, uint64_t reference, OrderHandle order) {
  uint64_t hole = Home(reference);
  while (guests_[hole] != order) hole = (hole + 1) & guest_mask_;
  // Whatever stands behind the hole and was pushed over it moves back, so that no probe ends too early.
  for (uint64_t at = (hole + 1) & guest_mask_; guests_[at] != 0; at = (at + 1) & guest_mask_) {
    const uint64_t home = Home(lines_->cell(guests_[at]).reference());
    if (((at - home) & guest_mask_) < ((at - hole) & guest_mask_)) continue;
    guests_[hole] = guests_[at];
    hole = at;
  }
  guests_[hole] = 0;
  --guests_live_;
  if ((slot & kGuestsMask) != kGuestsMask) slot -= kGuest;
}

}  // namespace feedfarm
