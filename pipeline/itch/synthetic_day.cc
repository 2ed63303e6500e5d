#include "pipeline/itch/synthetic_day.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace feedfarm::itch {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kOpenNs = (9 * 60 + 30) * 60 * kSecondNs;  // of the market, since midnight
constexpr uint64_t kCloseNs = 16 * 3600 * kSecondNs;
constexpr uint64_t kSpacingMeanNs = 1'000;
constexpr uint32_t kTick = 100;  // one cent with four decimals
constexpr uint32_t kPriceLow = 50 * kTick;
constexpr uint32_t kPriceHigh = 500'000 * kTick / 100;
constexpr uint32_t kNearTicks = 30;
constexpr uint32_t kFarTicks = 400;
constexpr Mpid kFirm = MakeText<4>("FARM");
constexpr uint64_t kPart = 0x17C4;  // of the seed

// Shares of each kind in 1,000 messages of the real day.
constexpr uint64_t kAddBelow = 441;
constexpr uint64_t kDeleteBelow = kAddBelow + 426;
constexpr uint64_t kReplaceBelow = kDeleteBelow + 80;
constexpr uint64_t kExecuteBelow = kReplaceBelow + 32;
constexpr uint64_t kMixTotal = 1000;

constexpr std::array<char, 11> kAdministrative = {'H', 'Y', 'L', 'V', 'W', 'K', 'J', 'h', 'I', 'N', 'O'};
constexpr std::array<char, 16> kExecutions = {'E', 'E', 'E', 'E', 'E', 'E', 'E', 'E',
                                              'E', 'E', 'X', 'X', 'X', 'X', 'C', 'C'};
constexpr std::array<char, 16> kOthers = {'P', 'P', 'P', 'P', 'P', 'P', 'P', 'P',
                                          'I', 'I', 'L', 'H', 'Y', 'N', 'Q', 'B'};

}  // namespace

SyntheticDay::SyntheticDay(const Options& options, Sink sink)
    : options_(options), sink_(std::move(sink)), rng_(Rng(options.seed).Fork(kPart)), now_ns_(kOpenNs) {
  symbols_.resize(options.symbols);
  for (size_t i = 0; i < symbols_.size(); ++i) symbols_[i] = MakeSymbol(i);
}

SyntheticDay::Symbol SyntheticDay::MakeSymbol(size_t number) {
  Symbol symbol;
  symbol.stock.fill(' ');
  for (int letter = 3; letter >= 0; --letter, number /= 26) symbol.stock[letter] = static_cast<char>('A' + number % 26);
  symbol.middle = (1'000 + static_cast<uint32_t>(rng_.Below(40'000))) * kTick;
  return symbol;
}

void SyntheticDay::Open() {
  SystemEvent('O');
  SystemEvent('S');
  for (size_t i = 1; i <= symbols_.size(); ++i) Directory(static_cast<uint16_t>(i));
  for (const char type : kAdministrative) {
    Administrative(type, AnyLocate());
    Auction(type, AnyLocate());
  }
  SystemEvent('Q');
  // One of each order message, so that even the shortest stream has all types.
  for (int i = 0; i < 4; ++i) Add('A');
  Add('F');
  for (const char type : {'E', 'C', 'X'}) Execute(type);
  Replace();
  Delete();
  for (const char type : {'P', 'Q', 'B'}) Other(type);
}

void SyntheticDay::Fill(uint64_t orders) {
  while (orders-- > 0) Add(rng_.Below(32) == 0 ? 'F' : 'A');
}

void SyntheticDay::Run(uint64_t messages) {
  while (messages-- > 0) Next();
}

void SyntheticDay::Close() {
  for (const char event : {'M', 'E', 'C'}) SystemEvent(event);
}

void SyntheticDay::Next() {
  const uint64_t draw = rng_.Below(kMixTotal);
  if (draw < kAddBelow || live_ == 0) return Add(rng_.Below(32) == 0 ? 'F' : 'A');
  if (draw < kDeleteBelow) return Delete();
  if (draw < kReplaceBelow) return Replace();
  if (draw < kExecuteBelow) return Execute(kExecutions[rng_.Below(kExecutions.size())]);
  Other(kOthers[rng_.Below(kOthers.size())]);
}

