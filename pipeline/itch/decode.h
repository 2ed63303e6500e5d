#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "pipeline/itch/message_length.h"
#include "pipeline/itch/messages_admin.h"
#include "pipeline/itch/messages_order.h"
#include "pipeline/itch/messages_trade.h"

namespace feedfarm::itch {

namespace internal {

template <class M, class Visitor>
bool Deliver(std::span<const uint8_t> message, Visitor& visitor) {
  static_assert(WireBytes<M>() + 1 == M::kSize && MessageLength(M::kType) == M::kSize);
  if (message.size() != M::kSize) return false;
  visitor(M::Decode(message.data()));
  return true;
}

}  // namespace internal

// Hands a message to `visitor`, which is called with one of the 23 message structs (a generic lambda, or a type with
// overloads). False, without a call, where the message is empty, of no known type or not exactly of its type's length;
// no byte beyond the span is read. No allocation, no virtual call; fields that the visitor leaves alone are not loaded.
template <class Visitor>
bool Decode(std::span<const uint8_t> message, Visitor&& visitor) {
  using internal::Deliver;
  if (message.empty()) return false;
  switch (message[0]) {
    case AddOrder::kType:
      return Deliver<AddOrder>(message, visitor);
    case OrderDelete::kType:
      return Deliver<OrderDelete>(message, visitor);
    case OrderReplace::kType:
      return Deliver<OrderReplace>(message, visitor);
    case OrderExecuted::kType:
      return Deliver<OrderExecuted>(message, visitor);
    case OrderCancel::kType:
      return Deliver<OrderCancel>(message, visitor);
    case AddOrderAttributed::kType:
      return Deliver<AddOrderAttributed>(message, visitor);
    case OrderExecutedWithPrice::kType:
      return Deliver<OrderExecutedWithPrice>(message, visitor);
    case Trade::kType:
      return Deliver<Trade>(message, visitor);
    case CrossTrade::kType:
      return Deliver<CrossTrade>(message, visitor);
    case BrokenTrade::kType:
      return Deliver<BrokenTrade>(message, visitor);
    case NetOrderImbalance::kType:
      return Deliver<NetOrderImbalance>(message, visitor);
    case RetailInterest::kType:
      return Deliver<RetailInterest>(message, visitor);
    case SystemEvent::kType:
      return Deliver<SystemEvent>(message, visitor);
    case StockDirectory::kType:
      return Deliver<StockDirectory>(message, visitor);
    case TradingAction::kType:
      return Deliver<TradingAction>(message, visitor);
    case RegSho::kType:
      return Deliver<RegSho>(message, visitor);
    case MarketParticipant::kType:
      return Deliver<MarketParticipant>(message, visitor);
    case MwcbDeclineLevels::kType:
      return Deliver<MwcbDeclineLevels>(message, visitor);
    case MwcbStatus::kType:
      return Deliver<MwcbStatus>(message, visitor);
    case IpoQuoting::kType:
      return Deliver<IpoQuoting>(message, visitor);
    case LuldAuctionCollar::kType:
      return Deliver<LuldAuctionCollar>(message, visitor);
    case OperationalHalt::kType:
      return Deliver<OperationalHalt>(message, visitor);
    case DirectListing::kType:
      return Deliver<DirectListing>(message, visitor);
  }
  return false;
}

}  // namespace feedfarm::itch
