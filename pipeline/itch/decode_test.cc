#include "pipeline/itch/decode.h"

#include <concepts>
#include <map>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/allocation_guard.h"
#include "pipeline/base/rng.h"
#include "pipeline/itch/sample_messages.h"

namespace feedfarm::itch {
namespace {

// Writes again what it is shown.
struct Rewriter {
  std::vector<uint8_t> bytes;
  char type = 0;

  template <class M>
  void operator()(const M& message) {
    bytes.assign(M::kSize, 0xEE);
    message.Encode(bytes.data());
    type = M::kType;
  }
};

TEST(ItchMessageLength, IsThatOfTheSpecificationAndZeroForAllOtherTypes) {
  const std::map<char, size_t> lengths = {{'S', 12}, {'R', 39}, {'H', 25}, {'Y', 20}, {'L', 26}, {'V', 35},
                                          {'W', 12}, {'K', 28}, {'J', 35}, {'h', 21}, {'A', 36}, {'F', 40},
                                          {'E', 31}, {'C', 36}, {'X', 23}, {'D', 19}, {'U', 35}, {'P', 44},
                                          {'Q', 40}, {'B', 19}, {'I', 50}, {'N', 20}, {'O', 48}};
  EXPECT_EQ(lengths.size(), kMessageTypes);
  for (int type = 0; type < 256; ++type) {
    const auto known = lengths.find(static_cast<char>(type));
    EXPECT_EQ(MessageLength(static_cast<uint8_t>(type)), known == lengths.end() ? 0 : known->second) << type;
  }
}

TEST(ItchDecode, EveryByteOfEveryTypeSurvivesReadingAndWriting) {
  Rng rng(1);
  for (const char type : std::string_view(kAllTypes)) {
    for (int i = 0; i < 100; ++i) {
      const std::vector<uint8_t> message = RandomMessage(type, rng);
      Rewriter rewriter;
      ASSERT_TRUE(Decode(message, rewriter)) << type;
      EXPECT_EQ(rewriter.type, type);
      EXPECT_EQ(rewriter.bytes, message) << type;
    }
  }
}

TEST(ItchDecode, RefusesEveryOtherLength) {
  Rng rng(2);
  for (const char type : std::string_view(kAllTypes)) {
    std::vector<uint8_t> message = RandomMessage(type, rng);
    message.resize(message.size() + 1);
    Rewriter rewriter;
    for (size_t size = 0; size <= message.size(); ++size) {
      const bool right = size + 1 == message.size();
      EXPECT_EQ(Decode(std::span(message).first(size), rewriter), right) << type << size;
    }
  }
}

TEST(ItchDecode, RefusesUnknownTypes) {
  Rewriter rewriter;
  for (int type = 0; type < 256; ++type) {
    const std::vector<uint8_t> message(MessageLength(static_cast<uint8_t>(type)) == 0 ? 36 : 7,
                                       static_cast<uint8_t>(type));
    EXPECT_FALSE(Decode(message, rewriter)) << type;
  }
}

// The bytes are written out by hand from the offsets of the specification.
TEST(ItchDecode, ReadsAnAddOrderFieldByField) {
  const std::vector<uint8_t> message = {
      'A',  0x12, 0x34, 0x00, 0x02, 0x1F, 0x1A, 0xCE, 0xD8, 0x00, 0x01,        // head: 34,200,000,000,001 ns
      0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x30, 0x39, 'S',  0x00, 0x00, 0x01,  // order 12345, sell, 300 shares
      0x2C, 'A',  'A',  'P',  'L',  ' ',  ' ',  ' ',  ' ',  0x00, 0x2C, 0xB6, 0x78};
  bool called = false;
  ASSERT_TRUE(Decode(message, [&called]<class M>(const M& any) {
    if constexpr (std::same_as<M, AddOrder>) {
      called = true;
      EXPECT_EQ(any.head.locate.value, 0x1234);
      EXPECT_EQ(any.head.tracking.value, 2);
      EXPECT_EQ(any.head.time.value, 0x1F1ACED80001u);
      EXPECT_EQ(any.order.value, 12345u);
      EXPECT_EQ(any.side, kSell);
      EXPECT_EQ(any.shares.value, 300u);
      EXPECT_EQ(Trimmed(any.stock), "AAPL");
      EXPECT_EQ(any.price.value, 2930296u);
    }
  }));
  EXPECT_TRUE(called);
}

// A field at its offset, for one field of each message whose layout is not that of its neighbours.
TEST(ItchDecode, FieldsStandAtTheirOffsets) {
  Rng rng(3);
  const auto random = [&rng](char type) { return RandomMessage(type, rng); };
  auto m = random('U');
  EXPECT_EQ(OrderReplace::Decode(m.data()).new_order.value, LoadBig<uint64_t>(&m[19]));
  EXPECT_EQ(OrderReplace::Decode(m.data()).price.value, LoadBig<uint32_t>(&m[31]));
  m = random('E');
  EXPECT_EQ(OrderExecuted::Decode(m.data()).match.value, LoadBig<uint64_t>(&m[23]));
  m = random('C');
  EXPECT_EQ(OrderExecutedWithPrice::Decode(m.data()).printable, static_cast<char>(m[31]));
  EXPECT_EQ(OrderExecutedWithPrice::Decode(m.data()).price.value, LoadBig<uint32_t>(&m[32]));
  m = random('X');
  EXPECT_EQ(OrderCancel::Decode(m.data()).shares.value, LoadBig<uint32_t>(&m[19]));
  m = random('D');
  EXPECT_EQ(OrderDelete::Decode(m.data()).order.value, LoadBig<uint64_t>(&m[11]));
  m = random('F');
  EXPECT_EQ(AddOrderAttributed::Decode(m.data()).attribution[3], static_cast<char>(m[39]));
  m = random('P');
  EXPECT_EQ(Trade::Decode(m.data()).match.value, LoadBig<uint64_t>(&m[36]));
  m = random('Q');
  EXPECT_EQ(CrossTrade::Decode(m.data()).shares.value, LoadBig<uint64_t>(&m[11]));
  EXPECT_EQ(CrossTrade::Decode(m.data()).cross_type, static_cast<char>(m[39]));
  m = random('B');
  EXPECT_EQ(BrokenTrade::Decode(m.data()).match.value, LoadBig<uint64_t>(&m[11]));
  m = random('I');
  EXPECT_EQ(NetOrderImbalance::Decode(m.data()).direction, static_cast<char>(m[27]));
  EXPECT_EQ(NetOrderImbalance::Decode(m.data()).price_variation, static_cast<char>(m[49]));
  m = random('R');
  EXPECT_EQ(StockDirectory::Decode(m.data()).round_lot.value, LoadBig<uint32_t>(&m[21]));
  EXPECT_EQ(StockDirectory::Decode(m.data()).inverse, static_cast<char>(m[38]));
  m = random('V');
  EXPECT_EQ(MwcbDeclineLevels::Decode(m.data()).level_3.value, LoadBig<uint64_t>(&m[27]));
  m = random('O');
  EXPECT_EQ(DirectListing::Decode(m.data()).near_execution_time, LoadBig<uint64_t>(&m[32]));
}

TEST(ItchDecode, AllocatesNothing) {
  Rng rng(4);
  std::vector<std::vector<uint8_t>> messages;
  for (const char type : std::string_view(kAllTypes)) messages.push_back(RandomMessage(type, rng));
  uint64_t sum = 0;
  AllocationGuard guard;
  for (const auto& message : messages) {
    Decode(message, [&sum](const auto& any) { sum += any.head.time.value; });
  }
  EXPECT_EQ(guard.allocations(), 0u);
  EXPECT_NE(sum, 0u);
}

TEST(ItchText, IsPaddedAndTrimmed) {
  EXPECT_EQ(Trimmed(MakeText<8>("ESH4")), "ESH4");
  EXPECT_EQ(MakeText<4>("NSDQX"), (Text<4>{'N', 'S', 'D', 'Q'}));
  EXPECT_EQ(Trimmed(MakeText<8>("")), "");
}

}  // namespace
}  // namespace feedfarm::itch