// Of the next message: its time goes on.
MessageHead SyntheticDay::Head(uint16_t locate) {
  now_ns_ = std::min(now_ns_ + rng_.Below(2 * kSpacingMeanNs), kCloseNs);
  return {.locate = {locate}, .tracking = {}, .time = {now_ns_}};
}

template <class M>
void SyntheticDay::Put(const M& message) {
  std::array<uint8_t, kMessageBytesMax> bytes;
  message.Encode(bytes.data());
  sink_(std::span<const uint8_t>(bytes.data(), M::kSize));
}

uint16_t SyntheticDay::AnyLocate() {
  const double draw = rng_.Uniform();
  return static_cast<uint16_t>(1 + static_cast<size_t>(static_cast<double>(symbols_.size()) * draw * draw * draw));
}

// A price of the side around the symbol's walk.
uint32_t SyntheticDay::Price(uint16_t locate, char side) {
  uint32_t& middle = symbols_[locate - 1].middle;
  const uint64_t draw = rng_.Next();
  if ((draw & 31) == 0) middle = (draw & 32) != 0 ? middle + kTick : middle - kTick;
  middle = std::clamp(middle, kPriceLow, kPriceHigh);
  const uint32_t reach = (draw >> 8) % 16 == 0 ? kFarTicks : kNearTicks;
  const double part = rng_.Uniform();
  const uint32_t away = kTick * (1 + static_cast<uint32_t>(reach * part * part));
  const uint32_t price = side == kBuy ? middle - std::min(away, middle - 1) : middle + away;
  return price;
}

// The age in orders is log-uniform: from there on the next older one that lives.
SyntheticDay::Order& SyntheticDay::AnyLive() {
  const auto count = static_cast<double>(orders_.size());
  const auto age = static_cast<size_t>(std::exp(rng_.Uniform() * std::log(count)));
  size_t at = orders_.size() - std::clamp<size_t>(age, 1, orders_.size());
  while (orders_[at].shares == 0) at = at == 0 ? orders_.size() - 1 : at - 1;
  return orders_[at];
}

void SyntheticDay::Remember(const Order& order) {
  constexpr size_t kLeast = 1024;
  if (orders_.size() > kLeast && orders_.size() > 2 * live_)
    std::erase_if(orders_, [](const Order& old) { return old.shares == 0; });
  orders_.push_back(order);
  ++live_;
}

void SyntheticDay::SystemEvent(char event) { Put(itch::SystemEvent{.head = Head(0), .event = event}); }

void SyntheticDay::Add(char type) {
  Order order;
  order.locate = AnyLocate();
  order.side = (rng_.Next() & 1) != 0 ? kBuy : kSell;
  order.price = Price(order.locate, order.side);
  order.shares = AnyShares();
  order.reference = NextReference();
  Remember(order);
  if (type == 'A') {
    return Put(AddOrder{.head = Head(order.locate),
                        .order = {order.reference},
                        .side = order.side,
                        .shares = {order.shares},
                        .stock = Stock(order.locate),
                        .price = {order.price}});
  }
  Put(AddOrderAttributed{.head = Head(order.locate),
                         .order = {order.reference},
                         .side = order.side,
                         .shares = {order.shares},
                         .stock = Stock(order.locate),
                         .price = {order.price},
                         .attribution = kFirm});
}

void SyntheticDay::Delete() {
  Order& order = AnyLive();
  Put(OrderDelete{.head = Head(order.locate), .order = {order.reference}});
  order.shares = 0;
  --live_;
}

void SyntheticDay::Replace() {
  Order& old = AnyLive();
  Order order = old;
  old.shares = 0;
  --live_;
  order.reference = NextReference();
  order.shares = AnyShares();
  order.price = Price(order.locate, order.side);
  Put(OrderReplace{.head = Head(order.locate),
                   .old_order = {old.reference},
                   .new_order = {order.reference},
                   .shares = {order.shares},
                   .price = {order.price}});
  Remember(order);
}

