#pragma once

#include <cstddef>
#include <cstdint>

#include "pipeline/itch/types.h"

// Trades and auction figures of ITCH 5.0: they leave the book as it is.
// Decode reads kSize bytes at `at`, Encode writes them; the caller has checked the length. Offsets in the comments:
// bytes from the type.
namespace feedfarm::itch {

// An order that was never displayed was executed.
struct Trade {
  static constexpr char kType = 'P';
  static constexpr size_t kSize = 44;

  MessageHead head;   // 1
  OrderRef order;     // 11: always 0 today
  char side = ' ';    // 19: always kBuy today
  Shares shares;      // 20
  Stock stock{};      // 24
  Price4 price;       // 32
  MatchNumber match;  // 36

  friend bool operator==(const Trade&, const Trade&) = default;
  static Trade Decode(const uint8_t* at) { return LoadMessage<Trade>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.order, self.side, self.shares, self.stock, self.price, self.match);
  }
};

// The bulk print of a cross.
struct CrossTrade {
  static constexpr char kType = 'Q';
  static constexpr size_t kSize = 40;

  MessageHead head;       // 1
  Shares64 shares;        // 11
  Stock stock{};          // 19
  Price4 price;           // 27
  MatchNumber match;      // 31
  char cross_type = ' ';  // 39: 'O' opening, 'C' closing, 'H' halt or IPO, 'I' intraday

  friend bool operator==(const CrossTrade&, const CrossTrade&) = default;
  static CrossTrade Decode(const uint8_t* at) { return LoadMessage<CrossTrade>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.shares, self.stock, self.price, self.match, self.cross_type);
  }
};

// An execution was declared void.
struct BrokenTrade {
  static constexpr char kType = 'B';
  static constexpr size_t kSize = 19;

  MessageHead head;   // 1
  MatchNumber match;  // 11

  friend bool operator==(const BrokenTrade&, const BrokenTrade&) = default;
  static BrokenTrade Decode(const uint8_t* at) { return LoadMessage<BrokenTrade>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.match);
  }
};

// Net order imbalance indicator before a cross.
struct NetOrderImbalance {
  static constexpr char kType = 'I';
  static constexpr size_t kSize = 50;

  MessageHead head;            // 1
  Shares64 paired;             // 11
  Shares64 imbalance;          // 19
  char direction = ' ';        // 27: 'B', 'S', 'N' none, 'O' too few orders, 'P' paused
  Stock stock{};               // 28
  Price4 far_price;            // 36
  Price4 near_price;           // 40
  Price4 reference_price;      // 44
  char cross_type = ' ';       // 48
  char price_variation = ' ';  // 49

  friend bool operator==(const NetOrderImbalance&, const NetOrderImbalance&) = default;
  static NetOrderImbalance Decode(const uint8_t* at) { return LoadMessage<NetOrderImbalance>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.paired, self.imbalance, self.direction, self.stock, self.far_price, self.near_price,
          self.reference_price, self.cross_type, self.price_variation);
  }
};

// Retail price improvement indicator.
struct RetailInterest {
  static constexpr char kType = 'N';
  static constexpr size_t kSize = 20;

  MessageHead head;     // 1
  Stock stock{};        // 11
  char interest = ' ';  // 19: 'B', 'S', 'A' both, 'N' none

  friend bool operator==(const RetailInterest&, const RetailInterest&) = default;
  static RetailInterest Decode(const uint8_t* at) { return LoadMessage<RetailInterest>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.stock, self.interest);
  }
};

}  // namespace feedfarm::itch
