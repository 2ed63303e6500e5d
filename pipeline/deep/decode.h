#pragma once

#include <cstdint>
#include <span>

#include "pipeline/deep/message_length.h"
#include "pipeline/deep/messages.h"

namespace feedfarm::deep {

namespace internal {

template <class M, class Visitor>
bool Deliver(std::span<const uint8_t> message, Visitor& visitor) {
  static_assert(WireBytes<M>() + 1 == M::kSize && MessageLength(M::kType) == M::kSize);
  if (message.size() < M::kSize) return false;
  visitor(M::Decode(message.data()));
  return true;
}

}  // namespace internal

// Hands a message to `visitor`, which is called with one of the 13 message structs. False, without a call, where the
// message is empty, of no known type or shorter than its type; a longer one is taken, as IEX asks of its readers
// (messages may grow). No byte beyond the span is read. No allocation, no virtual call.
template <class Visitor>
bool Decode(std::span<const uint8_t> message, Visitor&& visitor) {
  using internal::Deliver;
  if (message.empty()) return false;
  switch (message[0]) {
    case PriceLevelBuy::kType:
      return Deliver<PriceLevelBuy>(message, visitor);
    case PriceLevelSell::kType:
      return Deliver<PriceLevelSell>(message, visitor);
    case TradeReport::kType:
      return Deliver<TradeReport>(message, visitor);
    case TradeBreak::kType:
      return Deliver<TradeBreak>(message, visitor);
    case TradingStatus::kType:
      return Deliver<TradingStatus>(message, visitor);
    case OperationalHalt::kType:
      return Deliver<OperationalHalt>(message, visitor);
    case ShortSaleTest::kType:
      return Deliver<ShortSaleTest>(message, visitor);
    case SecurityEvent::kType:
      return Deliver<SecurityEvent>(message, visitor);
    case SecurityDirectory::kType:
      return Deliver<SecurityDirectory>(message, visitor);
    case RetailLiquidity::kType:
      return Deliver<RetailLiquidity>(message, visitor);
    case OfficialPrice::kType:
      return Deliver<OfficialPrice>(message, visitor);
    case AuctionInformation::kType:
      return Deliver<AuctionInformation>(message, visitor);
    case SystemEvent::kType:
      return Deliver<SystemEvent>(message, visitor);
  }
  return false;
}

}  // namespace feedfarm::deep
