#include "pipeline/soupbintcp/soupbintcp.h"

#include <algorithm>
#include <cstring>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"
#include "pipeline/soupbintcp/packet_reader.h"
#include "pipeline/soupbintcp/packet_writer.h"

namespace feedfarm::soupbintcp {
namespace {

std::vector<uint8_t> Bytes(std::string_view text) { return {text.begin(), text.end()}; }
std::string Text(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

TEST(SoupBinTcp, LoginIsLaidOutAsTheDocumentHasIt) {
  const Login login{.user = "feed", .password = "secret", .session = "000010059B", .sequence = 1};
  EXPECT_EQ(Text(Encode(login)), "feed  secret    000010059B                   1");
  std::vector<uint8_t> packet;
  AppendPacket(PacketType::kLoginRequest, Encode(login), packet);
  EXPECT_EQ(packet.size(), 49u);
  EXPECT_EQ(packet[0], 0);
  EXPECT_EQ(packet[1], 47);
  EXPECT_EQ(packet[2], 'L');
}

TEST(SoupBinTcp, AcceptedIsLaidOutAsTheDocumentHasIt) {
  const auto bytes = Encode(Accepted{.session = "S1", .sequence = UINT64_MAX});
  EXPECT_EQ(Text(bytes), "S1        18446744073709551615");
  EXPECT_EQ(ParseAccepted(bytes), (Accepted{.session = "S1", .sequence = UINT64_MAX}));
}

TEST(SoupBinTcp, TextIsReadWithEitherPadding) {
  EXPECT_EQ(ParseAccepted(Bytes("        S1                   7"))->session, "S1");
  EXPECT_EQ(ParseAccepted(Bytes("                             7"))->session, "");
  EXPECT_EQ(ParseLogin(Bytes("   usr" "    a pw  " "         S" "                   0")), (Login{"usr", "a pw", "S", 0}));
}

TEST(SoupBinTcp, NumbersAreDigitsWithSpacesAround) {
  const std::vector<std::pair<std::string, std::optional<uint64_t>>> table = {
      {"                   7", 7},
      {"7                   ", 7},
      {"  0012              ", 12},
      {"                    ", 0},
      {"18446744073709551615", UINT64_MAX},
      {"18446744073709551616", std::nullopt},
      {"99999999999999999999", std::nullopt},
      {"1 2                 ", std::nullopt},
      {"-1                  ", std::nullopt},
      {std::string(20, '\0'), std::nullopt},
  };
  for (const auto& [text, number] : table) EXPECT_EQ(ParseNumber(Bytes(text)), number) << "'" << text << "'";
}

TEST(SoupBinTcp, EveryNumberComesBack) {
  Rng rng(1);
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t number = rng.Next() >> rng.Below(64);
    std::array<uint8_t, kSequenceBytes> digits;
    StoreNumber(number, digits);
    ASSERT_EQ(ParseNumber(digits), number);
  }
}

TEST(SoupBinTcp, WrongSizesAreNothing) {
  for (size_t size = 0; size < 60; ++size) {
    const std::vector<uint8_t> blanks(size, ' ');
    EXPECT_EQ(ParseLogin(blanks).has_value(), size == kLoginBytes);
    EXPECT_EQ(ParseAccepted(blanks).has_value(), size == kAcceptedBytes);
  }
}

using Packets = std::vector<std::pair<char, std::vector<uint8_t>>>;

// Feeds `stream` in pieces of a size that `piece` gives; what came out, and how it ended.
template <class Piece>
std::pair<Packets, PacketReader::Result> Read(PacketReader& reader, std::span<const uint8_t> stream, Piece&& piece) {
  Packets packets;
  Packet packet;
  PacketReader::Result result = PacketReader::Result::kMore;
  while (!stream.empty()) {
    const std::span<uint8_t> space = reader.Space();
    if (space.empty()) break;
    const size_t bytes = std::min({stream.size(), space.size(), piece()});
    std::memcpy(space.data(), stream.data(), bytes);
    reader.Filled(bytes);
    stream = stream.subspan(bytes);
    while ((result = reader.Next(&packet)) == PacketReader::Result::kPacket) {
      packets.emplace_back(static_cast<char>(packet.type),
                           std::vector<uint8_t>(packet.payload.begin(), packet.payload.end()));
    }
  }
  return {packets, result};
}

TEST(PacketReader, AnyPiecesGiveTheSamePackets) {
  const uint64_t seed = 20'26;
  std::cout << "seed " << seed << "\n";
  Rng rng(seed);
  for (int round = 0; round < 60; ++round) {
    Packets sent;
    std::vector<uint8_t> stream;
    for (uint64_t i = rng.Below(200); i > 0; --i) {
      const size_t most = rng.Below(50) == 0 ? kPayloadBytesMax + 1 : 64;
      std::vector<uint8_t> payload(rng.Below(most));
      for (uint8_t& byte : payload) byte = static_cast<uint8_t>(rng.Next());
      const auto type = static_cast<PacketType>(rng.Next());
      AppendPacket(type, payload, stream);
      sent.emplace_back(static_cast<char>(type), std::move(payload));
    }
    const size_t longest = size_t{1} << rng.Below(18);
    PacketReader whole, pieces;
    EXPECT_EQ(Read(whole, stream, [&] { return stream.size(); }).first, sent);
    EXPECT_EQ(Read(pieces, stream, [&] { return 1 + rng.Below(longest); }).first, sent);
    EXPECT_FALSE(pieces.partial());
  }
}

TEST(PacketReader, EveryCutIsMoreOrNothing) {
  std::vector<uint8_t> stream;
  AppendPacket(PacketType::kSequencedData, Bytes("abc"), stream);
  for (size_t cut = 0; cut < stream.size(); ++cut) {
    PacketReader reader;
    const auto [packets, result] = Read(reader, std::span(stream).first(cut), [] { return size_t{1}; });
    EXPECT_TRUE(packets.empty());
    EXPECT_EQ(result, PacketReader::Result::kMore);
    EXPECT_EQ(reader.partial(), cut != 0);
  }
}

TEST(PacketReader, LengthOfNothingIsWrongForGood) {
  PacketReader reader;
  std::vector<uint8_t> stream;
  AppendPacket(PacketType::kDebug, {}, stream);
  stream.insert(stream.end(), {0, 0});
  AppendPacket(PacketType::kDebug, {}, stream);
  const auto [packets, result] = Read(reader, stream, [] { return size_t{100}; });
  EXPECT_EQ(packets.size(), 1u);
  EXPECT_EQ(result, PacketReader::Result::kWrong);
  EXPECT_TRUE(reader.Space().empty());
}

TEST(PacketReader, LengthAboveTheBoundIsWrongBeforeThePayloadIsThere) {
  PacketReader reader(64);
  std::vector<uint8_t> stream;
  AppendPacket(PacketType::kDebug, std::vector<uint8_t>(63), stream);
  stream.insert(stream.end(), {0, 65});
  const auto [packets, result] = Read(reader, stream, [] { return size_t{7}; });
  EXPECT_EQ(packets.size(), 1u);
  EXPECT_EQ(result, PacketReader::Result::kWrong);
}

TEST(SoupBinTcp, EveryTypeHasAName) {
  for (const char type : std::string("+AJSHZLURO")) EXPECT_NE(Name(static_cast<PacketType>(type)), "unknown");
  EXPECT_EQ(Name(static_cast<PacketType>('?')), "unknown");
}

}  // namespace
}  // namespace feedfarm::soupbintcp
