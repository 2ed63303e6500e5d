#include "agent/traffic/capture_content.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "agent/traffic/line_plan.h"
#include "agent/traffic/payload_writer.h"
#include "agent/traffic/reference.h"
#include "gtest/gtest.h"
#include "pipeline/capture/capture_reader.h"
#include "pipeline/feed/stream_hash.h"
#include "pipeline/iextp/iextp.h"

namespace feedfarm {
namespace {

constexpr uint64_t kStoreBytes = uint64_t{1} << 30;
constexpr uint64_t kPackets = 1 << 20;

// Empty where the recordings are not there.
std::string DataFile(const std::string& name) {
  const char* folder = std::getenv("FEEDFARM_DATA");
  const std::string path = std::string(folder == nullptr ? "../shared/data" : folder) + "/" + name;
  return std::filesystem::exists(path) ? path : "";
}

#define SKIP_WITHOUT(path) \
  if ((path).empty()) GTEST_SKIP() << "FEEDFARM_DATA does not hold the recording"

v1::Scenario Replay(const std::string& path) {
  v1::Scenario scenario;
  scenario.mutable_traffic()->mutable_capture()->set_path(path);
  scenario.mutable_traffic()->mutable_capture()->set_messages_per_packet(10);
  scenario.mutable_traffic()->set_rate_pps(20'000);
  return scenario;
}

std::string TemporaryFile(const std::string& name, const std::string& bytes) {
  const std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::map<std::string, uint64_t> Types(const v1::SourceResult& result) {
  std::map<std::string, uint64_t> types;
  for (const v1::TypeCount& count : result.types()) types[count.type()] = count.messages();
  return types;
}

// The reference, from the capture alone: a restart is a packet that is below what was expected.
struct DirectPass {
  StreamHash hash;
  uint64_t messages = 0;
  uint32_t generation = 0;
};

DirectPass PassOver(const std::string& path) {
  DirectPass pass;
  auto reader = *CaptureReader::Open(path);
  uint64_t expected = 0;
  static BlockIndex blocks;
  while (true) {
    auto record = reader->Next();
    if (!record.ok() || !record->has_value()) return pass;
    const auto payload = (*record)->payload;
    const PacketHeader header = iextp::IexTp::ParseHeader(payload);
    if (header.kind == PacketKind::kMalformed || !iextp::IexTp::IndexBlocks(payload, header, blocks)) continue;
    if (header.first_sequence < expected) ++pass.generation;
    for (uint32_t i = 0; i < header.count; ++i, ++pass.messages) {
      pass.hash.Add(pass.generation, header.first_sequence + i, payload.subspan(blocks[i].offset, blocks[i].length));
    }
    expected = header.first_sequence + header.count;
  }
}

TEST(CaptureContent, RealIexCaptureIsWhole) {
  const std::string path = DataFile("iex-deep10-20170425.pcap.gz");
  SKIP_WITHOUT(path);
  v1::Scenario scenario = Replay(path);
  absl::StatusOr<StreamContent> content = LoadCapture(scenario.traffic(), kStoreBytes, kPackets);
  ASSERT_TRUE(content.ok()) << content.status();
  v1::SourceResult result;
  ASSERT_TRUE(FillReference(*content, result).ok());
  const DirectPass direct = PassOver(path);
  EXPECT_EQ(result.messages(), 391'999u);
  EXPECT_EQ(direct.messages, 391'999u);
  EXPECT_EQ(result.reference_hash(), direct.hash.ToString());
  EXPECT_EQ(result.session_restarts(), 11u);
  EXPECT_EQ(direct.generation, 11u);
  EXPECT_EQ(result.capture_missing_messages(), 0u);
  EXPECT_EQ(result.capture_repeated_messages(), 0u);
  EXPECT_EQ(result.truncated_records(), 1u);
  const auto types = Types(result);
  EXPECT_EQ(types.at("H"), 93'638u);
  EXPECT_EQ(types.at("O"), 93'638u);
  EXPECT_EQ(types.at("T"), 83'343u);
  EXPECT_EQ(types.at("8"), 12'941u);
  ASSERT_EQ(content->packets.size(), 121'315u);
  EXPECT_EQ(content->packets.back().kind, StreamPacket::Kind::kRaw);
}

TEST(CaptureContent, RealIexCaptureIsSentByteForByteAsRecorded) {
  const std::string path = DataFile("iex-deep10-20170425.pcap.gz");
  SKIP_WITHOUT(path);
  absl::StatusOr<StreamContent> content = LoadCapture(Replay(path).traffic(), kStoreBytes, kPackets);
  ASSERT_TRUE(content.ok()) << content.status();
  auto reader = *CaptureReader::Open(path);
  std::vector<uint8_t> sent(2048);
  uint64_t different = 0;
  for (const StreamPacket& packet : content->packets) {
    auto record = reader->Next();
    ASSERT_TRUE(record.ok() && record->has_value());
    WritePayload(*content, packet, sent.data());
    const auto payload = (*record)->payload;
    if (payload.size() != packet.bytes || !std::equal(payload.begin(), payload.end(), sent.begin())) ++different;
  }
  EXPECT_EQ(different, 0u);
}

TEST(CaptureContent, RealIexCaptureRepackedCarriesEveryMessage) {
  const std::string path = DataFile("iex-deep10-20170425.pcap.gz");
  SKIP_WITHOUT(path);
  v1::Scenario scenario = Replay(path);
  scenario.mutable_traffic()->set_repack_b(true);
  v1::Fault* fault = scenario.add_faults();
  fault->set_at_ns(3'000'000'000);
  fault->mutable_gap()->set_messages(1000);
  fault->mutable_gap()->set_lines(v1::LINE_BOTH);
  absl::StatusOr<StreamContent> content = LoadCapture(scenario.traffic(), kStoreBytes, kPackets);
  ASSERT_TRUE(content.ok()) << content.status();
  absl::StatusOr<LinePlan> plan = PlanLines(scenario, 1, kPackets, *content);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->gap_messages, 1000u);
  for (const auto& line : plan->lines) {
    uint64_t messages = 0, last = 0;
    for (const StreamPacket& packet : line) {
      messages += packet.count;
      if (packet.kind == StreamPacket::Kind::kData) {
        EXPECT_GE(packet.first_index, last);
        last = packet.end_index();
      }
    }
    EXPECT_EQ(messages, 390'999u);
  }
}

TEST(CaptureContent, RealDayFileIsPacked) {
  const std::string path = DataFile("es-20231225.itch.gz");
  SKIP_WITHOUT(path);
  absl::StatusOr<StreamContent> content = LoadCapture(Replay(path).traffic(), kStoreBytes, kPackets);
  ASSERT_TRUE(content.ok()) << content.status();
  v1::SourceResult result;
  ASSERT_TRUE(FillReference(*content, result).ok());
  EXPECT_EQ(result.messages(), 62'297u);
  EXPECT_EQ(
      Types(result),
      (std::map<std::string, uint64_t>{
          {"A", 29'216}, {"D", 12'665}, {"U", 9'904}, {"E", 6'174}, {"P", 2'973}, {"X", 1'362}, {"S", 2}, {"R", 1}}));
  EXPECT_EQ(content->packets.size(), 6'230u);
}

TEST(CaptureContent, LimitTakesFewer) {
  const std::string path = DataFile("es-20231225.itch.gz");
  SKIP_WITHOUT(path);
  v1::Scenario scenario = Replay(path);
  scenario.mutable_traffic()->mutable_capture()->set_limit(1234);
  absl::StatusOr<StreamContent> content = LoadCapture(scenario.traffic(), kStoreBytes, kPackets);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->store->messages(), 1234u);
}

TEST(CaptureContent, RealMoldCaptureHasTwoPacketsFarApart) {
  const std::string path = DataFile("nasdaq/Nasdaq.Equities.TotalView.Itch.v5.0/Multiple.Packets.pcap");
  SKIP_WITHOUT(path);
  v1::Scenario scenario = Replay(path);
  const absl::Status refused = LoadCapture(scenario.traffic(), kStoreBytes, kPackets).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(refused.message()).find("19009115 sequence numbers are in none of its packets"), std::string::npos)
      << refused;
  scenario.mutable_traffic()->mutable_capture()->set_known_holes(true);
  absl::StatusOr<StreamContent> content = LoadCapture(scenario.traffic(), kStoreBytes, kPackets);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->store->messages(), 39u);
  // All but 39 up to the last.
  EXPECT_EQ(content->missing_messages, 19'009'117u + 37u - 39u);
}

TEST(CaptureContent, UnusableInputIsNamed) {
  const std::string text = TemporaryFile("notes.txt", "these are words, no packets at all, and quite a few of them\n");
  const std::string real = DataFile("iex-deep10-20170425.pcap.gz");
  v1::Scenario scenario = Replay("/nowhere/at.pcap");
  const absl::Status missing = LoadCapture(scenario.traffic(), kStoreBytes, kPackets).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(std::string(missing.message()).find("/nowhere/at.pcap"), std::string::npos) << missing;

  const absl::Status words = LoadCapture(Replay(text).traffic(), kStoreBytes, kPackets).status();
  EXPECT_EQ(words.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(words.message()).find(text), std::string::npos) << words;

  SKIP_WITHOUT(real);
  v1::Scenario wrong = Replay(real);
  wrong.mutable_traffic()->set_protocol(v1::FEED_PROTOCOL_MOLDUDP64_ITCH50);
  const absl::Status protocol = LoadCapture(wrong.traffic(), kStoreBytes, kPackets).status();
  EXPECT_EQ(protocol.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(protocol.message()).find("carries iextp-deep10"), std::string::npos) << protocol;

  const absl::Status small = LoadCapture(Replay(real).traffic(), 1 << 20, kPackets).status();
  EXPECT_EQ(small.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(small.message()).find("do not fit"), std::string::npos) << small;
}

}  // namespace
}  // namespace feedfarm
