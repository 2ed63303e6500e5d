// The filter runs in the kernel: a datagram socket pair takes it as a packet socket would, and needs no root.
#include "pipeline/source/udp_filter.h"

#include <sys/socket.h>

#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/source/testing/frame_builder.h"
#include "pipeline/source/udp_frame.h"

namespace feedfarm {
namespace {

using testing::BuildFrame;
using testing::FrameSpec;

constexpr uint32_t kGroupA = 0xEF0A0001, kGroupB = 0xEF0A0002;

class UdpFilterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    in_ = ScopedFd(pair[0]);
    out_ = ScopedFd(pair[1]);
    std::array<LineEndpoint, kLines> endpoints;
    endpoints[0] = {.interface = "line", .group = kGroupA, .port = 26400};
    endpoints[1] = {.interface = "line", .group = kGroupB, .port = 26401};
    const absl::Status attached = AttachFilter(out_.get(), UdpFilter(endpoints));
    ASSERT_TRUE(attached.ok()) << attached;
  }

  bool Keeps(const std::vector<uint8_t>& frame) {
    if (send(in_.get(), frame.data(), frame.size(), 0) < 0) ADD_FAILURE() << "send";
    std::vector<uint8_t> got(70'000);
    const ssize_t bytes = recv(out_.get(), got.data(), got.size(), 0);
    if (bytes < 0) return false;
    EXPECT_EQ(static_cast<size_t>(bytes), frame.size());  // never cut short
    return true;
  }

  ScopedFd in_, out_;
};

TEST_F(UdpFilterTest, KeepsTheLinesDatagramsAndNothingElse) {
  struct Case {
    const char* what;
    FrameSpec spec;
    bool kept;
  };
  const std::vector<uint8_t> bytes(40, 1);
  const Case cases[] = {
      {"line A", {.destination = kGroupA, .port = 26400, .payload = bytes}, true},
      {"line B", {.destination = kGroupB, .port = 26401, .payload = bytes}, true},
      {"empty payload", {.destination = kGroupB, .port = 26401}, true},
      {"A's group with B's port", {.destination = kGroupA, .port = 26401, .payload = bytes}, false},
      {"another group", {.destination = 0xEF0A0003, .port = 26400, .payload = bytes}, false},
      {"another port", {.destination = kGroupA, .port = 26402, .payload = bytes}, false},
      {"IP options", {.destination = kGroupA, .port = 26400, .payload = bytes, .option_words = 10}, true},
      {"a tag", {.destination = kGroupA, .port = 26400, .payload = bytes, .vlan_protocols = {0x8100}}, true},
      {"two tags", {.destination = kGroupB, .port = 26401, .payload = bytes, .vlan_protocols = {0x88A8, 0x8100}}, true},
      {"three tags",
       {.destination = kGroupA, .port = 26400, .payload = bytes, .vlan_protocols = {0x8100, 0x8100, 0x8100}},
       false},
      {"TCP", {.destination = kGroupA, .port = 26400, .payload = bytes, .ip_protocol = 6}, false},
      {"IPv6's type", {.destination = kGroupA, .port = 26400, .payload = bytes, .ethernet_type = 0x86DD}, false},
      {"first fragment", {.destination = kGroupA, .port = 26400, .payload = bytes, .fragment_bits = 0x2000}, false},
      {"later fragment", {.destination = kGroupA, .port = 26400, .payload = bytes, .fragment_bits = 0x0010}, false},
      {"do not fragment", {.destination = kGroupA, .port = 26400, .payload = bytes, .fragment_bits = 0x4000}, true},
  };
  for (const Case& c : cases) EXPECT_EQ(Keeps(BuildFrame(c.spec)), c.kept) << c.what;
  EXPECT_FALSE(Keeps(std::vector<uint8_t>(10, 0)));
}

TEST_F(UdpFilterTest, NeverDropsWhatTheParserTakesForALine) {
  const uint64_t seed = 20261121;
  RecordProperty("seed", static_cast<int>(seed));
  Rng rng(seed);
  int kept = 0;
  for (int round = 0; round < 20'000; ++round) {
    FrameSpec spec{.destination = rng.Below(2) ? kGroupA : kGroupB, .port = static_cast<uint16_t>(26400 + rng.Below(2))};
    spec.payload.assign(rng.Below(100), 7);
    spec.option_words = static_cast<uint8_t>(rng.Below(3));
    for (uint64_t tags = rng.Below(3); tags > 0; --tags) spec.vlan_protocols.push_back(rng.Below(2) ? 0x8100 : 0x88A8);
    std::vector<uint8_t> frame = BuildFrame(spec);
    for (uint64_t flips = rng.Below(4); flips > 0; --flips) {
      frame[rng.Below(frame.size())] ^= static_cast<uint8_t>(1u << rng.Below(8));
    }
    const auto parsed = ParseUdpFrame(frame);
    const bool wanted = parsed && ((parsed->destination == kGroupA && parsed->port == 26400) ||
                                   (parsed->destination == kGroupB && parsed->port == 26401));
    const bool keeps = Keeps(frame);
    ASSERT_TRUE(keeps || !wanted) << "round " << round << ", seed " << seed;
    kept += keeps ? 1 : 0;
  }
  EXPECT_GT(kept, 2'000);
}

}  // namespace
}  // namespace feedfarm
