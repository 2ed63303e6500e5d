// The real captures of FEEDFARM_DATA, counted. Skipped where the folder is not there.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/capture/capture_reader.h"
#include "pipeline/capture/feed_detector.h"
#include "pipeline/deep/decode.h"
#include "pipeline/iextp/iextp.h"
#include "pipeline/itch/decode.h"
#include "pipeline/moldudp64/moldudp64.h"

namespace feedfarm {
namespace {

using Types = std::map<char, uint64_t>;

class RealData : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("FEEDFARM_DATA");
    if (folder == nullptr || !std::filesystem::is_directory(folder)) {
      GTEST_SKIP() << "FEEDFARM_DATA names no folder with the real captures";
    }
    folder_ = folder;
  }

  std::unique_ptr<CaptureReader> Open(const std::string& name) {
    auto reader = CaptureReader::Open(folder_ + "/" + name);
    EXPECT_TRUE(reader.ok()) << reader.status();
    return reader.ok() ? *std::move(reader) : nullptr;
  }

  DetectedFeed Detect(const std::string& name) {
    auto feed = DetectFeed(*Open(name));
    EXPECT_TRUE(feed.ok()) << feed.status();
    return feed.ok() ? *feed : DetectedFeed{};
  }

  std::string folder_;
  std::unique_ptr<BlockIndex> blocks_ = std::make_unique<BlockIndex>();
};

// Every message is decoded and must give its own bytes when written again.
struct Counted {
  Types types;
  uint64_t malformed = 0;

  template <class Decode>
  void Add(std::span<const uint8_t> message, Decode decode) {
    bool same = false;
    const bool taken = decode(message, [&same, message](const auto& any) {
      std::vector<uint8_t> again(message.size());
      any.Encode(again.data());
      same = std::equal(again.begin(), again.end(), message.begin());
    });
    taken&& same ? ++types[static_cast<char>(message[0])] : ++malformed;
  }
};

constexpr auto kDecodeItch = [](std::span<const uint8_t> message, auto visitor) {
  return itch::Decode(message, visitor);
};
constexpr auto kDecodeDeep = [](std::span<const uint8_t> message, auto visitor) {
  return deep::Decode(message, visitor);
};