// E, C or X: some of an order's shares, or all of them.
void SyntheticDay::Execute(char type) {
  Order& order = AnyLive();
  const OrderRef reference{order.reference};
  const bool all = rng_.Below(5) < (live_ > options_.live_orders ? 4 : 1);
  const Shares shares{all ? order.shares : 1 + static_cast<uint32_t>(rng_.Below(order.shares))};
  if (type == 'X') {
    Put(OrderCancel{.head = Head(order.locate), .order = reference, .shares = shares});
  } else if (type == 'E') {
    Put(OrderExecuted{.head = Head(order.locate), .order = reference, .shares = shares, .match = {++match_}});
  } else {
    Put(OrderExecutedWithPrice{.head = Head(order.locate),
                               .order = reference,
                               .shares = shares,
                               .match = {++match_},
                               .printable = 'Y',
                               .price = {order.price}});
  }
  order.shares -= shares.value;
  if (order.shares == 0) --live_;
}

void SyntheticDay::Other(char type) {
  const uint16_t locate = AnyLocate();
  if (type == 'P') {
    return Put(Trade{.head = Head(locate),
                     .order = {0},
                     .side = kBuy,
                     .shares = {AnyShares()},
                     .stock = Stock(locate),
                     .price = {Price(locate, kBuy)},
                     .match = {++match_}});
  }
  if (type == 'Q') {
    return Put(CrossTrade{.head = Head(locate),
                          .shares = {AnyShares()},
                          .stock = Stock(locate),
                          .price = Middle(locate),
                          .match = {++match_},
                          .cross_type = 'I'});
  }
  if (type == 'B') return Put(BrokenTrade{.head = Head(locate), .match = {match_}});
  Administrative(type, locate);
  Auction(type, locate);
}

void SyntheticDay::Directory(uint16_t locate) {
  Put(StockDirectory{.head = Head(locate),
                     .stock = Stock(locate),
                     .market_category = 'Q',
                     .financial_status = 'N',
                     .round_lot = {100},
                     .round_lots_only = 'N',
                     .issue_classification = 'C',
                     .issue_sub_type = MakeText<2>("Z"),
                     .authenticity = 'P',
                     .short_sale_threshold = 'N',
                     .luld_tier = '1',
                     .etp_flag = 'N',
                     .inverse = 'N'});
}

void SyntheticDay::Administrative(char type, uint16_t locate) {
  const itch::Stock& stock = Stock(locate);
  if (type == 'H') Put(TradingAction{.head = Head(locate), .stock = stock, .state = 'T', .reason = MakeText<4>("")});
  if (type == 'Y') Put(RegSho{.head = Head(locate), .stock = stock, .action = '0'});
  if (type == 'h') Put(OperationalHalt{.head = Head(locate), .stock = stock, .market = 'Q', .action = 'T'});
  if (type == 'N') Put(RetailInterest{.head = Head(locate), .stock = stock, .interest = 'A'});
  if (type == 'W') Put(MwcbStatus{.head = Head(0), .level = '1'});
  if (type == 'V') {
    // Declines of 7, 13 and 20 % from an index of 2,000, with eight decimals.
    Put(MwcbDeclineLevels{
        .head = Head(0), .level_1 = {186'000'000'000}, .level_2 = {174'000'000'000}, .level_3 = {160'000'000'000}});
  }
  if (type == 'L') {
    Put(MarketParticipant{
        .head = Head(locate), .mpid = kFirm, .stock = stock, .primary_market_maker = 'Y', .mode = 'N', .state = 'A'});
  }
}

void SyntheticDay::Auction(char type, uint16_t locate) {
  const itch::Stock& stock = Stock(locate);
  const Price4 middle = Middle(locate), above{middle.value / 10 * 11}, below{middle.value / 10 * 9};
  if (type == 'K') {
    Put(IpoQuoting{.head = Head(locate),
                   .stock = stock,
                   .release_time = {static_cast<uint32_t>(kOpenNs / kSecondNs)},
                   .qualifier = 'A',
                   .price = middle});
  }
  if (type == 'J') {
    Put(LuldAuctionCollar{
        .head = Head(locate), .stock = stock, .reference_price = middle, .upper_price = above, .lower_price = below});
  }
  if (type == 'I') {
    Put(NetOrderImbalance{.head = Head(locate),
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
  if (type == 'O') {
    Put(DirectListing{.head = Head(locate),
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

}  // namespace feedfarm::itch
