#pragma once

#include <cstddef>
#include <cstdint>

#include "pipeline/itch/types.h"

// Orders of ITCH 5.0: they make the book.
// Decode reads kSize bytes at `at`, Encode writes them; the caller has checked the length. Offsets in the comments:
// bytes from the type.
namespace feedfarm::itch {

// A displayed order without attribution entered the book.
struct AddOrder {
  static constexpr char kType = 'A';
  static constexpr size_t kSize = 36;

  MessageHead head;  // 1
  OrderRef order;    // 11
  char side = ' ';   // 19: kBuy or kSell
  Shares shares;     // 20
  Stock stock{};     // 24
  Price4 price;      // 32

  friend bool operator==(const AddOrder&, const AddOrder&) = default;
  static AddOrder Decode(const uint8_t* at) { return LoadMessage<AddOrder>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.order, self.side, self.shares, self.stock, self.price);
  }
};

// A displayed order with its market participant.
struct AddOrderAttributed {
  static constexpr char kType = 'F';
  static constexpr size_t kSize = 40;

  MessageHead head;    // 1
  OrderRef order;      // 11
  char side = ' ';     // 19: kBuy or kSell
  Shares shares;       // 20
  Stock stock{};       // 24
  Price4 price;        // 32
  Mpid attribution{};  // 36

  friend bool operator==(const AddOrderAttributed&, const AddOrderAttributed&) = default;
  static AddOrderAttributed Decode(const uint8_t* at) { return LoadMessage<AddOrderAttributed>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.order, self.side, self.shares, self.stock, self.price, self.attribution);
  }
};

// Some or all of an order was executed at its own price. Shares are what was executed, not what is left.
struct OrderExecuted {
  static constexpr char kType = 'E';
  static constexpr size_t kSize = 31;

  MessageHead head;   // 1
  OrderRef order;     // 11
  Shares shares;      // 19
  MatchNumber match;  // 23

  friend bool operator==(const OrderExecuted&, const OrderExecuted&) = default;
  static OrderExecuted Decode(const uint8_t* at) { return LoadMessage<OrderExecuted>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.order, self.shares, self.match);
  }
};

// Some or all of an order was executed at another price than its own.
struct OrderExecutedWithPrice {
  static constexpr char kType = 'C';
  static constexpr size_t kSize = 36;

  MessageHead head;      // 1
  OrderRef order;        // 11
  Shares shares;         // 19
  MatchNumber match;     // 23
  char printable = ' ';  // 31: 'Y': counts for volume; 'N': it comes again in a cross
  Price4 price;          // 32

  friend bool operator==(const OrderExecutedWithPrice&, const OrderExecutedWithPrice&) = default;
  static OrderExecutedWithPrice Decode(const uint8_t* at) { return LoadMessage<OrderExecutedWithPrice>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.order, self.shares, self.match, self.printable, self.price);
  }
};

// An order lost some of its shares.
struct OrderCancel {
  static constexpr char kType = 'X';
  static constexpr size_t kSize = 23;

  MessageHead head;  // 1
  OrderRef order;    // 11
  Shares shares;     // 19: taken away

  friend bool operator==(const OrderCancel&, const OrderCancel&) = default;
  static OrderCancel Decode(const uint8_t* at) { return LoadMessage<OrderCancel>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.order, self.shares);
  }
};

// An order left the book.
struct OrderDelete {
  static constexpr char kType = 'D';
  static constexpr size_t kSize = 19;

  MessageHead head;  // 1
  OrderRef order;    // 11

  friend bool operator==(const OrderDelete&, const OrderDelete&) = default;
  static OrderDelete Decode(const uint8_t* at) { return LoadMessage<OrderDelete>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.order);
  }
};

// An order was replaced: side, stock and attribution are inherited, its time priority is lost.
struct OrderReplace {
  static constexpr char kType = 'U';
  static constexpr size_t kSize = 35;

  MessageHead head;    // 1
  OrderRef old_order;  // 11
  OrderRef new_order;  // 19
  Shares shares;       // 27
  Price4 price;        // 31

  friend bool operator==(const OrderReplace&, const OrderReplace&) = default;
  static OrderReplace Decode(const uint8_t* at) { return LoadMessage<OrderReplace>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.old_order, self.new_order, self.shares, self.price);
  }
};

}  // namespace feedfarm::itch
