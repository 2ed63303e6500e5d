#include "agent/traffic/synthetic_itch.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pipeline/base/rng.h"
#include "pipeline/itch/messages_admin.h"
#include "pipeline/itch/messages_order.h"
#include "pipeline/itch/messages_trade.h"
#include "pipeline/itch/types.h"
#include "pipeline/moldudp64/moldudp64.h"

namespace feedfarm {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kOpenNs = (9 * 60 + 30) * 60 * kSecondNs;  // of the market, since midnight
constexpr uint64_t kCloseNs = 16 * 3600 * kSecondNs;
constexpr uint64_t kSpacingMeanNs = 10'000;
constexpr uint32_t kTick = 100;  // one cent with four decimals
constexpr uint32_t kPriceLow = 50 * kTick;
constexpr uint32_t kPriceHigh = 500'000 * kTick / 100;
constexpr itch::Mpid kFirm = itch::MakeText<4>("FARM");
// Declines of 7, 13 and 20 % from an index of 2,000, with eight decimals.
itch::MwcbDeclineLevels DeclineLevels(const itch::MessageHead& head) {
  return {.head = head, .level_1 = {186'000'000'000}, .level_2 = {174'000'000'000}, .level_3 = {160'000'000'000}};
}

// Shares of each kind in 1,000 messages of the real day.
constexpr uint64_t kAddBelow = 441;
constexpr uint64_t kDeleteBelow = kAddBelow + 426;
constexpr uint64_t kReplaceBelow = kDeleteBelow + 80;
constexpr uint64_t kExecuteBelow = kReplaceBelow + 32;
constexpr uint64_t kMixTotal = 1000;

struct Order {
  uint64_t reference;
  uint32_t shares;
  uint32_t price;
  uint16_t locate;
  char side;
};

struct Symbol {
  itch::Stock stock;
  uint32_t middle;
};

// Writes one session into a store. A message is begun by Begin, which writes its head; `at` then points at the message.
class Generator {
 public:
  Generator(const v1::SyntheticFeed& feed, uint64_t seed, MessageStore& store)
      : total_(feed.messages()), rng_(Rng(seed).Fork(kPart)), store_(store) {
    symbols_.resize(feed.symbols());
    for (size_t i = 0; i < symbols_.size(); ++i) symbols_[i] = MakeSymbol(i);
    live_.reserve(std::min(total_, kLiveOrdersMax));
  }

  // False: the store is full.
  bool Run() {
    store_.BeginGeneration(moldudp64::MakeSession("SYNTHETIC"), 1, 0);
    Prologue();
    while (!full_ && store_.messages() + kEpilogue < total_) Next();
    for (const char event : {'M', 'E', 'C'}) SystemEvent(event);
    return !full_;
  }

 private:
  static constexpr uint64_t kPart = 0x17C4;
  static constexpr uint64_t kEpilogue = 3;

  Symbol MakeSymbol(size_t number) {
    Symbol symbol;
    symbol.stock.fill(' ');
    for (int letter = 3; letter >= 0; --letter, number /= 26)
      symbol.stock[letter] = static_cast<char>('A' + number % 26);
    symbol.middle = (1'000 + static_cast<uint32_t>(rng_.Below(40'000))) * kTick;
    return symbol;
  }

  // Of the next message: its time goes on.
  itch::MessageHead Head(uint16_t locate) {
    now_ns_ = std::min(now_ns_ + rng_.Below(2 * kSpacingMeanNs), kCloseNs);
    return {.locate = {locate}, .tracking = {}, .time = {now_ns_}};
  }

  template <class M>
  void Put(const M& message) {
    uint8_t* at = store_.Claim(M::kSize);
    if (at == nullptr) [[unlikely]] {
      full_ = true;
      return;
    }
    message.Encode(at);
  }

  const itch::Stock& Stock(uint16_t locate) const { return symbols_[locate - 1].stock; }
  itch::Price4 Middle(uint16_t locate) const { return {symbols_[locate - 1].middle}; }
  uint16_t AnyLocate() { return static_cast<uint16_t>(1 + rng_.Below(symbols_.size())); }
  uint32_t AnyShares() { return 100 * static_cast<uint32_t>(1 + rng_.Below(10)); }

  void SystemEvent(char event) { Put(itch::SystemEvent{.head = Head(0), .event = event}); }

  void Prologue() {
    SystemEvent('O');
    SystemEvent('S');
    for (size_t i = 1; i <= symbols_.size(); ++i) Directory(static_cast<uint16_t>(i));
    for (const char type : kAdministrative) Administrative(type, AnyLocate());
    SystemEvent('Q');
    // One of each order message, so that even the shortest stream has all types.
    for (int i = 0; i < 4; ++i) Add('A');
    Add('F');
    Execute('E');
    Execute('C');
    Execute('X');
    Replace();
    Delete();
    for (const char type : {'P', 'Q', 'B'}) Other(type);
  }

  void Next() {
    const uint64_t draw = rng_.Below(kMixTotal);
    const bool add = draw < kAddBelow;
    if (add ? live_.size() < kLiveOrdersMax : live_.empty()) return Add(rng_.Below(32) == 0 ? 'F' : 'A');
    if (draw < kDeleteBelow) return Delete();
    if (draw < kReplaceBelow) return Replace();
    if (draw < kExecuteBelow) return Execute(kExecutions[rng_.Below(kExecutions.size())]);
    Other(kOthers[rng_.Below(kOthers.size())]);
  }

  // A price of the side around the symbol's walk.
  uint32_t Price(uint16_t locate, char side) {
    uint32_t& middle = symbols_[locate - 1].middle;
    const uint64_t draw = rng_.Next();
    if ((draw & 7) == 0) middle = (draw & 8) != 0 ? middle + kTick : middle - kTick;
    middle = std::clamp(middle, kPriceLow, kPriceHigh);
    const uint32_t away = kTick * (1 + static_cast<uint32_t>((draw >> 8) % 20));
    return side == itch::kBuy ? middle - away : middle + away;
  }

  void Add(char type) {
    Order order;
    order.locate = AnyLocate();
    order.side = (rng_.Next() & 1) != 0 ? itch::kBuy : itch::kSell;
    order.price = Price(order.locate, order.side);
    order.shares = AnyShares();
    order.reference = NextReference();
    live_.push_back(order);
    if (type == 'A') {
      return Put(itch::AddOrder{.head = Head(order.locate),
                                .order = {order.reference},
                                .side = order.side,
                                .shares = {order.shares},
                                .stock = Stock(order.locate),
                                .price = {order.price}});
    }
    Put(itch::AddOrderAttributed{.head = Head(order.locate),
                                 .order = {order.reference},
                                 .side = order.side,
                                 .shares = {order.shares},
                                 .stock = Stock(order.locate),
                                 .price = {order.price},
                                 .attribution = kFirm});
  }

  void Delete() {
    const size_t victim = rng_.Below(live_.size());
    Put(itch::OrderDelete{.head = Head(live_[victim].locate), .order = {live_[victim].reference}});
    Remove(victim);
  }

  void Replace() {
    Order& order = live_[rng_.Below(live_.size())];
    const uint64_t old_reference = order.reference;
    order.reference = NextReference();
    order.shares = AnyShares();
    order.price = Price(order.locate, order.side);
    Put(itch::OrderReplace{.head = Head(order.locate),
                           .old_order = {old_reference},
                           .new_order = {order.reference},
                           .shares = {order.shares},
                           .price = {order.price}});
  }

  // E, C or X: some of an order's shares, or all of them.
  void Execute(char type) {
    const size_t victim = rng_.Below(live_.size());
    Order& order = live_[victim];
    const itch::OrderRef reference{order.reference};
    const itch::Shares shares{1 + static_cast<uint32_t>(rng_.Below(order.shares))};
    if (type == 'X') {
      Put(itch::OrderCancel{.head = Head(order.locate), .order = reference, .shares = shares});
    } else if (type == 'E') {
      Put(itch::OrderExecuted{.head = Head(order.locate), .order = reference, .shares = shares, .match = {++match_}});
    } else {
      Put(itch::OrderExecutedWithPrice{.head = Head(order.locate),
                                       .order = reference,
                                       .shares = shares,
                                       .match = {++match_},
                                       .printable = 'Y',
                                       .price = {order.price}});
    }
    order.shares -= shares.value;
    if (order.shares == 0) Remove(victim);
  }

  void Other(char type) {
    const uint16_t locate = AnyLocate();
    if (type == 'P') {
      Put(itch::Trade{.head = Head(locate),
                      .order = {0},
                      .side = itch::kBuy,
                      .shares = {AnyShares()},
                      .stock = Stock(locate),
                      .price = {Price(locate, itch::kBuy)},
                      .match = {++match_}});
    } else if (type == 'Q') {
      Put(itch::CrossTrade{.head = Head(locate),
                           .shares = {AnyShares()},
                           .stock = Stock(locate),
                           .price = Middle(locate),
                           .match = {++match_},
                           .cross_type = 'I'});
    } else if (type == 'B') {
      Put(itch::BrokenTrade{.head = Head(locate), .match = {match_}});
    } else {
      Administrative(type, locate);
    }
  }

  void Directory(uint16_t locate) {
    Put(itch::StockDirectory{.head = Head(locate),
                             .stock = Stock(locate),
                             .market_category = 'Q',
                             .financial_status = 'N',
                             .round_lot = {100},
                             .round_lots_only = 'N',
                             .issue_classification = 'C',
                             .issue_sub_type = itch::MakeText<2>("Z"),
                             .authenticity = 'P',
                             .short_sale_threshold = 'N',
                             .luld_tier = '1',
                             .etp_flag = 'N',
                             .inverse = 'N'});
  }

  void Administrative(char type, uint16_t locate) {
    const itch::Stock& stock = Stock(locate);
    const itch::Price4 middle = Middle(locate), above{middle.value / 10 * 11}, below{middle.value / 10 * 9};
    if (type == 'H')
      Put(itch::TradingAction{.head = Head(locate), .stock = stock, .state = 'T', .reason = itch::MakeText<4>("")});
    if (type == 'Y') Put(itch::RegSho{.head = Head(locate), .stock = stock, .action = '0'});
    if (type == 'L') {
      Put(itch::MarketParticipant{
          .head = Head(locate), .mpid = kFirm, .stock = stock, .primary_market_maker = 'Y', .mode = 'N', .state = 'A'});
    }
    if (type == 'V') Put(DeclineLevels(Head(0)));
    if (type == 'W') Put(itch::MwcbStatus{.head = Head(0), .level = '1'});
    if (type == 'K') {
      Put(itch::IpoQuoting{.head = Head(locate),
                           .stock = stock,
                           .release_time = {static_cast<uint32_t>(kOpenNs / kSecondNs)},
                           .qualifier = 'A',
                           .price = middle});
    }
    if (type == 'J') {
      Put(itch::LuldAuctionCollar{
          .head = Head(locate), .stock = stock, .reference_price = middle, .upper_price = above, .lower_price = below});
    }
    if (type == 'h') Put(itch::OperationalHalt{.head = Head(locate), .stock = stock, .market = 'Q', .action = 'T'});
    if (type == 'I') {
      Put(itch::NetOrderImbalance{.head = Head(locate),
                                  .paired = {AnyShares()},
                                  .imbalance = {AnyShares()},
                                  .direction = 'B',
                                  .stock = stock,
                                  .far_price = middle,
                                  .near_price = middle,
                                  .reference_price = middle,
                                  .cross_type = 'O',
                                  .price_variation = 'L'});
    }
    if (type == 'N') Put(itch::RetailInterest{.head = Head(locate), .stock = stock, .interest = 'A'});
    if (type == 'O') {
      Put(itch::DirectListing{.head = Head(locate),
                              .stock = stock,
                              .open_eligible = 'Y',
                              .minimum_price = below,
                              .maximum_price = above,
                              .near_execution_price = middle,
                              .near_execution_time = kOpenNs,
                              .lower_collar = below,
                              .upper_collar = above});
    }
  }

  uint64_t NextReference() { return reference_ += 1 + (rng_.Next() & 3); }

  void Remove(size_t at) {
    live_[at] = live_.back();
    live_.pop_back();
  }

  static constexpr std::array<char, 11> kAdministrative = {'H', 'Y', 'L', 'V', 'W', 'K', 'J', 'h', 'I', 'N', 'O'};
  static constexpr std::array<char, 16> kExecutions = {'E', 'E', 'E', 'E', 'E', 'E', 'E', 'E',
                                                       'E', 'E', 'X', 'X', 'X', 'X', 'C', 'C'};
  static constexpr std::array<char, 16> kOthers = {'P', 'P', 'P', 'P', 'P', 'P', 'P', 'P',
                                                   'I', 'I', 'L', 'H', 'Y', 'N', 'Q', 'B'};

  const uint64_t total_;
  Rng rng_;
  MessageStore& store_;
  std::vector<Symbol> symbols_;
  std::vector<Order> live_;
  uint64_t now_ns_ = kOpenNs;
  uint64_t reference_ = 0;
  uint64_t match_ = 0;
  bool full_ = false;
};

}  // namespace

absl::Status GenerateSyntheticItch(const v1::SyntheticFeed& feed, uint64_t seed, MessageStore& store) {
  if (feed.symbols() == 0 || feed.symbols() > UINT16_MAX) {
    return absl::InvalidArgumentError(absl::StrCat("synthetic feed: symbols is ", feed.symbols(), ", not 1..65535"));
  }
  if (feed.messages() < feed.symbols() + kMessagesBeside) {
    return absl::InvalidArgumentError(absl::StrCat("synthetic feed: messages is ", feed.messages(), ", needs at least ",
                                                   feed.symbols() + kMessagesBeside, " (symbols + ", kMessagesBeside,
                                                   ")"));
  }
  if (!Generator(feed, seed, store).Run()) {
    return absl::InvalidArgumentError(absl::StrCat("synthetic feed: ", feed.messages(), " messages do not fit ",
                                                   store.bytes_max(), " bytes; ", store.messages(), " did"));
  }
  return store.Seal();
}

}  // namespace feedfarm
