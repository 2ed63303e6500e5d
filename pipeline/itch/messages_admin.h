#pragma once

#include <cstddef>
#include <cstdint>

#include "pipeline/itch/types.h"

// Events, directory and states of ITCH 5.0.
// Decode reads kSize bytes at `at`, Encode writes them; the caller has checked the length. Offsets in the comments:
// bytes from the type.
namespace feedfarm::itch {

// An event of the whole feed; 'O' is its first message, 'C' its last.
struct SystemEvent {
  static constexpr char kType = 'S';
  static constexpr size_t kSize = 12;

  MessageHead head;  // 1
  char event = ' ';  // 11: 'O', 'S', 'Q', 'M', 'E', 'C'

  friend bool operator==(const SystemEvent&, const SystemEvent&) = default;
  static SystemEvent Decode(const uint8_t* at) { return LoadMessage<SystemEvent>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.event);
  }
};

// A security of this day.
struct StockDirectory {
  static constexpr char kType = 'R';
  static constexpr size_t kSize = 39;

  MessageHead head;                 // 1
  Stock stock{};                    // 11
  char market_category = ' ';       // 19
  char financial_status = ' ';      // 20
  Shares round_lot;                 // 21
  char round_lots_only = ' ';       // 25
  char issue_classification = ' ';  // 26
  Text<2> issue_sub_type{};         // 27
  char authenticity = ' ';          // 29: 'P' live, 'T' test
  char short_sale_threshold = ' ';  // 30
  char ipo_flag = ' ';              // 31
  char luld_tier = ' ';             // 32
  char etp_flag = ' ';              // 33
  uint32_t etp_leverage = 0;        // 34
  char inverse = ' ';               // 38

  friend bool operator==(const StockDirectory&, const StockDirectory&) = default;
  static StockDirectory Decode(const uint8_t* at) { return LoadMessage<StockDirectory>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.stock, self.market_category, self.financial_status, self.round_lot, self.round_lots_only,
          self.issue_classification, self.issue_sub_type, self.authenticity, self.short_sale_threshold, self.ipo_flag,
          self.luld_tier, self.etp_flag, self.etp_leverage, self.inverse);
  }
};

// Trading state of a security.
struct TradingAction {
  static constexpr char kType = 'H';
  static constexpr size_t kSize = 25;

  MessageHead head;     // 1
  Stock stock{};        // 11
  char state = ' ';     // 19: 'H' halted, 'P' paused, 'Q' quotation only, 'T' trading
  char reserved = ' ';  // 20
  Text<4> reason{};     // 21

  friend bool operator==(const TradingAction&, const TradingAction&) = default;
  static TradingAction Decode(const uint8_t* at) { return LoadMessage<TradingAction>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.stock, self.state, self.reserved, self.reason);
  }
};

// Short sale price test of a security.
struct RegSho {
  static constexpr char kType = 'Y';
  static constexpr size_t kSize = 20;

  MessageHead head;   // 1
  Stock stock{};      // 11
  char action = ' ';  // 19

  friend bool operator==(const RegSho&, const RegSho&) = default;
  static RegSho Decode(const uint8_t* at) { return LoadMessage<RegSho>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.stock, self.action);
  }
};

// State of a market participant in a security.
struct MarketParticipant {
  static constexpr char kType = 'L';
  static constexpr size_t kSize = 26;

  MessageHead head;                 // 1
  Mpid mpid{};                      // 11
  Stock stock{};                    // 15
  char primary_market_maker = ' ';  // 23
  char mode = ' ';                  // 24
  char state = ' ';                 // 25

  friend bool operator==(const MarketParticipant&, const MarketParticipant&) = default;
  static MarketParticipant Decode(const uint8_t* at) { return LoadMessage<MarketParticipant>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.mpid, self.stock, self.primary_market_maker, self.mode, self.state);
  }
};

