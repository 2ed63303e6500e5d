#include "pipeline/source/udp_frame.h"

#include <functional>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/source/send_trailer.h"
#include "pipeline/source/testing/frame_builder.h"

namespace feedfarm {
namespace {

using testing::BuildFrame;
using testing::FrameSpec;

struct FrameCase {
  const char* name;
  std::function<void(FrameSpec&)> change;
  bool whole;
};

TEST(UdpFrame, AcceptsWhatTheFilterAccepts) {
  const std::vector<FrameCase> cases = {
      {"plain", [](FrameSpec&) {}, true},
      {"empty", [](FrameSpec& f) { f.payload.clear(); }, true},
      {"one tag", [](FrameSpec& f) { f.vlan_protocols = {0x8100}; }, true},
      {"two tags",
       [](FrameSpec& f) {
         f.vlan_protocols = {0x88A8, 0x8100};
       },
       true},
      {"three tags",
       [](FrameSpec& f) {
         f.vlan_protocols = {0x8100, 0x8100, 0x8100};
       },
       false},
      {"options", [](FrameSpec& f) { f.option_words = 10; }, true},
      {"do not fragment", [](FrameSpec& f) { f.fragment_bits = 0x4000; }, true},
      {"first fragment", [](FrameSpec& f) { f.fragment_bits = 0x2000; }, false},
      {"later fragment", [](FrameSpec& f) { f.fragment_bits = 1; }, false},
      {"IPv6", [](FrameSpec& f) { f.ethernet_type = 0x86DD; }, false},
      {"TCP", [](FrameSpec& f) { f.ip_protocol = 6; }, false},
      {"version 6", [](FrameSpec& f) { f.ip_version = 6; }, false},
      {"IP too long", [](FrameSpec& f) { f.ip_total_delta = 1; }, false},
      {"IP too short", [](FrameSpec& f) { f.ip_total_delta = -1; }, false},
      {"UDP too long", [](FrameSpec& f) { f.udp_length_delta = 1; }, false},
      {"UDP without a header", [](FrameSpec& f) { f.udp_length_delta = -5; }, false},
  };
  for (const FrameCase& test : cases) {
    SCOPED_TRACE(test.name);
    FrameSpec spec;
    spec.payload = {1, 2, 3, 4};
    test.change(spec);
    const std::vector<uint8_t> frame = BuildFrame(spec);
    const auto parsed = ParseUdpFrame(frame);
    ASSERT_EQ(parsed.has_value(), test.whole);
    if (!test.whole) continue;
    EXPECT_EQ(parsed->destination, spec.destination);
    EXPECT_EQ(parsed->port, spec.port);
    EXPECT_EQ(std::vector<uint8_t>(parsed->payload.begin(), parsed->payload.end()), spec.payload);
  }
}

TEST(UdpFrame, GivesTheBytesBehindThePacket) {
  FrameSpec spec;
  spec.payload = {9};
  spec.intended_tai_ns = 77;
  const std::vector<uint8_t> with_trailer = BuildFrame(spec);
  EXPECT_EQ(LoadSendTrailer(ParseUdpFrame(with_trailer)->behind), 77u);
  spec.intended_tai_ns = 0;
  std::vector<uint8_t> padded = BuildFrame(spec);
  padded.resize(60);  // Ethernet's shortest frame
  const auto parsed = ParseUdpFrame(padded);
  EXPECT_EQ(parsed->payload.size(), 1u);
  EXPECT_EQ(LoadSendTrailer(parsed->behind), 0u);
}

TEST(UdpFrame, RefusesEveryFrameThatIsCutShort) {
  FrameSpec spec;
  spec.payload = {1, 2, 3};
  spec.vlan_protocols = {0x8100};
  const std::vector<uint8_t> frame = BuildFrame(spec);
  for (size_t size = 0; size < frame.size(); ++size) {
    EXPECT_FALSE(ParseUdpFrame(std::span(frame).first(size)).has_value()) << size;
  }
}

}  // namespace
}  // namespace feedfarm
