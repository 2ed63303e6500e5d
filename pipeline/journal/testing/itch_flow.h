#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "pipeline/base/endian.h"
#include "pipeline/base/rng.h"

namespace feedfarm {

// An endless flow of ITCH orders from a seed: adds until `live` orders are there, then adds (44 %), deletes (38 %),
// replaces (8 %), executions and cancels of a part (10 %) of random live ones, over `locates` instruments. Valid
// throughout.
class ItchFlow {
 public:
  ItchFlow(uint64_t seed, size_t live, uint16_t locates) : rng_(seed), target_(live), locates_(locates) {
    orders_.reserve(live + live / 8);
  }

  // Lives until the next call.
  std::span<const uint8_t> Next() {
    const uint64_t draw = rng_.Below(100);
    if (orders_.size() < target_ || draw < 44) return Add();
    const size_t at = rng_.Below(orders_.size());
    if (draw < 82 || orders_[at].shares < 3) return Delete(at);
    if (draw < 90) return Replace(at);
    return Reduce(at, draw < 96 ? 'E' : 'X', draw < 96 ? 31 : 23);
  }
  size_t live() const { return orders_.size(); }

 private:
  struct Order {
    uint64_t reference;
    uint32_t shares;
    uint16_t locate;
  };

  void Head(char type, uint16_t locate) {
    message_[0] = static_cast<uint8_t>(type);
    StoreBig<uint16_t>(message_ + 1, locate);
    StoreBig<uint16_t>(message_ + 3, 0);
    StoreBig48(message_ + 5, time_ns_ += 700);
  }
  std::span<const uint8_t> Add() {
    const Order order = {next_reference_++, static_cast<uint32_t>(100 * (1 + rng_.Below(20))),
                         static_cast<uint16_t>(1 + rng_.Below(locates_))};
    Head('A', order.locate);
    StoreBig<uint64_t>(message_ + 11, order.reference);
    const bool buy = rng_.Below(2) == 0;
    message_[19] = buy ? 'B' : 'S';
    StoreBig<uint32_t>(message_ + 20, order.shares);
    for (int i = 0; i < 8; ++i) message_[24 + i] = ' ';
    StoreBig<uint32_t>(message_ + 32, Price(buy));
    orders_.push_back(order);
    return {message_, 36};
  }
  std::span<const uint8_t> Delete(size_t at) {
    Head('D', orders_[at].locate);
    StoreBig<uint64_t>(message_ + 11, orders_[at].reference);
    orders_[at] = orders_.back();
    orders_.pop_back();
    return {message_, 19};
  }
  std::span<const uint8_t> Replace(size_t at) {
    Order& order = orders_[at];
    Head('U', order.locate);
    StoreBig<uint64_t>(message_ + 11, order.reference);
    order.reference = next_reference_++;
    StoreBig<uint64_t>(message_ + 19, order.reference);
    StoreBig<uint32_t>(message_ + 27, order.shares);
    StoreBig<uint32_t>(message_ + 31, Price(rng_.Below(2) == 0));
    return {message_, 35};
  }
  std::span<const uint8_t> Reduce(size_t at, char type, size_t bytes) {
    Order& order = orders_[at];
    Head(type, order.locate);
    StoreBig<uint64_t>(message_ + 11, order.reference);
    StoreBig<uint32_t>(message_ + 19, 1);
    --order.shares;
    StoreBig<uint64_t>(message_ + 23, next_match_++);
    return {message_, bytes};
  }
  uint32_t Price(bool buy) {
    const uint32_t distance = static_cast<uint32_t>(100 * rng_.Below(40));
    return buy ? 1'000'000 - distance : 1'000'100 + distance;
  }

  Rng rng_;
  const size_t target_;
  const uint16_t locates_;
  std::vector<Order> orders_;
  uint64_t next_reference_ = 1;
  uint64_t next_match_ = 1;
  uint64_t time_ns_ = 34'200'000'000'000;
  uint8_t message_[40] = {};
};

}  // namespace feedfarm
