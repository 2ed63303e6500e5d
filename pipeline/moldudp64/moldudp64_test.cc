#include "pipeline/moldudp64/moldudp64.h"

#include <memory>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/moldudp64/packet_writer.h"
#include "pipeline/moldudp64/rerequest.h"

namespace feedfarm::moldudp64 {
namespace {

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::vector<uint8_t> Copy(std::span<const uint8_t> packet) { return {packet.begin(), packet.end()}; }

class MoldUdp64Test : public testing::Test {
 protected:
  const SessionId session_ = MakeSession("000010059B");
  PacketWriter writer_;
  std::unique_ptr<BlockIndex> blocks_ = std::make_unique<BlockIndex>();
};

TEST_F(MoldUdp64Test, ReadsTheHeaderOfARealPacket) {
  // The first 20 bytes of a Nasdaq multicast packet: session 000010059B, sequence 19009117, 38 messages.
  std::vector<uint8_t> packet = {0x30, 0x30, 0x30, 0x30, 0x31, 0x30, 0x30, 0x35, 0x39, 0x42,
                                 0x00, 0x00, 0x00, 0x00, 0x01, 0x22, 0x0e, 0x5d, 0x00, 0x26};
  packet.resize(1472);
  const PacketHeader header = MoldUdp64::ParseHeader(packet);
  EXPECT_EQ(header.kind, PacketKind::kData);
  EXPECT_EQ(header.session, session_);
  EXPECT_EQ(header.first_sequence, 19009117u);
  EXPECT_EQ(header.count, 38u);
  EXPECT_EQ(header.send_time_ns, 0u);
}

TEST_F(MoldUdp64Test, ControlPacketsCarryTheNextSequenceAndNoMessages) {
  PacketHeader header = MoldUdp64::ParseHeader(writer_.Heartbeat(session_, 77));
  EXPECT_EQ(header.kind, PacketKind::kHeartbeat);
  EXPECT_EQ(header.first_sequence, 77u);
  EXPECT_EQ(header.count, 0u);
  header = MoldUdp64::ParseHeader(writer_.EndOfSession(session_, 78));
  EXPECT_EQ(header.kind, PacketKind::kEndOfSession);
  EXPECT_EQ(header.first_sequence, 78u);
  EXPECT_EQ(header.count, 0u);
  EXPECT_TRUE(MoldUdp64::IndexBlocks(writer_.EndOfSession(session_, 78), header, *blocks_));
}

TEST_F(MoldUdp64Test, TooShortIsMalformed) {
  const std::vector<uint8_t> packet = Copy(writer_.Heartbeat(session_, 1));
  for (size_t size = 0; size < kHeaderBytes; ++size) {
    EXPECT_EQ(MoldUdp64::ParseHeader({packet.data(), size}).kind, PacketKind::kMalformed) << size;
  }
}

TEST_F(MoldUdp64Test, ACountThatCannotFitIsMalformed) {
  std::vector<uint8_t> packet(kHeaderBytes + 3 * kLengthBytes);
  StoreHeader(packet.data(), session_, 1, 3);
  EXPECT_EQ(MoldUdp64::ParseHeader(packet).kind, PacketKind::kData);  // three empty messages
  StoreHeader(packet.data(), session_, 1, 4);
  EXPECT_EQ(MoldUdp64::ParseHeader(packet).kind, PacketKind::kMalformed);
  StoreHeader(packet.data(), session_, 1, 0xFFFE);
  EXPECT_EQ(MoldUdp64::ParseHeader(packet).kind, PacketKind::kMalformed);
}

TEST_F(MoldUdp64Test, IndexesEveryBlockAlsoEmptyOnes) {
  writer_.Start(session_, 5);
  ASSERT_TRUE(writer_.Append(Bytes("first")));
  ASSERT_TRUE(writer_.Append({}));
  ASSERT_TRUE(writer_.Append(Bytes("third!")));
  EXPECT_EQ(writer_.next_sequence(), 8u);
  const auto packet = writer_.Finish();
  const PacketHeader header = MoldUdp64::ParseHeader(packet);
  ASSERT_EQ(header.count, 3u);
  ASSERT_TRUE(MoldUdp64::IndexBlocks(packet, header, *blocks_));
  EXPECT_EQ((*blocks_)[0].offset, 22);
  EXPECT_EQ((*blocks_)[0].length, 5);
  EXPECT_EQ((*blocks_)[1].length, 0);
  EXPECT_EQ((*blocks_)[2].offset, 31);
  EXPECT_EQ((*blocks_)[2].length, 6);
}

TEST_F(MoldUdp64Test, NeverWalksPastTheEnd) {
  writer_.Start(session_, 1);
  ASSERT_TRUE(writer_.Append(Bytes("abc")));
  ASSERT_TRUE(writer_.Append(Bytes("defg")));
  const std::vector<uint8_t> whole = Copy(writer_.Finish());
  for (size_t size = kHeaderBytes + 2 * kLengthBytes; size < whole.size(); ++size) {
    const std::vector<uint8_t> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    const PacketHeader header = MoldUdp64::ParseHeader(cut);
    ASSERT_EQ(header.kind, PacketKind::kData);
    EXPECT_FALSE(MoldUdp64::IndexBlocks(cut, header, *blocks_)) << size;
  }
}

TEST_F(MoldUdp64Test, BytesBehindTheLastBlockAreIgnored) {
  writer_.Start(session_, 1);
  ASSERT_TRUE(writer_.Append(Bytes("abc")));
  std::vector<uint8_t> padded = Copy(writer_.Finish());
  padded.resize(padded.size() + 7);
  const PacketHeader header = MoldUdp64::ParseHeader(padded);
  EXPECT_EQ(header.count, 1u);
  EXPECT_TRUE(MoldUdp64::IndexBlocks(padded, header, *blocks_));
}

TEST_F(MoldUdp64Test, MoreBlocksThanTheIndexHoldsAreRefused) {
  std::vector<uint8_t> packet(kHeaderBytes + kLengthBytes * (kBlocksMax + 1));
  StoreHeader(packet.data(), session_, 1, kBlocksMax + 1);
  const PacketHeader header = MoldUdp64::ParseHeader(packet);
  EXPECT_EQ(header.kind, PacketKind::kData);
  EXPECT_FALSE(MoldUdp64::IndexBlocks(packet, header, *blocks_));
}

TEST(MoldSession, IsPaddedWithSpacesAndSurvivesTheWire) {
  std::array<uint8_t, kSessionBytes> bytes;
  StoreSession(bytes.data(), MakeSession("AB"));
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()), "AB        ");
  EXPECT_EQ(LoadSession(bytes.data()), MakeSession("AB"));
  EXPECT_NE(MakeSession("000010059B"), MakeSession("000010059C"));
}

