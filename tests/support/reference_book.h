#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "pipeline/book/feed_book.h"

namespace feedfarm {

// The slow and obvious order book that the fast one must agree with: ordered maps of lists, and bytes taken out of the
// message by their offsets in the ITCH 5.0 specification. Shares no code with pipeline/book beyond BookOutcome's names.
class ReferenceItchBook {
 public:
  struct Order {
    uint64_t reference = 0;
    uint32_t shares = 0;
    std::string attribution;  // empty, or four bytes
    friend bool operator==(const Order&, const Order&) = default;
  };
  using Side = std::map<uint32_t, std::list<Order>>;  // by price
  struct Instrument {
    std::string directory;               // 28 bytes from the stock on, or empty
    std::string trading;                 // state, reserved, reason
    std::string reg_sho;                 // action
    std::map<char, std::string> halted;  // by market centre Q, B, X
    std::string ipo;                     // time, qualifier, price
    std::string collar;                  // reference, upper, lower, extension
    Side bids, offers;
    friend bool operator==(const Instrument&, const Instrument&) = default;
    bool empty() const { return *this == Instrument(); }
  };

  ReferenceItchBook(uint64_t orders_max, uint64_t levels_max, uint64_t locates_max)
      : orders_max_(orders_max), levels_max_(levels_max), locates_max_(locates_max) {}

  BookOutcome Apply(std::span<const uint8_t> message);
  void Clear() { *this = ReferenceItchBook(orders_max_, levels_max_, locates_max_); }
  uint64_t StateHash() const;
  TopOfBook Top(uint16_t locate) const;

  // Without those that hold nothing.
  std::map<uint16_t, Instrument> Instruments() const;
  uint64_t orders_live() const { return places_.size(); }
  uint64_t levels_live() const;
  std::vector<uint64_t> LiveReferences() const;

 private:
  struct Place {
    uint16_t locate;
    char side;
    uint32_t price;
  };

  BookOutcome Add(uint16_t locate, uint64_t reference, char side, uint32_t shares, uint32_t price,
                  const std::string& attribution);
  BookOutcome Reduce(uint16_t locate, uint64_t reference, uint32_t shares);
  BookOutcome Delete(uint16_t locate, uint64_t reference);
  BookOutcome Replace(uint16_t locate, uint64_t old_reference, uint64_t reference, uint32_t shares, uint32_t price);
  Side& SideOf(const Place& place);
  Order Take(uint64_t reference);

  uint64_t orders_max_, levels_max_, locates_max_;
  std::map<uint16_t, Instrument> instruments_;
  std::map<uint64_t, Place> places_;
  std::string event_, decline_levels_, breached_;
};

// The same for IEX DEEP.
class ReferenceDeepBook {
 public:
  struct Instrument {
    std::string directory;       // flags, round lot, adjusted close, tier
    std::string trading;         // status, reason
    std::string halt;            // operational halt status
    std::string short_sale;      // status, detail
    std::string security_event;  // event
    std::string retail;          // indicator
    bool in_event = false;       // the last level message was not event-complete
    std::map<int64_t, uint32_t> bids, offers;
    friend bool operator==(const Instrument&, const Instrument&) = default;
  };

  ReferenceDeepBook(uint64_t symbols_max, uint64_t levels_max) : symbols_max_(symbols_max), levels_max_(levels_max) {}

  BookOutcome Apply(std::span<const uint8_t> message);
  void Clear() { *this = ReferenceDeepBook(symbols_max_, levels_max_); }
  uint64_t StateHash() const;
  // When the last event was complete.
  TopOfBook Top(const std::string& symbol) const;
  std::map<std::string, Instrument> Instruments() const;  // without those that hold nothing
  uint64_t levels_live() const;

 private:
  uint64_t symbols_max_, levels_max_;
  std::map<std::string, Instrument> instruments_;
  std::map<std::string, TopOfBook> tops_;
  std::string event_;
};

}  // namespace feedfarm
