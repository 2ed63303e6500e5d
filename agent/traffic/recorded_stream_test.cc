#include "agent/traffic/recorded_stream.h"

#include <string>
#include <vector>

#include "agent/traffic/payload_writer.h"
#include "agent/traffic/reference.h"
#include "gtest/gtest.h"
#include "pipeline/base/rng.h"
#include "pipeline/feed/stream_hash.h"
#include "pipeline/iextp/iextp.h"
#include "pipeline/iextp/segment_writer.h"
#include "pipeline/moldudp64/moldudp64.h"
#include "pipeline/moldudp64/packet_writer.h"

namespace feedfarm {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes Copy(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

// The message with this sequence in this session: text, so that a mix-up shows.
Bytes Message(const std::string& session, uint64_t sequence) {
  const std::string text = session + ":" + std::to_string(sequence);
  return {text.begin(), text.end()};
}

Bytes Mold(const std::string& session, uint64_t first, uint32_t count) {
  moldudp64::PacketWriter writer;
  writer.Start(moldudp64::MakeSession(session), first);
  for (uint32_t i = 0; i < count; ++i) writer.Append(Message(session, first + i));
  return Copy(writer.Finish());
}

Bytes Iex(uint64_t time, uint64_t first, uint32_t count, uint64_t offset = 0, uint32_t session = 7) {
  iextp::SegmentWriter writer;
  writer.Start({.session = iextp::MakeSession(1, session),
                .first_sequence = first,
                .stream_offset = offset,
                .send_time_ns = time});
  for (uint32_t i = 0; i < count; ++i) writer.Append(Message("iex", first + i));
  return Copy(writer.Finish());
}

StreamContent Empty(v1::FeedProtocol protocol) {
  StreamContent content;
  content.protocol = protocol;
  content.store = *MessageStore::Create(
      protocol == v1::FEED_PROTOCOL_IEXTP_DEEP10 ? MessageStore::BlockOrder::kLittle : MessageStore::BlockOrder::kBig,
      1 << 22);
  return content;
}

StreamContent Record(v1::FeedProtocol protocol, const std::vector<Bytes>& packets) {
  StreamContent content = Empty(protocol);
  RecordedStream stream(1000, content);
  uint64_t time = 5'000;
  for (const Bytes& packet : packets) EXPECT_TRUE(stream.Add(packet, time += 100, true).ok());
  EXPECT_TRUE(stream.Finish().ok());
  return content;
}

StreamContent RecordMold(const std::vector<Bytes>& packets) {
  return Record(v1::FEED_PROTOCOL_MOLDUDP64_ITCH50, packets);
}
StreamContent RecordIex(const std::vector<Bytes>& packets) { return Record(v1::FEED_PROTOCOL_IEXTP_DEEP10, packets); }

// Whatever was recorded is what will be sent.
void ExpectSentAsRecorded(const StreamContent& content, const std::vector<Bytes>& packets) {
  ASSERT_EQ(content.packets.size(), packets.size());
  for (size_t i = 0; i < packets.size(); ++i) {
    Bytes sent(content.packets[i].bytes);
    WritePayload(content, content.packets[i], sent.data());
    EXPECT_EQ(sent, packets[i]) << "packet " << i;
  }
}

TEST(RecordedStream, KeepsPacketsAndTimes) {
  const std::vector<Bytes> packets = {Mold("S1", 1, 3), Mold("S1", 4, 0), Mold("S1", 4, 2)};
  const StreamContent content = RecordMold(packets);
  ExpectSentAsRecorded(content, packets);
  EXPECT_EQ(content.store->messages(), 5u);
  EXPECT_EQ(content.packets[2].due_ns, 200u);
  EXPECT_EQ(content.packets[1].kind, StreamPacket::Kind::kHeartbeat);
  EXPECT_EQ(content.packets[1].first_index, 3u);
}

TEST(RecordedStream, RetransmissionsAreSentAgainAndCountedOnce) {
  const std::vector<Bytes> packets = {Mold("S1", 1, 4), Mold("S1", 1, 4), Mold("S1", 3, 4), Mold("S1", 2, 1)};
  const StreamContent content = RecordMold(packets);
  ExpectSentAsRecorded(content, packets);
  EXPECT_EQ(content.store->messages(), 6u);
  EXPECT_EQ(content.repeated_messages, 7u);
  EXPECT_EQ(content.session_restarts, 0u);
  EXPECT_EQ(content.packets[2].first_index, 2u);
}

TEST(RecordedStream, LatePacketsArePutInOrder) {
  const std::vector<Bytes> packets = {Mold("S1", 1, 2), Mold("S1", 5, 2), Mold("S1", 3, 2), Mold("S1", 7, 1)};
  const StreamContent content = RecordMold(packets);
  ExpectSentAsRecorded(content, packets);
  EXPECT_EQ(content.store->messages(), 7u);
  EXPECT_EQ(content.missing_messages, 0u);
  EXPECT_EQ(content.packets[1].first_index, 4u);
  EXPECT_EQ(content.packets[2].first_index, 2u);
  EXPECT_EQ(content.store->segments().size(), 1u);
}

TEST(RecordedStream, HolesAreCountedAndAreNoMessages) {
  const StreamContent content = RecordMold({Mold("S1", 10, 2), Mold("S1", 15, 2), Mold("S1", 20, 0)});
  EXPECT_EQ(content.store->messages(), 4u);
  EXPECT_EQ(content.missing_messages, 15u);  // 1 to 9, 12 to 14, 17 to 19
  EXPECT_EQ(content.store->sequence(2), 15u);
}

TEST(RecordedStream, OtherSessionIsANewGenerationAndAnEarlierOneIsStale) {
  const std::vector<Bytes> packets = {Mold("S1", 1, 2), Mold("S2", 1, 2), Mold("S1", 3, 2), Mold("S2", 3, 1)};
  const StreamContent content = RecordMold(packets);
  ExpectSentAsRecorded(content, packets);
  EXPECT_EQ(content.store->messages(), 5u);
  EXPECT_EQ(content.session_changes, 1u);
  EXPECT_EQ(content.packets[2].kind, StreamPacket::Kind::kRaw);
  EXPECT_EQ(content.packets[3].generation, 1u);
}

TEST(RecordedStream, LowerSequenceWithANewerTimeIsARestart) {
  const std::vector<Bytes> packets = {Iex(100, 1, 3),    Iex(110, 4, 2, 21), Iex(110, 1, 3),    Iex(120, 1, 0),
                                      Iex(130, 1, 2, 0), Iex(90, 4, 1, 21),  Iex(140, 3, 1, 14)};
  const StreamContent content = RecordIex(packets);
  ExpectSentAsRecorded(content, packets);
  EXPECT_EQ(content.session_restarts, 1u);  // by the heartbeat; 110 is a repetition, 90 is stale
  EXPECT_EQ(content.store->messages(), 8u);
  EXPECT_EQ(content.packets[3].generation, 1u);
  EXPECT_EQ(content.packets[5].kind, StreamPacket::Kind::kRaw);
  EXPECT_EQ(content.store->generations().size(), 2u);
}

TEST(RecordedStream, ReferenceIsTheHashOfEachMessageOnceInOrder) {
  const StreamContent content =
      RecordMold({Mold("S1", 1, 2), Mold("S1", 5, 2), Mold("S1", 3, 2), Mold("S1", 1, 2), Mold("S2", 9, 1)});
  StreamHash hash;
  for (uint64_t sequence = 1; sequence <= 6; ++sequence) hash.Add(0, sequence, Message("S1", sequence));
  hash.Add(1, 9, Message("S2", 9));
  v1::SourceResult result;
  ASSERT_TRUE(FillReference(content, result).ok());
  EXPECT_EQ(result.reference_hash(), hash.ToString());
  EXPECT_EQ(result.messages(), 7u);
  ASSERT_EQ(result.types_size(), 1);
  EXPECT_EQ(result.types(0).type(), "S");
  EXPECT_EQ(result.types(0).messages(), 7u);
  EXPECT_EQ(result.capture_repeated_messages(), 2u);
  EXPECT_EQ(result.session_changes(), 1u);
}

TEST(RecordedStream, CutPacketIsSentAsItIsAndHoldsNoMessages) {
  Bytes cut = Mold("S1", 3, 2);
  cut.resize(cut.size() - 3);
  StreamContent content = Empty(v1::FEED_PROTOCOL_MOLDUDP64_ITCH50);
  RecordedStream stream(1000, content);
  ASSERT_TRUE(stream.Add(Mold("S1", 1, 2), 1, true).ok());
  ASSERT_TRUE(stream.Add(cut, 2, false).ok());
  ASSERT_TRUE(stream.Add({}, 2, true).ok());
  ASSERT_TRUE(stream.Finish().ok());
  EXPECT_EQ(content.store->messages(), 2u);
  ExpectSentAsRecorded(content, {Mold("S1", 1, 2), cut, {}});
}

TEST(RecordedStream, LimitsAndEmptinessAreErrors) {
  StreamContent content = Empty(v1::FEED_PROTOCOL_MOLDUDP64_ITCH50);
  RecordedStream stream(2, content);
  EXPECT_TRUE(stream.Add(Mold("S1", 1, 0), 1, true).ok());
  EXPECT_TRUE(stream.Add(Mold("S1", 1, 0), 1, true).ok());
  EXPECT_EQ(stream.Add(Mold("S1", 1, 0), 1, true).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(stream.Finish().code(), absl::StatusCode::kInvalidArgument);

  StreamContent small = Empty(v1::FEED_PROTOCOL_MOLDUDP64_ITCH50);
  small.store = *MessageStore::Create(MessageStore::BlockOrder::kBig, 1 << 16);
  RecordedStream full(1 << 20, small);
  absl::Status status;
  for (uint64_t first = 1; status.ok(); first += 30) status = full.Add(Mold("S1", first, 30), 1, true);
  EXPECT_NE(std::string(status.message()).find("do not fit"), std::string::npos) << status;
}

// Any bytes: never a crash, and what is stored can be read.
TEST(RecordedStream, SurvivesAnyPackets) {
  constexpr uint64_t kSeed = 20260801;
  std::cout << "seed " << kSeed << "\n";
  Rng rng(kSeed);
  uint64_t packets = 0;
  while (packets < 200'000) {
    const bool iex = rng.Below(2) == 0;
    StreamContent content = Empty(iex ? v1::FEED_PROTOCOL_IEXTP_DEEP10 : v1::FEED_PROTOCOL_MOLDUDP64_ITCH50);
    RecordedStream stream(1000, content);
    const uint64_t count = 1 + rng.Below(300);
    for (uint64_t n = 0; n < count; ++n, ++packets) {
      const auto messages = static_cast<uint32_t>(rng.Below(6));
      const uint64_t first = 1 + rng.Below(100);
      Bytes packet = iex ? Iex(1 + rng.Below(50), first, messages, rng.Below(1000), static_cast<uint32_t>(rng.Below(3)))
                         : Mold("S" + std::to_string(rng.Below(3)), first, messages);
      const uint64_t mutations = rng.Below(3) == 0 ? 1 + rng.Below(4) : 0;
      for (uint64_t m = 0; m < mutations && !packet.empty(); ++m) {
        packet[rng.Below(packet.size())] = static_cast<uint8_t>(rng.Next());
        if (rng.Below(4) == 0) packet.resize(rng.Below(packet.size() + 1));
      }
      packet.shrink_to_fit();
      ASSERT_TRUE(stream.Add(packet, rng.Below(1000), rng.Below(10) != 0).ok());
    }
    if (!stream.Finish().ok()) continue;
    v1::SourceResult result;
    ASSERT_TRUE(FillReference(content, result).ok());
    ASSERT_EQ(result.messages(), content.store->messages());
    Bytes out(70'000);
    for (const StreamPacket& packet : content.packets) {
      ASSERT_LE(packet.end_index(), content.store->messages());
      WritePayload(content, packet, out.data());
    }
  }
}

}  // namespace
}  // namespace feedfarm
