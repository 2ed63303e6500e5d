#include "pipeline/profile/memory_feed.h"

#include <algorithm>
#include <array>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/moldudp64/moldudp64.h"

namespace feedfarm {
namespace {

TEST(MemoryFeed, LinesNeverLoseOneMessageBothButInTheGaps) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const MessageStream stream({.messages = 10'000, .symbols = 20, .live_orders = 500, .seed = seed});
    const MemoryFeed feed = MakeMemoryFeed(stream, {.repack_b = true,
                                                    .loss = 0.3,
                                                    .duplicate = 0.1,
                                                    .reorder = 0.1,
                                                    .reorder_ns = 300'000,
                                                    .gaps = 3,
                                                    .gap_messages = 100,
                                                    .seed = seed});
    EXPECT_EQ(feed.gaps, 3u) << "seed " << seed;
    EXPECT_EQ(feed.gap_messages, 300u) << "seed " << seed;
    EXPECT_GT(feed.lost_packets, 0u);
    std::vector<bool> came(stream.size());
    std::array<uint64_t, kLines> packets{};
    uint64_t before_ns = 0;
    for (const MemoryFeed::Arrival& arrival : feed.arrivals) {
      EXPECT_GE(arrival.at_ns, before_ns);
      before_ns = arrival.at_ns;
      ++packets[Index(arrival.line)];
      const auto payload = std::span(feed.bytes).subspan(arrival.offset, arrival.bytes);
      const PacketHeader header = moldudp64::MoldUdp64::ParseHeader(payload);
      ASSERT_NE(header.kind, PacketKind::kMalformed);
      if (header.kind != PacketKind::kData) continue;
      uint64_t next = header.first_sequence - 1;
      ASSERT_TRUE(moldudp64::MoldUdp64::WalkBlocks(payload, header, [&](size_t at, uint16_t length) {
        EXPECT_TRUE(std::ranges::equal(payload.subspan(at, length), stream[next]));
        came[next++] = true;
      }));
    }
    EXPECT_EQ(std::ranges::count(came, false), 300) << "seed " << seed;
    EXPECT_GT(packets[0], 0u);
    EXPECT_GT(packets[1], 0u);
  }
}

}  // namespace
}  // namespace feedfarm