TEST_F(RealData, IexCapture) {
  const auto reader = Open("iex-deep10-20170425.pcap.gz");
  ASSERT_NE(reader, nullptr);
  Counted counted;
  uint64_t whole = 0, cut = 0, heartbeats = 0, restarts = 0, gaps = 0, odd = 0, next_sequence = 0, send_time = 0;
  std::vector<uint64_t> restart_packets;
  while (true) {
    const auto record = reader->Next();
    ASSERT_TRUE(record.ok()) << record.status();
    if (!record->has_value()) break;
    EXPECT_EQ((*record)->dst_address, 0xE002030Au);
    EXPECT_EQ((*record)->dst_port, 16648);
    const auto payload = (*record)->payload;
    const PacketHeader header = iextp::IexTp::ParseHeader(payload);
    if ((*record)->truncated) {
      EXPECT_EQ(header.kind, PacketKind::kMalformed);
      ++cut;
      continue;
    }
    if (header.kind == PacketKind::kMalformed || !iextp::IexTp::IndexBlocks(payload, header, *blocks_)) ++odd;
    if (header.kind == PacketKind::kHeartbeat) ++heartbeats;
    if (header.first_sequence < next_sequence) {
      ++restarts;
      restart_packets.push_back(whole);
      EXPECT_EQ(header.first_sequence, 1u);
    }
    if (next_sequence != 0 && header.first_sequence > next_sequence) ++gaps;
    EXPECT_GE(header.send_time_ns, send_time);
    send_time = header.send_time_ns;
    next_sequence = header.first_sequence + header.count;
    for (uint32_t i = 0; i < header.count; ++i) {
      counted.Add(payload.subspan((*blocks_)[i].offset, (*blocks_)[i].length), kDecodeDeep);
    }
    ++whole;
  }
  EXPECT_EQ(whole, 121'314u);
  EXPECT_EQ(cut, 1u);
  EXPECT_EQ(odd, 0u);
  EXPECT_EQ(gaps, 0u);
  EXPECT_EQ(heartbeats, 7'937u);
  EXPECT_EQ(restarts, 11u);
  ASSERT_FALSE(restart_packets.empty());
  EXPECT_EQ(restart_packets.front(), 5'244u);
  EXPECT_EQ(counted.malformed, 0u);
  EXPECT_EQ(counted.types, (Types{{'H', 93'638},
                                  {'O', 93'638},
                                  {'P', 93'636},
                                  {'T', 83'343},
                                  {'5', 14'627},
                                  {'8', 12'941},
                                  {'B', 73},
                                  {'E', 59},
                                  {'S', 44}}));
  EXPECT_EQ(reader->counters().records, 121'315u);
  EXPECT_EQ(reader->counters().truncated_records, 1u);
  EXPECT_EQ(reader->counters().foreign_records, 0u);
  EXPECT_TRUE(reader->counters().cut_short);

  const DetectedFeed feed = Detect("iex-deep10-20170425.pcap.gz");
  EXPECT_EQ(feed.protocol, FeedProtocol::kIexTpDeep10);
  EXPECT_EQ(EndpointText(feed.group, feed.port), "224.2.3.10:16648");
  EXPECT_EQ(feed.other_records, 0u);
}

TEST_F(RealData, EsDayFile) {
  const auto reader = Open("es-20231225.itch.gz");
  ASSERT_NE(reader, nullptr);
  EXPECT_EQ(reader->format(), CaptureFormat::kItchDayFile);
  Counted counted;
  while (true) {
    const auto record = reader->Next();
    ASSERT_TRUE(record.ok()) << record.status();
    if (!record->has_value()) break;
    counted.Add((*record)->payload, kDecodeItch);
  }
  EXPECT_EQ(reader->counters().datagrams, 62'297u);
  EXPECT_FALSE(reader->counters().cut_short);
  EXPECT_EQ(counted.malformed, 0u);
  EXPECT_EQ(
      counted.types,
      (Types{
          {'A', 29'216}, {'D', 12'665}, {'U', 9'904}, {'E', 6'174}, {'P', 2'973}, {'X', 1'362}, {'S', 2}, {'R', 1}}));
}

TEST_F(RealData, NasdaqPcaps) {
  uint64_t files = 0, packets = 0, malformed = 0;
  Counted counted;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ + "/nasdaq")) {
    if (entry.path().extension() != ".pcap") continue;
    ++files;
    const std::string name = std::filesystem::relative(entry.path(), folder_).string();
    EXPECT_EQ(Detect(name).protocol, FeedProtocol::kMoldUdp64Itch50) << name;
    const auto reader = Open(name);
    while (true) {
      const auto record = reader->Next();
      ASSERT_TRUE(record.ok()) << record.status();
      if (!record->has_value()) break;
      ++packets;
      const auto payload = (*record)->payload;
      const PacketHeader header = moldudp64::MoldUdp64::ParseHeader(payload);
      if (header.kind != PacketKind::kData || !moldudp64::MoldUdp64::IndexBlocks(payload, header, *blocks_)) {
        ++malformed;
        continue;
      }
      for (uint32_t i = 0; i < header.count; ++i) {
        counted.Add(payload.subspan((*blocks_)[i].offset, (*blocks_)[i].length), kDecodeItch);
      }
    }
    EXPECT_EQ(reader->counters().foreign_records + reader->counters().truncated_records, 0u) << name;
  }
  EXPECT_EQ(files, 37u);
  EXPECT_EQ(packets, 134u);
  EXPECT_EQ(malformed, 0u);
  EXPECT_EQ(counted.malformed, 0u);
}

TEST_F(RealData, NasdaqMultiplePackets) {
  const auto reader = Open("nasdaq/Nasdaq.Equities.TotalView.Itch.v5.0/Multiple.Packets.pcap");
  ASSERT_NE(reader, nullptr);
  const auto first = reader->Next();
  ASSERT_TRUE(first.ok() && first->has_value());
  PacketHeader header = moldudp64::MoldUdp64::ParseHeader((*first)->payload);
  EXPECT_EQ(header.session, moldudp64::MakeSession("000010059B"));
  EXPECT_EQ(header.first_sequence, 14'764'496u);
  EXPECT_EQ(header.count, 1u);
  const auto second = reader->Next();
  ASSERT_TRUE(second.ok() && second->has_value());
  header = moldudp64::MoldUdp64::ParseHeader((*second)->payload);
  EXPECT_EQ(header.first_sequence, 19'009'117u);
  EXPECT_EQ(header.count, 38u);
  EXPECT_EQ((*second)->payload.size(), 1'472u);
  EXPECT_FALSE(reader->Next()->has_value());
}

}  // namespace
}  // namespace feedfarm