TEST(MoldPacketWriter, StopsWhereThePacketIsFullAndLeavesItAsItWas) {
  PacketWriter writer(kHeaderBytes + 2 * (kLengthBytes + 4));
  const SessionId session = MakeSession("S");
  writer.Start(session, 1);
  EXPECT_TRUE(writer.Append(Bytes("aaaa")));
  EXPECT_TRUE(writer.Append(Bytes("bbbb")));
  EXPECT_FALSE(writer.Append({}));
  EXPECT_EQ(writer.Finish().size(), kHeaderBytes + 12);
  EXPECT_EQ(writer.count(), 2u);
  writer.Start(session, writer.next_sequence());
  EXPECT_TRUE(writer.Append(Bytes("cccc")));
  EXPECT_EQ(MoldUdp64::ParseHeader(writer.Finish()).first_sequence, 3u);
}

TEST(MoldPacketWriter, HoldsNoMoreBlocksThanAReaderIndexes) {
  PacketWriter writer(65'507);
  writer.Start(MakeSession("S"), 1);
  for (size_t i = 0; i < kBlocksMax; ++i) ASSERT_TRUE(writer.Append({}));
  EXPECT_FALSE(writer.Append({}));
}

TEST(MoldRerequest, CarriesSessionSequenceAndCount) {
  std::array<uint8_t, Rerequest::kBytesMax> bytes;
  EXPECT_EQ(Rerequest(MakeSession("000010059B"), 1234, 40).Encode(bytes), 20u);
  const auto request = Rerequest::Parse(bytes);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->session, MakeSession("000010059B"));
  EXPECT_EQ(request->first_sequence, 1234u);
  EXPECT_EQ(request->count, 40u);
}

TEST(MoldRerequest, AsksForNoMoreThanTheFieldHolds) {
  std::array<uint8_t, Rerequest::kBytesMax> bytes;
  Rerequest(MakeSession("S"), 1, 1'000'000).Encode(bytes);
  EXPECT_EQ(Rerequest::Parse(bytes)->count, 0xFFFFu);
}

TEST(MoldRerequest, WhatIsNoRequestIsRefused) {
  std::vector<uint8_t> bytes(20);
  StoreHeader(bytes.data(), MakeSession("S"), 1, 1);
  EXPECT_TRUE(Rerequest::Parse(bytes));
  StoreHeader(bytes.data(), MakeSession("S"), 0, 1);
  EXPECT_FALSE(Rerequest::Parse(bytes));
  StoreHeader(bytes.data(), MakeSession("S"), 1, 0);
  EXPECT_FALSE(Rerequest::Parse(bytes));
  StoreHeader(bytes.data(), MakeSession("S"), 1, 1);
  bytes.push_back(0);
  EXPECT_FALSE(Rerequest::Parse(bytes));
  EXPECT_FALSE(Rerequest::Parse(std::span(bytes).first(19)));
  EXPECT_FALSE(Rerequest::Parse({}));
}

}  // namespace
}  // namespace feedfarm::moldudp64
