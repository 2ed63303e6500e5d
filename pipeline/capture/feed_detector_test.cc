#include "pipeline/capture/feed_detector.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/capture/byte_stream.h"
#include "pipeline/capture/capture_builder.h"
#include "pipeline/capture/open_capture.h"
#include "pipeline/iextp/iextp.h"
#include "pipeline/iextp/segment_writer.h"
#include "pipeline/moldudp64/packet_writer.h"

namespace feedfarm {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr uint32_t kGroup = 0xE9362C6F;  // 233.54.44.111
constexpr uint16_t kPort = 26477;

FileBytes Copy(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

FileBytes MoldPacket(char type, size_t length) {
  moldudp64::PacketWriter writer;
  writer.Start(moldudp64::MakeSession("S"), 1);
  writer.Append(FileBytes(length, static_cast<uint8_t>(type)));
  return Copy(writer.Finish());
}

FileBytes IexSegment(bool heartbeat = false) {
  iextp::SegmentWriter writer;
  writer.Start({.session = iextp::MakeSession(1, 2)});
  if (!heartbeat) writer.Append(FileBytes(30, '8'));
  return Copy(writer.Finish());
}

CaptureRecord RecordOf(const FileBytes& payload, uint32_t group = kGroup, uint16_t port = kPort) {
  return {.dst_address = group, .dst_port = port, .payload = payload};
}

TEST(FeedDetector, KnowsBothProtocols) {
  const FileBytes mold = MoldPacket('A', 36), iex = IexSegment(), heartbeat = IexSegment(true);
  FeedDetector itch, deep, quiet;
  itch.Add(RecordOf(mold));
  deep.Add(RecordOf(iex));
  quiet.Add(RecordOf(heartbeat));
  ASSERT_TRUE(itch.Decide().ok());
  EXPECT_EQ(itch.Decide()->protocol, FeedProtocol::kMoldUdp64Itch50);
  EXPECT_EQ(itch.Decide()->group, kGroup);
  EXPECT_EQ(itch.Decide()->port, kPort);
  EXPECT_EQ(deep.Decide()->protocol, FeedProtocol::kIexTpDeep10);
  EXPECT_EQ(quiet.Decide()->protocol, FeedProtocol::kIexTpDeep10);
  EXPECT_EQ(FeedProtocolName(itch.Decide()->protocol), "moldudp64-itch50");
  EXPECT_EQ(FeedProtocolName(deep.Decide()->protocol), "iextp-deep10");
}

TEST(FeedDetector, TheBusiestFeedIsTheFeedAndTheRestIsForeign) {
  const FileBytes mold = MoldPacket('D', 19), dns(60, 'x');
  FeedDetector detector;
  for (int i = 0; i < 100; ++i) detector.Add(RecordOf(dns, 0x08080808, 53));
  for (int i = 0; i < 10; ++i) detector.Add(RecordOf(mold));
  for (int i = 0; i < 9; ++i) detector.Add(RecordOf(mold, kGroup + 1));
  const auto feed = detector.Decide();
  ASSERT_TRUE(feed.ok());
  EXPECT_EQ(feed->group, kGroup);
  EXPECT_EQ(feed->feed_records, 10u);
  EXPECT_EQ(feed->other_records, 109u);
}

TEST(FeedDetector, WhatOnlyLooksLikeAFeedIsNone) {
  FileBytes zeros(20, 0);                 // a MoldUDP64 heartbeat, or nothing at all
  FileBytes other = MoldPacket('A', 35);  // a known type of the wrong length
  FileBytes padded = MoldPacket('A', 36);
  padded.push_back(0);
  FeedDetector detector;
  for (const FileBytes* payload : {&zeros, &other, &padded}) detector.Add(RecordOf(*payload));
  EXPECT_FALSE(detector.Decide().ok());
}

TEST(FeedDetector, SaysWhatItSawInstead) {
  const FileBytes dns(60, 0x78), ntp(48, 0x23);
  FeedDetector detector;
  for (int i = 0; i < 5; ++i) detector.Add(RecordOf(dns, 0x08080808, 53));
  detector.Add(RecordOf(ntp, 0x0A000001, 123));
  const absl::Status status = detector.Decide().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("no market data"), HasSubstr("in 6 datagrams"),
                    HasSubstr("8.8.8.8:53 x 5 (first 60 bytes: 78 78 78 78 78 78 78 78)"),
                    HasSubstr("10.0.0.1:123 x 1 (first 48 bytes: 23")));
}

TEST(DetectFeed, NamesTheFormatAndTheForeignRecords) {
  PcapBuilder file;
  file.Add(MakeFrame("hello"));
  file.Add(MakeFrame("tcp", {.protocol = 6}));
  auto reader = OpenCapture(ByteStream::FromMemory("x", file.bytes()));
  ASSERT_TRUE(reader.ok());
  const absl::Status status = DetectFeed(**reader).status();
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("pcap: no market data"), HasSubstr("1 records are not UDP over IPv4")));
}

TEST(DetectFeed, ADayFileIsItchWithoutAGroup) {
  auto reader = OpenCapture(ByteStream::FromMemory("x", MakeDayFile({FileBytes(12, 'S')})));
  ASSERT_TRUE(reader.ok());
  const auto feed = DetectFeed(**reader);
  ASSERT_TRUE(feed.ok());
  EXPECT_EQ(feed->protocol, FeedProtocol::kMoldUdp64Itch50);
  EXPECT_EQ(feed->port, 0);
}

}  // namespace
}  // namespace feedfarm
