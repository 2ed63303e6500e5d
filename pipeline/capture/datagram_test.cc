#include "pipeline/capture/datagram.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "pipeline/capture/capture_builder.h"

namespace feedfarm {
namespace {

using Kind = Datagram::Kind;

std::string Text(std::span<const uint8_t> payload) { return {payload.begin(), payload.end()}; }

Datagram FindWhole(const FileBytes& frame) { return FindDatagram(1, frame, frame.size()); }

TEST(FindDatagram, GivesAddressPortAndPayload) {
  const FileBytes frame = MakeFrame("market", {.address = 0xE9362C6F, .port = 26477});
  const Datagram datagram = FindWhole(frame);
  ASSERT_EQ(datagram.kind, Kind::kUdp);
  EXPECT_EQ(datagram.dst_address, 0xE9362C6Fu);
  EXPECT_EQ(datagram.dst_port, 26477);
  EXPECT_EQ(Text(datagram.payload), "market");
  EXPECT_FALSE(datagram.truncated);
}

TEST(FindDatagram, LooksPastTagsOptionsAndPadding) {
  FileBytes frame = MakeFrame("x", {.tags = {0x88A8, 0x8100}, .ip_option_words = 10});
  frame.resize(frame.size() + 17);  // Ethernet's padding
  const Datagram datagram = FindWhole(frame);
  ASSERT_EQ(datagram.kind, Kind::kUdp);
  EXPECT_EQ(Text(datagram.payload), "x");
}

TEST(FindDatagram, AnEmptyPayloadIsADatagram) {
  const FileBytes frame = MakeFrame("");
  EXPECT_EQ(FindWhole(frame).kind, Kind::kUdp);
  EXPECT_TRUE(FindWhole(frame).payload.empty());
}

TEST(FindDatagram, EverythingElseIsForeign) {
  EXPECT_EQ(FindWhole(MakeFrame("x", {.protocol = 6})).kind, Kind::kForeign);
  EXPECT_EQ(FindWhole(MakeFrame("x", {.ethertype = 0x86DD})).kind, Kind::kForeign);
  EXPECT_EQ(FindWhole(MakeFrame("x", {.ethertype = 0x0026})).kind, Kind::kForeign);  // 802.3
  EXPECT_EQ(FindWhole(MakeFrame("x", {.fragment = 0x2000})).kind, Kind::kForeign);   // first fragment
  EXPECT_EQ(FindWhole(MakeFrame("x", {.fragment = 0x0010})).kind, Kind::kForeign);   // a later one
  EXPECT_EQ(FindWhole(MakeFrame("x", {.fragment = 0x4000})).kind, Kind::kUdp);       // do not fragment
  EXPECT_EQ(FindWhole(MakeFrame("x", {.udp_length_change = 1})).kind, Kind::kForeign);
  EXPECT_EQ(FindWhole(MakeFrame("x", {.udp_length_change = -2})).kind, Kind::kForeign);
  EXPECT_EQ(FindWhole({}).kind, Kind::kForeign);
}

TEST(FindDatagram, ShorterThanTheWireIsTruncatedOnceItsUdpHeaderIsWhole) {
  const FileBytes whole = MakeFrame("market", {.tags = {0x8100}});
  const size_t headers = whole.size() - 6;
  for (size_t size = 0; size < whole.size(); ++size) {
    const FileBytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    const Datagram datagram = FindDatagram(1, cut, whole.size());
    EXPECT_EQ(datagram.kind, size < headers ? Kind::kTruncated : Kind::kUdp) << size;
    if (datagram.kind != Kind::kUdp) continue;
    EXPECT_TRUE(datagram.truncated);
    EXPECT_EQ(datagram.payload.size(), size - headers);
    EXPECT_EQ(FindWhole(cut).kind, Kind::kForeign) << "captured whole, yet too short for its own headers";
  }
}

TEST(FindDatagram, ReadsOtherLinkLayers) {
  const FileBytes ethernet = MakeFrame("cooked");
  const FileBytes ip(ethernet.begin() + 14, ethernet.end());
  EXPECT_EQ(Text(FindDatagram(101, ip, ip.size()).payload), "cooked");
  EXPECT_EQ(Text(FindDatagram(228, ip, ip.size()).payload), "cooked");
  FileBytes cooked(16, 0);
  cooked[14] = 0x08;
  cooked.insert(cooked.end(), ip.begin(), ip.end());
  EXPECT_EQ(Text(FindDatagram(113, cooked, cooked.size()).payload), "cooked");
  FileBytes cooked2(20, 0);
  cooked2[0] = 0x08;
  cooked2.insert(cooked2.end(), ip.begin(), ip.end());
  EXPECT_EQ(Text(FindDatagram(276, cooked2, cooked2.size()).payload), "cooked");
  EXPECT_EQ(FindDatagram(105, ip, ip.size()).kind, Kind::kForeign);
  EXPECT_FALSE(IsReadLinkType(105));
}

}  // namespace
}  // namespace feedfarm
