#include "pipeline/deep/decode.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/rng.h"

namespace feedfarm::deep {
namespace {

constexpr std::string_view kAllTypes = "SDHIOPE85TXBA";

std::vector<uint8_t> RandomMessage(char type, Rng& rng) {
  std::vector<uint8_t> bytes(MessageLength(static_cast<uint8_t>(type)));
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(rng.Next());
  bytes[0] = static_cast<uint8_t>(type);
  return bytes;
}

std::vector<uint8_t> FromHex(std::string_view hex) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

struct Rewriter {
  std::vector<uint8_t> bytes;

  template <class M>
  void operator()(const M& message) {
    bytes.assign(M::kSize, 0xEE);
    message.Encode(bytes.data());
  }
};

TEST(DeepMessageLength, IsThatOfTheSpecificationAndZeroForAllOtherTypes) {
  const std::map<char, size_t> lengths = {{'S', 10}, {'D', 31}, {'H', 22}, {'I', 18}, {'O', 18}, {'P', 19}, {'E', 18},
                                          {'8', 30}, {'5', 30}, {'T', 38}, {'X', 26}, {'A', 80}, {'B', 38}};
  EXPECT_EQ(lengths.size(), kMessageTypes);
  for (int type = 0; type < 256; ++type) {
    const auto known = lengths.find(static_cast<char>(type));
    EXPECT_EQ(MessageLength(static_cast<uint8_t>(type)), known == lengths.end() ? 0 : known->second) << type;
  }
}

TEST(DeepDecode, EveryByteOfEveryTypeSurvivesReadingAndWriting) {
  Rng rng(1);
  for (const char type : kAllTypes) {
    for (int i = 0; i < 100; ++i) {
      const std::vector<uint8_t> message = RandomMessage(type, rng);
      Rewriter rewriter;
      ASSERT_TRUE(Decode(message, rewriter)) << type;
      EXPECT_EQ(rewriter.bytes, message) << type;
    }
  }
}

TEST(DeepDecode, RefusesShorterAndTakesLongerMessages) {
  Rng rng(2);
  for (const char type : kAllTypes) {
    const std::vector<uint8_t> message = RandomMessage(type, rng);
    Rewriter rewriter;
    for (size_t size = 0; size < message.size(); ++size) {
      EXPECT_FALSE(Decode(std::span(message).first(size), rewriter)) << type << size;
    }
    std::vector<uint8_t> longer = message;
    longer.push_back(0x55);
    EXPECT_TRUE(Decode(longer, rewriter)) << type;
    EXPECT_EQ(rewriter.bytes, message);
  }
}

TEST(DeepDecode, RefusesUnknownTypes) {
  Rewriter rewriter;
  for (int type = 0; type < 256; ++type) {
    if (MessageLength(static_cast<uint8_t>(type)) != 0) continue;
    EXPECT_FALSE(Decode(std::vector<uint8_t>(80, static_cast<uint8_t>(type)), rewriter)) << type;
  }
}

// Messages of 25 April 2017, byte by byte as they were sent.
TEST(DeepDecode, ReadsARealPriceLevel) {
  const auto message = FromHex("3801ff62f0b34aacb8145a4945585420202090010000b00b030000000000");
  const auto level = PriceLevelBuy::Decode(message.data());
  EXPECT_TRUE(level.is_event_complete());
  EXPECT_EQ(level.time.value, 0x14b8ac4ab3f062ff);
  EXPECT_EQ(Trimmed(level.symbol), "ZIEXT");
  EXPECT_EQ(level.size.value, 400u);
  EXPECT_EQ(level.price.value, 199'600);
}

TEST(DeepDecode, ReadsARealTrade) {
  const auto message = FromHex("54c058e212f44aacb8144d53465420202020860100009899050000000000fbaf010000000000");
  const auto trade = TradeReport::Decode(message.data());
  EXPECT_EQ(trade.flags, 0xC0);
  EXPECT_EQ(Trimmed(trade.symbol), "MSFT");
  EXPECT_EQ(trade.size.value, 390u);
  EXPECT_EQ(trade.price.value, 367'000);
  EXPECT_EQ(trade.trade.value, 110'587);
}

TEST(DeepDecode, ReadsARealTradingStatus) {
  const auto message = FromHex("4854cecb846635acb814412020202020202020202020");
  const auto status = TradingStatus::Decode(message.data());
  EXPECT_EQ(status.status, 'T');
  EXPECT_EQ(Trimmed(status.symbol), "A");
  EXPECT_EQ(Trimmed(status.reason), "");
}

TEST(DeepDecode, FieldsStandAtTheirOffsets) {
  Rng rng(3);
  auto m = RandomMessage('A', rng);
  const auto auction = AuctionInformation::Decode(m.data());
  EXPECT_EQ(auction.paired.value, LoadLittle<uint32_t>(&m[18]));
  EXPECT_EQ(auction.imbalance_side, static_cast<char>(m[42]));
  EXPECT_EQ(auction.scheduled_time.value, LoadLittle<uint32_t>(&m[44]));
  EXPECT_EQ(auction.upper_collar.value, LoadLittle<int64_t>(&m[72]));
  m = RandomMessage('D', rng);
  EXPECT_EQ(SecurityDirectory::Decode(m.data()).adjusted_close.value, LoadLittle<int64_t>(&m[22]));
  m = RandomMessage('X', rng);
  EXPECT_EQ(OfficialPrice::Decode(m.data()).price.value, LoadLittle<int64_t>(&m[18]));
}

}  // namespace
}  // namespace feedfarm::deep