// Market-wide circuit breaker: the three levels of this day.
struct MwcbDeclineLevels {
  static constexpr char kType = 'V';
  static constexpr size_t kSize = 35;

  MessageHead head;  // 1
  Price8 level_1;    // 11
  Price8 level_2;    // 19
  Price8 level_3;    // 27

  friend bool operator==(const MwcbDeclineLevels&, const MwcbDeclineLevels&) = default;
  static MwcbDeclineLevels Decode(const uint8_t* at) { return LoadMessage<MwcbDeclineLevels>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.level_1, self.level_2, self.level_3);
  }
};

// Market-wide circuit breaker: a level was breached.
struct MwcbStatus {
  static constexpr char kType = 'W';
  static constexpr size_t kSize = 12;

  MessageHead head;  // 1
  char level = ' ';  // 11

  friend bool operator==(const MwcbStatus&, const MwcbStatus&) = default;
  static MwcbStatus Decode(const uint8_t* at) { return LoadMessage<MwcbStatus>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.level);
  }
};

// Quotation release of an IPO.
struct IpoQuoting {
  static constexpr char kType = 'K';
  static constexpr size_t kSize = 28;

  MessageHead head;               // 1
  Stock stock{};                  // 11
  TimeOfDaySeconds release_time;  // 19
  char qualifier = ' ';           // 23: 'A' anticipated, 'C' cancelled or postponed
  Price4 price;                   // 24

  friend bool operator==(const IpoQuoting&, const IpoQuoting&) = default;
  static IpoQuoting Decode(const uint8_t* at) { return LoadMessage<IpoQuoting>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.stock, self.release_time, self.qualifier, self.price);
  }
};

// Price collar of a halt auction.
struct LuldAuctionCollar {
  static constexpr char kType = 'J';
  static constexpr size_t kSize = 35;

  MessageHead head;        // 1
  Stock stock{};           // 11
  Price4 reference_price;  // 19
  Price4 upper_price;      // 23
  Price4 lower_price;      // 27
  uint32_t extension = 0;  // 31

  friend bool operator==(const LuldAuctionCollar&, const LuldAuctionCollar&) = default;
  static LuldAuctionCollar Decode(const uint8_t* at) { return LoadMessage<LuldAuctionCollar>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.stock, self.reference_price, self.upper_price, self.lower_price, self.extension);
  }
};

// Operational halt of one market centre.
struct OperationalHalt {
  static constexpr char kType = 'h';
  static constexpr size_t kSize = 21;

  MessageHead head;   // 1
  Stock stock{};      // 11
  char market = ' ';  // 19
  char action = ' ';  // 20: 'H' halted, 'T' trading

  friend bool operator==(const OperationalHalt&, const OperationalHalt&) = default;
  static OperationalHalt Decode(const uint8_t* at) { return LoadMessage<OperationalHalt>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.stock, self.market, self.action);
  }
};

// Direct listing with capital raise: price discovery.
struct DirectListing {
  static constexpr char kType = 'O';
  static constexpr size_t kSize = 48;

  MessageHead head;                  // 1
  Stock stock{};                     // 11
  char open_eligible = ' ';          // 19
  Price4 minimum_price;              // 20
  Price4 maximum_price;              // 24
  Price4 near_execution_price;       // 28
  uint64_t near_execution_time = 0;  // 32: ns since midnight
  Price4 lower_collar;               // 40
  Price4 upper_collar;               // 44

  friend bool operator==(const DirectListing&, const DirectListing&) = default;
  static DirectListing Decode(const uint8_t* at) { return LoadMessage<DirectListing>(at); }
  void Encode(uint8_t* at) const { StoreMessage(*this, at); }

  template <class Self, class Codec>
  static constexpr void Walk(Self& self, Codec& codec) {
    codec(self.head, self.stock, self.open_eligible, self.minimum_price, self.maximum_price, self.near_execution_price,
          self.near_execution_time, self.lower_collar, self.upper_collar);
  }
};

}  // namespace feedfarm::itch
