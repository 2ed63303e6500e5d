#include "tests/support/book_agreement.h"

#include <string>

namespace feedfarm {
namespace {

ReferenceItchBook::Side SideOf(const ItchBook& book, uint32_t locate, BookSide side) {
  ReferenceItchBook::Side levels;
  book.ForEachLevel(locate, side, [&](const ItchBook::LevelView& view) {
    std::list<ReferenceItchBook::Order>& level = levels[view.price];
    uint64_t shares = 0;
    book.ForEachOrder(view, [&](const BookOrder& order) {
      std::string attribution(reinterpret_cast<const char*>(&order.attribution), 4);
      if (order.attribution == 0) attribution.clear();
      level.push_back({order.reference, order.shares, attribution});
      shares += order.shares;
    });
    EXPECT_EQ(shares, view.shares);
    EXPECT_EQ(level.size(), view.orders);
  });
  return levels;
}

std::string PartOf(const ItchInstrumentState& state, size_t part) {
  if (!state.Has(part)) return "";
  const auto& kept = itch_state::kInstrumentParts[part];
  return std::string(state.bytes.begin() + kept.at, state.bytes.begin() + kept.at + kept.bytes);
}

}  // namespace

std::map<uint16_t, ReferenceItchBook::Instrument> InstrumentsOf(const ItchBook& book) {
  std::map<uint16_t, ReferenceItchBook::Instrument> instruments;
  for (uint32_t locate = 0; locate < book.locates_max(); ++locate) {
    const ItchInstrumentState& state = book.state(locate);
    ReferenceItchBook::Instrument instrument;
    instrument.directory = PartOf(state, 0);
    instrument.trading = PartOf(state, 1);
    instrument.reg_sho = PartOf(state, 2);
    for (size_t market = 0; market < 3; ++market) {
      if (state.Has(3 + market)) instrument.halted["QBX"[market]] = PartOf(state, 3 + market);
    }
    instrument.ipo = PartOf(state, 6);
    instrument.collar = PartOf(state, 7);
    instrument.bids = SideOf(book, locate, BookSide::kBuy);
    instrument.offers = SideOf(book, locate, BookSide::kSell);
    if (!instrument.empty()) instruments.emplace(static_cast<uint16_t>(locate), std::move(instrument));
  }
  return instruments;
}

testing::AssertionResult Agree(const ItchBook& book, const ReferenceItchBook& reference) {
  if (book.orders_live() != reference.orders_live()) {
    return testing::AssertionFailure() << book.orders_live() << " orders live, not " << reference.orders_live();
  }
  if (book.levels_live() != reference.levels_live()) {
    return testing::AssertionFailure() << book.levels_live() << " levels live, not " << reference.levels_live();
  }
  const auto wanted = reference.Instruments();
  for (const auto& [locate, instrument] : wanted) {
    if (book.Top(locate) != reference.Top(locate)) return testing::AssertionFailure() << "top of locate " << locate;
  }
  if (InstrumentsOf(book) != wanted) return testing::AssertionFailure() << "instruments differ";
  if (book.StateHash() != reference.StateHash()) return testing::AssertionFailure() << "only the hashes differ";
  return testing::AssertionSuccess();
}

testing::AssertionResult EmitsItself(const ItchBook& book, ItchBook& other) {
  other.Clear();
  bool applied = true;
  book.EmitState([&](std::span<const uint8_t> message) {
    applied = applied && other.Apply(message).outcome == BookOutcome::kApplied;
  });
  if (!applied) return testing::AssertionFailure() << "an emitted message was not applied";
  if (other.StateHash() != book.StateHash()) return testing::AssertionFailure() << "the emitted state has another hash";
  return testing::AssertionSuccess();
}

}  // namespace feedfarm
