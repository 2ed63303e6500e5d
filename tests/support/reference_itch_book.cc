#include <algorithm>
#include <tuple>
#include <utility>

#include "tests/support/reference_book.h"
#include "tests/support/reference_digest.h"

namespace feedfarm {
namespace {

// Nasdaq TotalView-ITCH 5.0, section 1: message type and its bytes.
const std::map<char, size_t> kBytes = {{'S', 12}, {'R', 39}, {'H', 25}, {'Y', 20}, {'L', 26}, {'V', 35},
                                       {'W', 12}, {'K', 28}, {'J', 35}, {'h', 21}, {'A', 36}, {'F', 40},
                                       {'E', 31}, {'C', 36}, {'X', 23}, {'D', 19}, {'U', 35}, {'P', 44},
                                       {'Q', 40}, {'B', 19}, {'I', 50}, {'N', 20}, {'O', 48}};

uint64_t Number(std::span<const uint8_t> message, size_t at, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value = value * 256 + message[at + i];
  return value;
}

std::string Text(std::span<const uint8_t> message, size_t from, size_t end) {
  return std::string(message.begin() + static_cast<ptrdiff_t>(from), message.begin() + static_cast<ptrdiff_t>(end));
}

void AddOrders(ReferenceDigest& digest, uint32_t price, const std::list<ReferenceItchBook::Order>& orders) {
  for (const auto& order : orders) {
    digest.Word(order.reference);
    digest.Word(price);
    uint64_t attribution = 0;
    for (size_t i = 0; i < order.attribution.size(); ++i)
      attribution += static_cast<uint64_t>(static_cast<uint8_t>(order.attribution[i])) << (8 * i);
    digest.Word(attribution * 4294967296u + order.shares);
  }
}

uint64_t Count(const ReferenceItchBook::Side& side) {
  uint64_t orders = 0;
  for (const auto& [price, level] : side) orders += level.size();
  return orders;
}

}  // namespace

BookOutcome ReferenceItchBook::Apply(std::span<const uint8_t> m) {
  if (m.empty()) return BookOutcome::kMalformed;
  const char type = static_cast<char>(m[0]);
  if (!kBytes.contains(type) || kBytes.at(type) != m.size()) return BookOutcome::kMalformed;
  const auto locate = static_cast<uint16_t>(Number(m, 1, 2));
  const auto n32 = [&](size_t at) { return static_cast<uint32_t>(Number(m, at, 4)); };
  if (type == 'A') return Add(locate, Number(m, 11, 8), static_cast<char>(m[19]), n32(20), n32(32), "");
  if (type == 'F') {
    std::string attribution = Text(m, 36, 40);
    if (attribution == std::string(4, '\0')) attribution.clear();  // as good as none
    return Add(locate, Number(m, 11, 8), static_cast<char>(m[19]), n32(20), n32(32), attribution);
  }
  if (type == 'E' || type == 'C' || type == 'X') return Reduce(locate, Number(m, 11, 8), n32(19));
  if (type == 'D') return Delete(locate, Number(m, 11, 8));
  if (type == 'U') return Replace(locate, Number(m, 11, 8), Number(m, 19, 8), n32(27), n32(31));
  if (type == 'S') return event_ = Text(m, 11, 12), BookOutcome::kApplied;
  if (type == 'V') return decline_levels_ = Text(m, 11, 35), BookOutcome::kApplied;
  if (type == 'W') return breached_ = Text(m, 11, 12), BookOutcome::kApplied;
  if (std::string("RHYhKJ").find(type) == std::string::npos) return BookOutcome::kNoted;
  if (locate >= locates_max_) return BookOutcome::kLocateOutOfRange;
  if (type == 'h' && std::string("QBX").find(static_cast<char>(m[19])) == std::string::npos) return BookOutcome::kNoted;
  Instrument& instrument = instruments_[locate];
  if (type == 'R') instrument.directory = Text(m, 11, 39);
  if (type == 'H') instrument.trading = Text(m, 19, 25);
  if (type == 'Y') instrument.reg_sho = Text(m, 19, 20);
  if (type == 'h') instrument.halted[static_cast<char>(m[19])] = Text(m, 20, 21);
  if (type == 'K') instrument.ipo = Text(m, 19, 28);
  if (type == 'J') instrument.collar = Text(m, 19, 35);
  return BookOutcome::kApplied;
}

ReferenceItchBook::Side& ReferenceItchBook::SideOf(const Place& place) {
  Instrument& instrument = instruments_[place.locate];
  return place.side == 'B' ? instrument.bids : instrument.offers;
}

BookOutcome ReferenceItchBook::Add(uint16_t locate, uint64_t reference, char side, uint32_t shares, uint32_t price,
                                   const std::string& attribution) {
  if (locate >= locates_max_) return BookOutcome::kLocateOutOfRange;
  if (side != 'B' && side != 'S') return BookOutcome::kBadSide;
  if (shares == 0) return BookOutcome::kZeroShares;
  if (places_.contains(reference)) return BookOutcome::kDuplicateOrder;
  if (places_.size() >= orders_max_) return BookOutcome::kOrdersFull;
  const Place place{locate, side, price};
  if (!SideOf(place).contains(price) && levels_live() >= levels_max_) return BookOutcome::kLevelsFull;
  SideOf(place)[price].push_back({reference, shares, attribution});
  places_[reference] = place;
  return BookOutcome::kApplied;
}

// Takes a live order out of the book.
ReferenceItchBook::Order ReferenceItchBook::Take(uint64_t reference) {
  const Place place = places_.at(reference);
  Side& side = SideOf(place);
  std::list<Order>& level = side.at(place.price);
  const auto found = std::find_if(level.begin(), level.end(), [&](const Order& o) { return o.reference == reference; });
  const Order order = *found;
  level.erase(found);
  if (level.empty()) side.erase(place.price);
  places_.erase(reference);
  return order;
}

BookOutcome ReferenceItchBook::Delete(uint16_t locate, uint64_t reference) {
  if (!places_.contains(reference)) return BookOutcome::kUnknownOrder;
  if (places_.at(reference).locate != locate) return BookOutcome::kWrongInstrument;
  Take(reference);
  return BookOutcome::kApplied;
}

BookOutcome ReferenceItchBook::Reduce(uint16_t locate, uint64_t reference, uint32_t shares) {
  if (!places_.contains(reference)) return BookOutcome::kUnknownOrder;
  const Place place = places_.at(reference);
  if (place.locate != locate) return BookOutcome::kWrongInstrument;
  if (shares == 0) return BookOutcome::kZeroShares;
  for (Order& order : SideOf(place).at(place.price)) {
    if (order.reference != reference) continue;
    if (shares < order.shares) {
      order.shares -= shares;
      return BookOutcome::kApplied;
    }
    const bool exact = shares == order.shares;
    Take(reference);
    return exact ? BookOutcome::kApplied : BookOutcome::kTooManyShares;
  }
  return BookOutcome::kMalformed;  // a live order is always in its level
}

BookOutcome ReferenceItchBook::Replace(uint16_t locate, uint64_t old_reference, uint64_t reference, uint32_t shares,
                                       uint32_t price) {
  if (!places_.contains(old_reference)) return BookOutcome::kUnknownOrder;
  const Place place = places_.at(old_reference);
  if (place.locate != locate) return BookOutcome::kWrongInstrument;
  if (places_.contains(reference)) return BookOutcome::kDuplicateOrder;
  const Order old = Take(old_reference);
  if (shares == 0) return BookOutcome::kZeroShares;
  return Add(locate, reference, place.side, shares, price, old.attribution);
}

uint64_t ReferenceItchBook::levels_live() const {
  uint64_t levels = 0;
  for (const auto& [locate, instrument] : instruments_) levels += instrument.bids.size() + instrument.offers.size();
  return levels;
}

std::vector<uint64_t> ReferenceItchBook::LiveReferences() const {
  std::vector<uint64_t> references;
  for (const auto& [reference, place] : places_) references.push_back(reference);
  return references;
}

std::map<uint16_t, ReferenceItchBook::Instrument> ReferenceItchBook::Instruments() const {
  std::map<uint16_t, Instrument> held;
  for (const auto& [locate, instrument] : instruments_) {
    if (!instrument.empty()) held.emplace(locate, instrument);
  }
  return held;
}

TopOfBook ReferenceItchBook::Top(uint16_t locate) const {
  TopOfBook top;
  const auto found = instruments_.find(locate);
  if (found == instruments_.end()) return top;
  const auto& [bids, offers] = std::tie(found->second.bids, found->second.offers);
  if (!bids.empty()) {
    top.bid_price = bids.rbegin()->first;
    for (const Order& order : bids.rbegin()->second) top.bid_shares += order.shares;
  }
  if (!offers.empty()) {
    top.ask_price = offers.begin()->first;
    for (const Order& order : offers.begin()->second) top.ask_shares += order.shares;
  }
  return top;
}

uint64_t ReferenceItchBook::StateHash() const {
  uint64_t sum = 0;
  for (const auto& [locate, instrument] : Instruments()) {
    ReferenceDigest digest(locate);
    digest.Part(1, instrument.directory);
    digest.Part(2, instrument.trading);
    digest.Part(3, instrument.reg_sho);
    for (const auto& [market, number] : std::vector<std::pair<char, int>>{{'Q', 4}, {'B', 5}, {'X', 6}}) {
      if (instrument.halted.contains(market)) digest.Part(number, instrument.halted.at(market));
    }
    digest.Part(7, instrument.ipo);
    digest.Part(8, instrument.collar);
    digest.Word(Count(instrument.bids));
    for (auto at = instrument.bids.rbegin(); at != instrument.bids.rend(); ++at)
      AddOrders(digest, at->first, at->second);
    digest.Word(Count(instrument.offers));
    for (const auto& [price, orders] : instrument.offers) AddOrders(digest, price, orders);
    sum += digest.Value();
  }
  if (!event_.empty() || !decline_levels_.empty() || !breached_.empty()) {
    ReferenceDigest digest(65536);
    digest.Part(1, event_);
    digest.Part(2, decline_levels_);
    digest.Part(3, breached_);
    sum += digest.Value();
  }
  return sum;
}

}  // namespace feedfarm
