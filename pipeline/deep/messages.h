#pragma once

#include <cstddef>
#include <cstdint>

#include "pipeline/deep/types.h"

// The messages of IEX DEEP 1.0 (IEX DEEP Specification 1.06, 27 February 2018). Lengths of S H O P E 8 5 T B hold for
// all 391,999 messages of a real capture; D, I, X and A do not occur there and follow two public implementations and
// the field list of the specification. Decode reads kSize bytes at `at`, Encode writes them; the caller has checked the
// length. Offsets in the comments: bytes from the type.
namespace feedfarm::deep {

// An event of the whole feed; 'O' is its first message, 'C' its last.
struct SystemEvent {
  static constexpr char kType = 'S';
  static constexpr size_t kSize = 10;

  char event = ' ';  // 1: 'O', 'S', 'R', 'M', 'E', 'C'
  TimestampNs time;  // 2

  friend bool operator==(const SystemEvent&, const SystemEvent&) = default;
  static SystemEvent Decode(const uint8_t* at) { return LoadMessage<SystemEvent>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.event, self.time);
  }
};

// A security that IEX lists.
struct SecurityDirectory {
  static constexpr char kType = 'D';
  static constexpr size_t kSize = 31;

  uint8_t flags = 0;      // 1
  TimestampNs time;       // 2
  Symbol symbol{};        // 10
  Shares round_lot;       // 18
  Price4 adjusted_close;  // 22: previous official close
  uint8_t luld_tier = 0;  // 30

  friend bool operator==(const SecurityDirectory&, const SecurityDirectory&) = default;
  static SecurityDirectory Decode(const uint8_t* at) { return LoadMessage<SecurityDirectory>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.flags, self.time, self.symbol, self.round_lot, self.adjusted_close, self.luld_tier);
  }
};

// Trading state of a security.
struct TradingStatus {
  static constexpr char kType = 'H';
  static constexpr size_t kSize = 22;

  char status = ' ';  // 1: 'H' halted, 'O' order acceptance, 'P' paused, 'T' trading
  TimestampNs time;   // 2
  Symbol symbol{};    // 10
  Text<4> reason{};   // 18

  friend bool operator==(const TradingStatus&, const TradingStatus&) = default;
  static TradingStatus Decode(const uint8_t* at) { return LoadMessage<TradingStatus>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.status, self.time, self.symbol, self.reason);
  }
};

// Retail liquidity indicator.
struct RetailLiquidity {
  static constexpr char kType = 'I';
  static constexpr size_t kSize = 18;

  char indicator = ' ';  // 1: ' ' none, 'A' buy, 'B' sell, 'C' both
  TimestampNs time;      // 2
  Symbol symbol{};       // 10

  friend bool operator==(const RetailLiquidity&, const RetailLiquidity&) = default;
  static RetailLiquidity Decode(const uint8_t* at) { return LoadMessage<RetailLiquidity>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.indicator, self.time, self.symbol);
  }
};

// Operational halt on IEX alone.
struct OperationalHalt {
  static constexpr char kType = 'O';
  static constexpr size_t kSize = 18;

  char status = ' ';  // 1: 'O' halted, 'N' not halted
  TimestampNs time;   // 2
  Symbol symbol{};    // 10

  friend bool operator==(const OperationalHalt&, const OperationalHalt&) = default;
  static OperationalHalt Decode(const uint8_t* at) { return LoadMessage<OperationalHalt>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.status, self.time, self.symbol);
  }
};

// Short sale price test of a security.
struct ShortSaleTest {
  static constexpr char kType = 'P';
  static constexpr size_t kSize = 19;

  uint8_t status = 0;  // 1: 1 = in effect
  TimestampNs time;    // 2
  Symbol symbol{};     // 10
  char detail = ' ';   // 18

  friend bool operator==(const ShortSaleTest&, const ShortSaleTest&) = default;
  static ShortSaleTest Decode(const uint8_t* at) { return LoadMessage<ShortSaleTest>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.status, self.time, self.symbol, self.detail);
  }
};

// An event of one security.
struct SecurityEvent {
  static constexpr char kType = 'E';
  static constexpr size_t kSize = 18;

  char event = ' ';  // 1: 'O' opening process complete, 'C' closing process complete
  TimestampNs time;  // 2
  Symbol symbol{};   // 10

