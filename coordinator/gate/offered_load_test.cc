#include "coordinator/gate/offered_load.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/stats/hdr_codec.h"
#include "pipeline/stats/histogram.h"

namespace feedfarm {
namespace {

constexpr uint64_t kMs = 1'000'000;

// Lateness of `packets` packets a line: `late` of a thousand by late_ns, the others by 50 us.
HistogramSet Lateness(uint64_t packets, uint64_t late, uint64_t late_ns) {
  Histogram histogram;
  for (uint64_t i = 0; i < 2 * packets; ++i) histogram.Record(i % 1000 < late ? late_ns : 50'000);
  v1::Histogram encoded;
  encoded.set_metric(v1::LATENCY_METRIC_SEND);
  encoded.set_timestamp_class(v1::TIMESTAMP_CLASS_SOFTWARE);
  encoded.set_hdr_v2_compressed(EncodeHdrV2Compressed(histogram));
  HistogramSet set;
  EXPECT_TRUE(set.Add(encoded).ok());
  return set;
}

std::string Why(double rate_pps, uint64_t packets, uint64_t late, uint64_t late_ns) {
  v1::Scenario scenario;
  scenario.mutable_traffic()->set_rate_pps(rate_pps);
  v1::SourceResult source;
  source.set_data_packets_a(packets);
  source.set_data_packets_b(packets);
  return WhyNotOffered(scenario, source, Lateness(packets, late, late_ns));
}

TEST(OfferedLoad, OneThatCannotKeepUpIsNamedWithWhatItReached) {
  // A second's packets in ten.
  EXPECT_THAT(Why(3000, 3000, 900, 9'000 * kMs), ::testing::ContainsRegex("(300|299)[.0-9]* of 3000 packets a second"));
}

TEST(OfferedLoad, StallsOfASharedHostAreForgiven) {
  struct Case {
    uint64_t late_of_1000;
    uint64_t late_ms;
    bool offered;
  };
  // A run of 2 s: 200 ms and a hundredth of it are allowed to all but a hundredth of the packets.
  const Case cases[] = {{0, 0, true}, {500, 30, true}, {500, 215, true}, {5, 900, true}, {20, 230, false}, {500, 900, false}};
  for (const Case& each : cases) {
    EXPECT_EQ(Why(10'000, 20'000, each.late_of_1000, each.late_ms * kMs).empty(), each.offered)
        << each.late_of_1000 << " of 1000 packets late by " << each.late_ms << " ms";
  }
}

TEST(OfferedLoad, OnlyARateIsHeldAgainst) {
  v1::Scenario scenario;
  v1::SourceResult source;
  source.set_data_packets_a(1000);
  const HistogramSet late = Lateness(1000, 900, 5'000 * kMs);
  EXPECT_EQ(WhyNotOffered(scenario, source, late), "");
  scenario.mutable_traffic()->set_speed(1000);
  EXPECT_EQ(WhyNotOffered(scenario, source, late), "");
  scenario.mutable_traffic()->set_rate_pps(1000);
  EXPECT_NE(WhyNotOffered(scenario, source, late), "");
  EXPECT_EQ(WhyNotOffered(scenario, source, {}), "");
}

}  // namespace
}  // namespace feedfarm
