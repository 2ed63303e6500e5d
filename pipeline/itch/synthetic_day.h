#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "pipeline/base/rng.h"
#include "pipeline/itch/message_length.h"
#include "pipeline/itch/messages_admin.h"
#include "pipeline/itch/messages_order.h"
#include "pipeline/itch/messages_trade.h"

namespace feedfarm::itch {

// A made-up day of ITCH 5.0, message by message. One seed gives one stream.
//
//   Open: S O, S S, R for each symbol, one of every administrative type, S Q, one of each order and trade message
//   Fill: adds only, as if before the open          Run: the mix of a real day          Close: S M, S E, S C
//
// The mix is that of 30 December 2019: add 44.1 %, delete 42.6 %, replace 8.0 %, execute and cancel 3.2 %, other 2.1 %.
// A few symbols are busy and most are quiet (density of the n-th: n^-2/3). Prices lie around a random walk of each
// symbol, most within a few cents, some far away. References rise. Deletes, replaces, executions and cancels name
// orders that live: their age is log-uniform, so most are young and some very old. Executions and cancels take what is
// left of an order or less; how often all of it steers the number of live orders towards `live_orders`. Cost: about
// 100 ns a message, and 24 bytes of memory for each of up to twice the live orders.
class SyntheticDay {
 public:
  struct Options {
    uint32_t symbols = 8'000;  // 1..65,535
    uint64_t live_orders = 1'300'000;
    uint64_t seed = 1;
  };
  // Takes each message, which lives until it returns.
  using Sink = std::function<void(std::span<const uint8_t>)>;

  SyntheticDay(const Options& options, Sink sink);

  void Open();
  void Fill(uint64_t orders);
  void Run(uint64_t messages);
  void Close();

  uint64_t orders_live() const { return live_; }

  // Messages of Open and Close beside the directory's.
  static constexpr uint64_t kMessagesBeside = 30;

 private:
  struct Order {
    uint64_t reference;
    uint32_t shares;  // 0 = it is gone
    uint32_t price;
    uint16_t locate;
    char side;
  };
  struct Symbol {
    itch::Stock stock;
    uint32_t middle;
  };

  Symbol MakeSymbol(size_t number);
  MessageHead Head(uint16_t locate);
  template <class M>
  void Put(const M& message);
  const itch::Stock& Stock(uint16_t locate) const { return symbols_[locate - 1].stock; }
  Price4 Middle(uint16_t locate) const { return {symbols_[locate - 1].middle}; }
  uint16_t AnyLocate();
  uint32_t AnyShares() { return 100 * static_cast<uint32_t>(1 + rng_.Below(10)); }
  uint32_t Price(uint16_t locate, char side);
  uint64_t NextReference() { return reference_ += 1 + (rng_.Next() & 3); }

  void Next();
  void SystemEvent(char event);
  void Add(char type);
  void Delete();
  void Replace();
  void Execute(char type);
  void Other(char type);
  void Directory(uint16_t locate);
  void Administrative(char type, uint16_t locate);
  void Auction(char type, uint16_t locate);

  Order& AnyLive();
  void Remember(const Order& order);

  const Options options_;
  const Sink sink_;
  Rng rng_;
  std::vector<Symbol> symbols_;
  std::vector<Order> orders_;  // in the order of their references, dead ones among them
  uint64_t live_ = 0;
  uint64_t now_ns_;
  uint64_t reference_ = 0;
  uint64_t match_ = 0;
};

}  // namespace feedfarm::itch
