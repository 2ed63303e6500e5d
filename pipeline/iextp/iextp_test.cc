#include "pipeline/iextp/iextp.h"

#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/iextp/gap_fill.h"
#include "pipeline/iextp/segment_writer.h"

namespace feedfarm::iextp {
namespace {

std::vector<uint8_t> Copy(std::span<const uint8_t> packet) { return {packet.begin(), packet.end()}; }

const SegmentStart kStart{.session = MakeSession(1, 0x43810000),
                          .first_sequence = 22578,
                          .stream_offset = 105211,
                          .send_time_ns = 1493123456789000000};

class IexTpTest : public testing::Test {
 protected:
  std::vector<uint8_t> Segment() {
    const std::vector<uint8_t> message(30, '8');
    writer_.Start(kStart);
    EXPECT_TRUE(writer_.Append(message));
    EXPECT_TRUE(writer_.Append(std::span(message).first(18)));
    return Copy(writer_.Finish());
  }

  PacketKind KindWith(size_t offset, uint8_t value) {
    std::vector<uint8_t> segment = Segment();
    segment[offset] = value;
    return IexTp::ParseHeader(segment).kind;
  }

  SegmentWriter writer_;
  std::unique_ptr<BlockIndex> blocks_ = std::make_unique<BlockIndex>();
};

TEST_F(IexTpTest, ReadsTheHeaderOfARealSegment) {
  // The header of the capture's last packet: channel 1, session 0x43810000, 44 messages in 1,408 bytes.
  std::vector<uint8_t> segment = {0x01, 0x00, 0x04, 0x80, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x81, 0x43, 0x80, 0x05,
                                  0x2c, 0x00, 0x6b, 0x29, 0x37, 0x00, 0x00, 0x00, 0x00, 0x00, 0xfb, 0x9a, 0x01, 0x00,
                                  0x00, 0x00, 0x00, 0x00, 0xb2, 0x46, 0x8a, 0x9a, 0xee, 0xbb, 0xb8, 0x14};
  segment.resize(40 + 1408);
  const PacketHeader header = IexTp::ParseHeader(segment);
  EXPECT_EQ(header.kind, PacketKind::kData);
  EXPECT_EQ(header.session, MakeSession(1, 0x43810000));
  EXPECT_EQ(header.count, 44u);
  EXPECT_EQ(header.first_sequence, 105211u);
  EXPECT_EQ(header.send_time_ns, 0x14b8bbee9a8a46b2u);
  EXPECT_EQ(StreamOffset(segment), 3615083u);
  segment.pop_back();  // cut short by one byte
  EXPECT_EQ(IexTp::ParseHeader(segment).kind, PacketKind::kMalformed);
}

TEST_F(IexTpTest, WritesWhatItReads) {
  const std::vector<uint8_t> segment = Segment();
  const PacketHeader header = IexTp::ParseHeader(segment);
  EXPECT_EQ(header.kind, PacketKind::kData);
  EXPECT_EQ(header.count, 2u);
  EXPECT_EQ(header.session, kStart.session);
  EXPECT_EQ(header.first_sequence, kStart.first_sequence);
  EXPECT_EQ(header.send_time_ns, kStart.send_time_ns);
  EXPECT_EQ(StreamOffset(segment), kStart.stream_offset);
  ASSERT_TRUE(IexTp::IndexBlocks(segment, header, *blocks_));
  EXPECT_EQ((*blocks_)[0].offset, 42);
  EXPECT_EQ((*blocks_)[0].length, 30);
  EXPECT_EQ((*blocks_)[1].offset, 74);
  EXPECT_EQ((*blocks_)[1].length, 18);
  EXPECT_EQ(writer_.next_sequence(), kStart.first_sequence + 2);
  EXPECT_EQ(writer_.next_stream_offset(), kStart.stream_offset + 52);
}

TEST_F(IexTpTest, ASegmentWithoutMessagesIsAHeartbeatWithTheNextSequence) {
  const auto segment = writer_.Heartbeat(kStart);
  EXPECT_EQ(segment.size(), segment::kHeaderBytes);
  const PacketHeader header = IexTp::ParseHeader(segment);
  EXPECT_EQ(header.kind, PacketKind::kHeartbeat);
  EXPECT_EQ(header.first_sequence, kStart.first_sequence);
  EXPECT_EQ(header.count, 0u);
}

TEST_F(IexTpTest, WhatContradictsItselfIsMalformed) {
  EXPECT_EQ(KindWith(segment::kVersion, 2), PacketKind::kMalformed);
  EXPECT_EQ(KindWith(segment::kProtocol, 0x03), PacketKind::kMalformed);  // TOPS 1.6
  EXPECT_EQ(KindWith(segment::kPayloadLength, 51), PacketKind::kMalformed);
  EXPECT_EQ(KindWith(segment::kMessageCount, 0), PacketKind::kMalformed);   // none, but a payload
  EXPECT_EQ(KindWith(segment::kMessageCount, 27), PacketKind::kMalformed);  // 27 lengths alone are 54 bytes
  EXPECT_EQ(KindWith(segment::kReserved, 9), PacketKind::kData);
  const std::vector<uint8_t> segment = Segment();
  for (size_t size = 0; size < segment.size(); ++size) {
    EXPECT_EQ(IexTp::ParseHeader({segment.data(), size}).kind, PacketKind::kMalformed) << size;
  }
}

TEST_F(IexTpTest, NeverWalksPastTheEnd) {
  std::vector<uint8_t> segment = Segment();
  const PacketHeader header = IexTp::ParseHeader(segment);
  segment[72] = 19;  // the second block is one byte longer than there is
  EXPECT_FALSE(IexTp::IndexBlocks(segment, header, *blocks_));
  segment[72] = 17;  // one byte is left behind it: ignored
  EXPECT_TRUE(IexTp::IndexBlocks(segment, header, *blocks_));
  segment[40] = 33;  // the first block leaves one byte for the second one's length
  segment[41] = 0;
  EXPECT_EQ(segment.size(), 92u);
  segment[40] = 49;
  EXPECT_FALSE(IexTp::IndexBlocks(segment, header, *blocks_));
}

TEST(IexSegmentWriter, StopsWhereTheSegmentIsFullAndLeavesItAsItWas) {
  SegmentWriter writer(segment::kHeaderBytes + 10);
  writer.Start(kStart);
  const std::vector<uint8_t> message(8, 'S');
  EXPECT_TRUE(writer.Append(message));
  EXPECT_FALSE(writer.Append({}));
  EXPECT_EQ(writer.Finish().size(), segment::kHeaderBytes + 10);
}

TEST(IexGapFill, CarriesRangesInOrder) {
  GapFillRequest request(kStart.session);
  EXPECT_TRUE(request.is_test());
  EXPECT_TRUE(request.AddRange({10, 20}));
  EXPECT_FALSE(request.AddRange({20, 30}));  // overlaps
  EXPECT_FALSE(request.AddRange({5, 6}));    // comes before
  EXPECT_FALSE(request.AddRange({40, 39}));  // empty
  EXPECT_TRUE(request.AddRange({21, 21}));
  std::vector<uint8_t> bytes(GapFillRequest::kBytesMax);
  bytes.resize(request.Encode(bytes));
  EXPECT_EQ(bytes.size(), 48u);
  const auto parsed = GapFillRequest::Parse(bytes);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->session, kStart.session);
  EXPECT_EQ(parsed->type, RangeType::kSequence);
  ASSERT_EQ(parsed->range_count, 2u);
  EXPECT_EQ(parsed->ranges[0], (Range{10, 20}));
  EXPECT_EQ(parsed->ranges[1], (Range{21, 21}));
}

TEST(IexGapFill, WithoutRangesItIsATest) {
  std::vector<uint8_t> bytes(gapfill::kHeaderBytes);
  EXPECT_EQ(GapFillRequest(kStart.session).Encode(bytes), 16u);
  const auto parsed = GapFillRequest::Parse(bytes);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_TRUE(parsed->is_test());
  EXPECT_FALSE(Rerequest::Parse(bytes).has_value());
}

TEST(IexGapFill, RefusesMoreRangesThanItsBound) {
  GapFillRequest request(kStart.session);
  for (uint64_t i = 0; i < GapFillRequest::kRangesMax; ++i) ASSERT_TRUE(request.AddRange({2 * i + 1, 2 * i + 1}));
  EXPECT_FALSE(request.AddRange({1000, 1000}));
}

TEST(IexGapFill, WhatIsNoRequestIsRefused) {
  std::vector<uint8_t> valid(Rerequest::kBytesMax);
  Rerequest(kStart.session, 10, 5).Encode(valid);
  ASSERT_TRUE(GapFillRequest::Parse(valid));
  const auto with = [&valid](size_t offset, uint8_t value) {
    std::vector<uint8_t> bytes = valid;
    bytes[offset] = value;
    return GapFillRequest::Parse(bytes).has_value();
  };
  EXPECT_FALSE(with(gapfill::kVersion, 0));
  EXPECT_FALSE(with(gapfill::kRequestType, 7));
  EXPECT_FALSE(with(gapfill::kProtocol, 3));
  EXPECT_FALSE(with(gapfill::kRangeCount, 2));                           // more than follow
  EXPECT_FALSE(with(gapfill::kRangeCount + 3, 0xFF));                    // far more
  EXPECT_FALSE(with(gapfill::kHeaderBytes + gapfill::kRangeFirst, 99));  // ends before it begins
  EXPECT_FALSE(with(gapfill::kHeaderBytes + gapfill::kRangeFirst, 0));   // sequences count from 1
  for (size_t size = 0; size < valid.size(); ++size) {
    EXPECT_FALSE(GapFillRequest::Parse({valid.data(), size}).has_value()) << size;
  }
}

TEST(IexRerequest, NamesOneRangeOfMessages) {
  std::vector<uint8_t> bytes(Rerequest::kBytesMax);
  EXPECT_EQ(Rerequest(kStart.session, 10, 5).Encode(bytes), bytes.size());
  const auto request = Rerequest::Parse(bytes);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->session, kStart.session);
  EXPECT_EQ(request->first_sequence, 10u);
  EXPECT_EQ(request->count, 5u);
}

}  // namespace
}  // namespace feedfarm::iextp
