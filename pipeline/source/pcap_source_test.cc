#include "pipeline/source/pcap_source.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/allocation_guard.h"
#include "pipeline/capture/capture_builder.h"

namespace feedfarm {
namespace {

constexpr PcapSource::Endpoint kA{0xE0000001, 1001};
constexpr PcapSource::Endpoint kB{0xE0000002, 1002};

class PcapSourceTest : public testing::Test {
 protected:
  void TearDown() override { std::remove(path_.c_str()); }

  std::unique_ptr<PcapSource> Open(const FileBytes& bytes, PcapSource::Options options = {}) {
    std::ofstream(path_, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    options.path = path_;
    auto source = PcapSource::Create(options);
    EXPECT_TRUE(source.ok()) << source.status();
    return source.ok() ? *std::move(source) : nullptr;
  }

  static FileBytes FrameTo(const PcapSource::Endpoint& endpoint, std::string_view payload) {
    return MakeFrame(payload, {.address = endpoint.group, .port = endpoint.port});
  }

  const std::string path_ = testing::TempDir() + "/pcap_source_test.pcap";
};

std::string Text(const Packet& packet) { return {packet.payload, packet.payload + packet.size}; }

TEST_F(PcapSourceTest, GivesEachLineItsPacketsAndPassesOverTheRest) {
  PcapBuilder file;
  file.Add(FrameTo(kA, "one"));
  file.Add(FrameTo({0x08080808, 53}, "other"));
  file.Add(FrameTo(kB, "three"));
  file.Add(MakeFrame("tcp", {.protocol = 6}));
  const auto source = Open(file.bytes(), {.line_a = kA, .line_b = kB});
  std::array<Packet, 8> packets;
  ASSERT_EQ(source->Receive(packets), 2u);
  EXPECT_EQ(Text(packets[0]), "one");
  EXPECT_EQ(packets[0].line, LineId::kA);
  EXPECT_EQ(Text(packets[1]), "three");
  EXPECT_EQ(packets[1].line, LineId::kB);
  EXPECT_EQ(packets[1].timestamp_class, TimestampClass::kNone);
  EXPECT_EQ(packets[1].receive_tai_ns, 0u);
  source->Release(std::span(packets).first(2));
  EXPECT_EQ(source->Receive(packets), 0u);
  EXPECT_TRUE(source->exhausted());
  EXPECT_TRUE(source->status().ok());
  const SourceCounters counters = source->Counters();
  EXPECT_EQ(counters.packets[0], 1u);
  EXPECT_EQ(counters.bytes[1], 5u);
  EXPECT_EQ(counters.invalid, 1u);
  EXPECT_EQ(counters.pool_available, counters.pool_frames);
}

TEST_F(PcapSourceTest, WithoutEndpointsEveryPacketIsLineAs) {
  PcapBuilder file;
  file.Add(FrameTo(kA, "one"));
  file.Add(FrameTo(kB, "two"));
  const auto source = Open(file.bytes());
  std::array<Packet, 8> packets;
  ASSERT_EQ(source->Receive(packets), 2u);
  EXPECT_EQ(packets[1].line, LineId::kA);
}

TEST_F(PcapSourceTest, PacketsStayWhileTheyAreOutAndNoneIsLostWhenAllFramesAre) {
  PcapBuilder file;
  for (int i = 0; i < 5; ++i) file.Add(FrameTo(kA, std::to_string(i)));
  const auto source = Open(file.bytes(), {.frames = 2});
  std::array<Packet, 8> packets, more;
  ASSERT_EQ(source->Receive(packets), 2u);
  EXPECT_EQ(source->Receive(more), 0u);
  EXPECT_FALSE(source->exhausted());
  EXPECT_EQ(source->Counters().pool_misses, 2u);
  EXPECT_EQ(source->Counters().pool_available, 0u);
  source->Release(std::span(packets).subspan(1, 1));
  ASSERT_EQ(source->Receive(more), 1u);
  EXPECT_EQ(Text(more[0]), "2");
  EXPECT_EQ(Text(packets[0]), "0");
}

TEST_F(PcapSourceTest, GivesNoMoreThanABatch) {
  PcapBuilder file;
  for (int i = 0; i < 100; ++i) file.Add(FrameTo(kA, "x"));
  const auto source = Open(file.bytes());
  std::vector<Packet> packets(200);
  EXPECT_EQ(source->Receive(packets), kBatchMax);
  EXPECT_EQ(source->Receive(packets), 100 - kBatchMax);
}

TEST_F(PcapSourceTest, ReceivesWithoutAllocatingOnceItsBufferIsThere) {
  PcapBuilder file;
  for (int i = 0; i < 100; ++i) file.Add(FrameTo(kA, "x"));
  const auto source = Open(file.bytes());
  std::array<Packet, kBatchMax> packets;
  AllocationGuard guard;
  const size_t count = source->Receive(packets);
  source->Release(std::span(packets).first(count));
  source->Receive(packets);
  EXPECT_EQ(guard.allocations(), 0u);
}

TEST_F(PcapSourceTest, DamageEndsTheFileAndIsKept) {
  PcapBuilder file;
  file.Add(FrameTo(kA, "one"));
  FileBytes bytes = file.bytes();
  bytes.insert(bytes.end(), 16, 0xFF);
  const auto source = Open(bytes);
  std::array<Packet, 8> packets;
  EXPECT_EQ(source->Receive(packets), 1u);
  EXPECT_TRUE(source->exhausted());
  EXPECT_EQ(source->status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(PcapSourceTest, ADayFileIsRefused) {
  const FileBytes bytes = MakeDayFile({FileBytes(12, 'S')});
  std::ofstream(path_, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  EXPECT_EQ(PcapSource::Create({.path = path_}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(PcapSourceTest, ReleasingTwiceIsOurOwnBug) {
  PcapBuilder file;
  file.Add(FrameTo(kA, "one"));
  const auto source = Open(file.bytes());
  std::array<Packet, 1> packets;
  ASSERT_EQ(source->Receive(packets), 1u);
  source->Release(packets);
  EXPECT_DEATH(source->Release(packets), "twice");
}

}  // namespace
}  // namespace feedfarm