  friend bool operator==(const SecurityEvent&, const SecurityEvent&) = default;
  static SecurityEvent Decode(const uint8_t* at) { return LoadMessage<SecurityEvent>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.event, self.time, self.symbol);
  }
};

// The size at a price of one side of the book changed; 0 removes the price. The book is consistent only after a message
// with is_event_complete().
template <char kTypeByte>
struct PriceLevel {
  static constexpr char kType = kTypeByte;
  static constexpr uint8_t kEventComplete = 0x01;
  static constexpr size_t kSize = 30;

  uint8_t flags = 0;  // 1: bit 0: event complete
  TimestampNs time;   // 2
  Symbol symbol{};    // 10
  Shares size;        // 18: what is there now
  Price4 price;       // 22

  friend bool operator==(const PriceLevel&, const PriceLevel&) = default;
  static PriceLevel Decode(const uint8_t* at) { return LoadMessage<PriceLevel>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  bool is_event_complete() const { return (flags & kEventComplete) != 0; }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.flags, self.time, self.symbol, self.size, self.price);
  }
};

using PriceLevelBuy = PriceLevel<'8'>;
using PriceLevelSell = PriceLevel<'5'>;

// An execution on IEX.
struct TradeReport {
  static constexpr char kType = 'T';
  static constexpr size_t kSize = 38;

  uint8_t flags = 0;  // 1: sale conditions
  TimestampNs time;   // 2
  Symbol symbol{};    // 10
  Shares size;        // 18
  Price4 price;       // 22
  TradeId trade;      // 30

  friend bool operator==(const TradeReport&, const TradeReport&) = default;
  static TradeReport Decode(const uint8_t* at) { return LoadMessage<TradeReport>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.flags, self.time, self.symbol, self.size, self.price, self.trade);
  }
};

// Official opening or closing price of a security that IEX lists.
struct OfficialPrice {
  static constexpr char kType = 'X';
  static constexpr size_t kSize = 26;

  char price_type = ' ';  // 1: 'Q' opening, 'M' closing
  TimestampNs time;       // 2
  Symbol symbol{};        // 10
  Price4 price;           // 18

  friend bool operator==(const OfficialPrice&, const OfficialPrice&) = default;
  static OfficialPrice Decode(const uint8_t* at) { return LoadMessage<OfficialPrice>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.price_type, self.time, self.symbol, self.price);
  }
};

// An execution was declared void.
struct TradeBreak {
  static constexpr char kType = 'B';
  static constexpr size_t kSize = 38;

  uint8_t flags = 0;  // 1: sale conditions
  TimestampNs time;   // 2
  Symbol symbol{};    // 10
  Shares size;        // 18
  Price4 price;       // 22
  TradeId trade;      // 30

  friend bool operator==(const TradeBreak&, const TradeBreak&) = default;
  static TradeBreak Decode(const uint8_t* at) { return LoadMessage<TradeBreak>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.flags, self.time, self.symbol, self.size, self.price, self.trade);
  }
};

// Where an auction of a security that IEX lists stands.
struct AuctionInformation {
  static constexpr char kType = 'A';
  static constexpr size_t kSize = 80;

  char auction_type = ' ';          // 1: 'O', 'C', 'I', 'H', 'V'
  TimestampNs time;                 // 2
  Symbol symbol{};                  // 10
  Shares paired;                    // 18
  Price4 reference_price;           // 22
  Price4 indicative_price;          // 30
  Shares imbalance;                 // 38
  char imbalance_side = ' ';        // 42: 'B', 'S', 'N' none
  uint8_t extension = 0;            // 43
  EventTimeSeconds scheduled_time;  // 44
  Price4 book_clearing_price;       // 48
  Price4 collar_reference_price;    // 56
  Price4 lower_collar;              // 64
  Price4 upper_collar;              // 72

  friend bool operator==(const AuctionInformation&, const AuctionInformation&) = default;
  static AuctionInformation Decode(const uint8_t* at) { return LoadMessage<AuctionInformation>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.auction_type, self.time, self.symbol, self.paired, self.reference_price, self.indicative_price,
          self.imbalance, self.imbalance_side, self.extension, self.scheduled_time, self.book_clearing_price,
          self.collar_reference_price, self.lower_collar, self.upper_collar);
  }
};

}  // namespace feedfarm::deep
