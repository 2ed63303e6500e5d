#include <algorithm>

#include "tests/support/reference_book.h"
#include "tests/support/reference_digest.h"

namespace feedfarm {
namespace {

// IEX DEEP 1.0: message type and the least bytes it has.
const std::map<char, size_t> kBytes = {{'S', 10}, {'D', 31}, {'H', 22}, {'I', 18}, {'O', 18}, {'P', 19}, {'E', 18},
                                       {'8', 30}, {'5', 30}, {'T', 38}, {'X', 26}, {'A', 80}, {'B', 38}};

uint64_t Number(std::span<const uint8_t> message, size_t at, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = bytes; i-- > 0;) value = value * 256 + message[at + i];
  return value;
}

uint64_t Number(const std::string& text) {
  return Number(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()), 0, text.size());
}

std::string Text(std::span<const uint8_t> message, size_t from, size_t end) {
  return std::string(message.begin() + static_cast<ptrdiff_t>(from), message.begin() + static_cast<ptrdiff_t>(end));
}

TopOfBook TopOf(const ReferenceDeepBook::Instrument& instrument) {
  TopOfBook top;
  if (!instrument.bids.empty()) {
    top.bid_price = static_cast<uint64_t>(instrument.bids.rbegin()->first);
    top.bid_shares = instrument.bids.rbegin()->second;
  }
  if (!instrument.offers.empty()) {
    top.ask_price = static_cast<uint64_t>(instrument.offers.begin()->first);
    top.ask_shares = instrument.offers.begin()->second;
  }
  return top;
}

}  // namespace

BookOutcome ReferenceDeepBook::Apply(std::span<const uint8_t> m) {
  if (m.empty()) return BookOutcome::kMalformed;
  const char type = static_cast<char>(m[0]);
  if (!kBytes.contains(type) || m.size() < kBytes.at(type)) return BookOutcome::kMalformed;
  if (type == 'S') return event_ = Text(m, 1, 2), BookOutcome::kApplied;
  if (std::string("TXAB").find(type) != std::string::npos) return BookOutcome::kNoted;
  const std::string symbol = Text(m, 10, 18);
  if (!instruments_.contains(symbol) && instruments_.size() >= symbols_max_) return BookOutcome::kLocateOutOfRange;
  Instrument& instrument = instruments_[symbol];
  if (type == 'D') instrument.directory = Text(m, 1, 2) + Text(m, 18, 31);
  if (type == 'H') instrument.trading = Text(m, 1, 2) + Text(m, 18, 22);
  if (type == 'O') instrument.halt = Text(m, 1, 2);
  if (type == 'P') instrument.short_sale = Text(m, 1, 2) + Text(m, 18, 19);
  if (type == 'E') instrument.security_event = Text(m, 1, 2);
  if (type == 'I') instrument.retail = Text(m, 1, 2);
  if (type != '8' && type != '5') return BookOutcome::kApplied;
  auto& side = type == '8' ? instrument.bids : instrument.offers;
  const auto size = static_cast<uint32_t>(Number(m, 18, 4));
  const auto price = static_cast<int64_t>(Number(m, 22, 8));
  BookOutcome outcome = BookOutcome::kApplied;
  if (size == 0) {
    if (side.erase(price) == 0) outcome = BookOutcome::kUnknownOrder;
  } else if (!side.contains(price) && levels_live() >= levels_max_) {
    outcome = BookOutcome::kLevelsFull;
  } else {
    side[price] = size;
  }
  instrument.in_event = m[1] % 2 == 0;
  if (!instrument.in_event) tops_[symbol] = TopOf(instrument);
  return outcome;
}

TopOfBook ReferenceDeepBook::Top(const std::string& symbol) const {
  return tops_.contains(symbol) ? tops_.at(symbol) : TopOfBook();
}

std::map<std::string, ReferenceDeepBook::Instrument> ReferenceDeepBook::Instruments() const {
  std::map<std::string, Instrument> held;
  for (const auto& [symbol, instrument] : instruments_) {
    if (instrument != Instrument()) held.emplace(symbol, instrument);
  }
  return held;
}

uint64_t ReferenceDeepBook::levels_live() const {
  uint64_t levels = 0;
  for (const auto& [symbol, instrument] : instruments_) levels += instrument.bids.size() + instrument.offers.size();
  return levels;
}

uint64_t ReferenceDeepBook::StateHash() const {
  uint64_t sum = 0;
  for (const auto& [symbol, instrument] : Instruments()) {
    ReferenceDigest digest(Number(symbol));
    digest.Part(1, instrument.directory);
    digest.Part(2, instrument.trading);
    digest.Part(3, instrument.halt);
    digest.Part(4, instrument.short_sale);
    digest.Part(5, instrument.security_event);
    digest.Part(6, instrument.retail);
    digest.Word(instrument.in_event ? 1 : 0);
    digest.Word(instrument.bids.size());
    for (auto at = instrument.bids.rbegin(); at != instrument.bids.rend(); ++at) {
      digest.Word(static_cast<uint64_t>(at->first));
      digest.Word(at->second);
    }
    digest.Word(instrument.offers.size());
    for (const auto& [price, size] : instrument.offers) {
      digest.Word(static_cast<uint64_t>(price));
      digest.Word(size);
    }
    sum += digest.Value();
  }
  if (!event_.empty()) {
    ReferenceDigest digest(18446744073709551615u);
    digest.Part(1, event_);
    sum += digest.Value();
  }
  return sum;
}

}  // namespace feedfarm
