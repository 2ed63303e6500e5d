#include "agent/traffic/line_frame.h"

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/rng.h"
#include "pipeline/source/send_trailer.h"
#include "pipeline/source/udp_frame.h"

namespace feedfarm {
namespace {

const LineFrame::Addresses kAddresses{
    .source_mac = {2, 4, 6, 8, 10, 12}, .source = 0x0A010203, .group = 0xEF8A0B0C, .port = 26400};

// The plain way of RFC 1071: 0 where the checksum over `bytes` is right.
uint16_t SlowChecksum(std::vector<uint8_t> bytes) {
  if (bytes.size() % 2 != 0) bytes.push_back(0);
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2) sum += LoadBig<uint16_t>(bytes.data() + i);
  while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

std::vector<uint8_t> Build(const LineFrame& line, const std::vector<uint8_t>& payload, uint64_t intended) {
  std::vector<uint8_t> frame(LineFrame::kHeaderBytes + payload.size() + kSendTrailerBytes);
  std::copy(payload.begin(), payload.end(), frame.begin() + LineFrame::kHeaderBytes);
  frame.resize(line.Finish(frame.data(), payload.size(), intended));
  return frame;
}

TEST(LineFrame, IsReadBackWithRightChecksumsAtEverySize) {
  Rng rng(5);
  const LineFrame line(kAddresses, 1500);
  for (size_t size = 0; size <= line.payload_bytes_max(); ++size) {
    std::vector<uint8_t> payload(size);
    for (uint8_t& byte : payload) byte = static_cast<uint8_t>(rng.Next());
    const std::vector<uint8_t> frame = Build(line, payload, 12345);
    const auto read = ParseUdpFrame(frame);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->destination, kAddresses.group);
    EXPECT_EQ(read->port, kAddresses.port);
    ASSERT_TRUE(std::equal(payload.begin(), payload.end(), read->payload.begin(), read->payload.end()));
    EXPECT_EQ(LoadSendTrailer(read->behind), size + 28 + 16 <= 1500 ? 12345u : 0u);
    EXPECT_EQ(SlowChecksum({frame.begin() + 14, frame.begin() + 34}), 0);
    std::vector<uint8_t> pseudo(12 + 8 + size);
    std::copy(frame.begin() + 26, frame.begin() + 34, pseudo.begin());
    pseudo[9] = 17;
    std::copy(frame.begin() + 38, frame.begin() + 40, pseudo.begin() + 10);
    std::copy_n(frame.begin() + 34, 8 + size, pseudo.begin() + 12);
    EXPECT_EQ(SlowChecksum(pseudo), 0);
    EXPECT_NE(LoadBig<uint16_t>(frame.data() + 40), 0);
  }
}

TEST(LineFrame, MulticastAddressHasTheGroupsLow23Bits) {
  const std::vector<uint8_t> frame = Build(LineFrame(kAddresses, 1500), {1}, 1);
  EXPECT_EQ(std::vector<uint8_t>(frame.begin(), frame.begin() + 6),
            (std::vector<uint8_t>{0x01, 0x00, 0x5E, 0x0A, 0x0B, 0x0C}));
}

}  // namespace
}  // namespace feedfarm
