#include "pipeline/control/hot_mailbox.h"

#include <memory>
#include <thread>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

// The two threads as they are in the handler; meant for the thread sanitizer too.
TEST(HotMailbox, HandsHistogramsOverWithoutLosingASample) {
  HotMailbox mailbox;
  LatencyHistograms first, second, total;
  std::thread hot([&] {
    LatencyHistograms* active = &first;
    for (uint64_t turn = 1;; ++turn) {
      active->Of(LatencyMetric::kDecode, TimestampClass::kSoftware).Record(turn % 1'000);
      if (!mailbox.asked()) continue;
      const HotRequest& request = mailbox.Take();
      const bool stop = request.kind == HotRequest::Kind::kStop;
      mailbox.answer().histograms = std::exchange(active, request.histograms);
      mailbox.answer().counters.messages = turn;
      mailbox.Answered();
      if (stop) return;
    }
  });
  LatencyHistograms* spare = &second;
  uint64_t turns = 0;
  for (int i = 0; i < 50; ++i) {
    const bool last = i == 49;
    const HotAnswer& answer =
        mailbox.Call({.kind = last ? HotRequest::Kind::kStop : HotRequest::Kind::kExchange, .histograms = spare});
    spare = answer.histograms;
    EXPECT_GT(answer.counters.messages, turns);
    turns = answer.counters.messages;
    Histogram& histogram = spare->Of(LatencyMetric::kDecode, TimestampClass::kSoftware);
    total.Of(LatencyMetric::kDecode, TimestampClass::kSoftware).Merge(histogram);
    histogram.Reset();
  }
  hot.join();
  EXPECT_EQ(total.Of(LatencyMetric::kDecode, TimestampClass::kSoftware).Count(), turns);
}

}  // namespace
}  // namespace feedfarm
