#include "tests/support/hostile_itch.h"

#include <string_view>

namespace feedfarm {
namespace {

constexpr std::string_view kNotOrders = "SRHYLVWKJhPQBINO";
constexpr size_t kDeadMax = 64;
constexpr size_t kNone = ~size_t{0};

}  // namespace

HostileItch::HostileItch(uint64_t seed, uint32_t locates, uint64_t index_slots)
    : rng_(seed), locates_(locates), index_slots_(index_slots) {
  static constexpr uint32_t kPrices[] = {1, 2, 5, 20, 200, 5000};
  static constexpr uint32_t kTicks[] = {1, 100, 1'000'003};
  static constexpr uint64_t kTargets[] = {3, 10, 40, 150, 1000};
  static constexpr uint64_t kHostile[] = {0, 20, 100, 400};
  references_ = static_cast<References>(rng_.Below(4));
  prices_ = kPrices[rng_.Below(6)];
  tick_ = kTicks[rng_.Below(3)];
  target_ = kTargets[rng_.Below(5)];
  hostile_in_1000_ = kHostile[rng_.Below(4)];
  last_reference_ = rng_.Below(4) == 0 ? 0 : rng_.Next() >> rng_.Below(64);
}

void HostileItch::Number(size_t at, size_t bytes, uint64_t value) {
  for (size_t i = bytes; i-- > 0; value >>= 8) bytes_[at + i] = static_cast<uint8_t>(value);
}

uint16_t HostileItch::Locate() { return static_cast<uint16_t>(rng_.Below(locates_ + (rng_.Below(50) == 0 ? 1 : 0))); }

uint32_t HostileItch::Price() {
  if (rng_.Below(200) == 0) return rng_.Below(2) == 0 ? 0 : UINT32_MAX;
  return 1'000'000 + tick_ * static_cast<uint32_t>(rng_.Below(prices_));
}

uint32_t HostileItch::Shares() {
  if (rng_.Below(1000) < hostile_in_1000_) return rng_.Below(2) == 0 ? 0 : UINT32_MAX;
  return 1 + static_cast<uint32_t>(rng_.Below(300));
}

uint64_t HostileItch::NewReference() {
  if (rng_.Below(1000) < hostile_in_1000_ && !live_.empty()) return live_[rng_.Below(live_.size())].reference;
  if (rng_.Below(30) == 0 && !dead_.empty()) return dead_[rng_.Below(dead_.size())].reference;
  switch (references_) {
    case References::kDense:
      return ++last_reference_;
    case References::kGappy:
      return last_reference_ += 1 + rng_.Below(40);
    case References::kMeeting:
      return last_reference_ += index_slots_ * (1 + rng_.Below(3)) + (rng_.Below(8) == 0 ? 1 : 0);
    case References::kSparse:
      return rng_.Next();
  }
  return 0;
}

HostileItch::Live HostileItch::Pick(size_t* at) {
  *at = kNone;
  if (rng_.Below(1000) < hostile_in_1000_ || live_.empty()) {
    if (!dead_.empty() && rng_.Below(4) != 0) return dead_[rng_.Below(dead_.size())];
    return {rng_.Next() >> rng_.Below(64), 1, Locate()};
  }
  *at = rng_.Below(live_.size());
  return live_[*at];
}

void HostileItch::AddOrder(char type) {
  const Live order{NewReference(), Shares(), Locate()};
  Number(1, 2, order.locate);
  Number(11, 8, order.reference);
  bytes_[19] = (rng_.Next() & 1) != 0 ? 'B' : 'S';
  if (rng_.Below(1000) < hostile_in_1000_ / 4) bytes_[19] = static_cast<uint8_t>(rng_.Next());
  Number(20, 4, order.shares);
  Number(32, 4, Price());
  if (type == 'F') Number(36, 4, rng_.Below(8) == 0 ? 0 : 0x4641524D + rng_.Below(3));
  live_.push_back(order);
}

void HostileItch::ReplaceOrder() {
  size_t at = kNone;
  const Live old = Pick(&at);
  const Live order{NewReference(), Shares(), old.locate};
  Number(1, 2, rng_.Below(1000) < hostile_in_1000_ ? Locate() : old.locate);
  Number(11, 8, old.reference);
  Number(19, 8, order.reference);
  Number(27, 4, order.shares);
  Number(31, 4, Price());
  if (at == kNone) return;
  if (dead_.size() < kDeadMax) dead_.push_back(old);
  live_[at] = order;
}

void HostileItch::Order(char type) {
  if (type == 'A' || type == 'F') return AddOrder(type);
  if (type == 'U') return ReplaceOrder();
  size_t at = kNone;
  const Live order = Pick(&at);
  Number(1, 2, rng_.Below(1000) < hostile_in_1000_ ? Locate() : order.locate);
  Number(11, 8, order.reference);
  const uint64_t how = rng_.Below(8);
  const uint32_t part = order.shares > 1 ? 1 + static_cast<uint32_t>(rng_.Below(order.shares)) : 1;
  const uint32_t shares = how == 0 ? order.shares : how == 1 && hostile_in_1000_ != 0 ? Shares() : part;
  if (type != 'D') Number(19, 4, shares);
  if (at == kNone) return;
  if (type != 'D' && shares < order.shares) {
    live_[at].shares -= shares;
    return;
  }
  if (dead_.size() == kDeadMax) dead_[rng_.Below(kDeadMax)] = dead_.back(), dead_.pop_back();
  dead_.push_back(order);
  live_[at] = live_.back();
  live_.pop_back();
}

std::span<const uint8_t> HostileItch::Next() {
  const uint64_t draw = rng_.Below(100);
  const bool grow = rng_.Below(2 * target_) >= live_.size();
  char type = 'D';
  if (draw < 40) {
    type = grow ? (rng_.Below(4) == 0 ? 'F' : 'A') : (rng_.Below(3) == 0 ? 'E' : 'D');
  } else if (draw < 60) {
    type = grow ? 'A' : 'D';
  } else if (draw < 75) {
    type = 'U';
  } else if (draw < 92) {
    type = "ECX"[rng_.Below(3)];
  } else {
    type = kNotOrders[rng_.Below(kNotOrders.size())];
  }
  size_ = itch::MessageLength(static_cast<uint8_t>(type));
  for (uint8_t& byte : bytes_) byte = static_cast<uint8_t>(rng_.Next());
  bytes_[0] = static_cast<uint8_t>(type);
  if (kNotOrders.find(type) == std::string_view::npos) {
    Order(type);
  } else {
    Number(1, 2, Locate());
    if (type == 'h') bytes_[19] = static_cast<uint8_t>("QBXZ"[rng_.Below(4)]);
  }
  if (rng_.Below(2000) < hostile_in_1000_) {
    size_ = rng_.Below(2) == 0 ? rng_.Below(size_ + 1) : size_;
    bytes_[0] = rng_.Below(2) == 0 ? static_cast<uint8_t>(rng_.Next()) : bytes_[0];
  }
  return {bytes_.data(), size_};
}

}  // namespace feedfarm
