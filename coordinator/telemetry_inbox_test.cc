#include "coordinator/telemetry_inbox.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "pipeline/stats/hdr_codec.h"
#include "pipeline/stats/histogram.h"

namespace feedfarm {
namespace {

constexpr v1::LatencyMetric kDecode = v1::LATENCY_METRIC_DECODE;
constexpr v1::TimestampClass kSoftware = v1::TIMESTAMP_CLASS_SOFTWARE;
constexpr v1::TimestampClass kHardware = v1::TIMESTAMP_CLASS_HARDWARE;

class TelemetryInboxTest : public testing::Test {
 protected:
  TelemetryInboxTest() {
    path_ = absl::StrCat(testing::TempDir(), "/telemetry-", testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove(path_);
    Restart();
  }
  ~TelemetryInboxTest() override {
    inbox_.reset();
    store_.reset();
    std::filesystem::remove(path_);
  }
  void Restart() {
    inbox_.reset();
    store_.reset();
    auto store = Store::Open(path_);
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    inbox_ = std::make_unique<TelemetryInbox>(store_.get());
  }
  // Ten samples of `value_ns` in the class.
  static v1::TelemetryInterval Interval(uint64_t sequence, uint64_t value_ns = 1000,
                                        v1::TimestampClass timestamp_class = kSoftware) {
    Histogram histogram;
    histogram.RecordCount(value_ns, 10);
    v1::TelemetryInterval interval;
    interval.set_run_id("c1.r1");
    interval.set_role(v1::ROLE_HANDLER);
    interval.set_sequence(sequence);
    v1::Histogram* encoded = interval.add_histograms();
    encoded->set_metric(kDecode);
    encoded->set_timestamp_class(timestamp_class);
    encoded->set_count(10);
    encoded->set_hdr_v2_compressed(EncodeHdrV2Compressed(histogram));
    return interval;
  }
  uint64_t Add(const v1::TelemetryInterval& interval) {
    const auto through = inbox_->Add(interval);
    EXPECT_TRUE(through.ok()) << through.status();
    return through.value_or(0);
  }
  MergedTelemetry Take(uint64_t handler_last) { return *inbox_->Take("c1.r1", {{v1::ROLE_SOURCE, 0}, {v1::ROLE_HANDLER, handler_last}}); }

  std::string path_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<TelemetryInbox> inbox_;
};

TEST_F(TelemetryInboxTest, AddsCountsAndNeverAverages) {
  Add(Interval(1, 1000));
  Add(Interval(2, 9000));
  const MergedTelemetry merged = Take(2);
  EXPECT_EQ(merged.intervals_merged, 2u);
  EXPECT_EQ(merged.intervals_missing, 0u);
  EXPECT_EQ(merged.latencies.Count(kDecode, kSoftware), 20u);
  EXPECT_LT(merged.latencies.Quantile(kDecode, kSoftware, 0.5), 1100u);
  EXPECT_GT(merged.latencies.Quantile(kDecode, kSoftware, 0.51), 8900u);
}

TEST_F(TelemetryInboxTest, KeepsTheClassesApart) {
  Add(Interval(1, 1000, kSoftware));
  Add(Interval(2, 2000, kHardware));
  const MergedTelemetry merged = Take(2);
  EXPECT_EQ(merged.latencies.Count(kDecode, kSoftware), 10u);
  EXPECT_EQ(merged.latencies.Count(kDecode, kHardware), 10u);
}

TEST_F(TelemetryInboxTest, ASecondCopyCountsOnce) {
  EXPECT_EQ(Add(Interval(1)), 1u);
  EXPECT_EQ(Add(Interval(1)), 1u);
  EXPECT_EQ(Take(1).latencies.Count(kDecode, kSoftware), 10u);
}

TEST_F(TelemetryInboxTest, AcknowledgesOnlyWhatHasNoHoleBeforeIt) {
  EXPECT_EQ(Add(Interval(1)), 1u);
  EXPECT_EQ(Add(Interval(3)), 1u);
  EXPECT_EQ(Add(Interval(4)), 1u);
  EXPECT_EQ(Add(Interval(2)), 4u);
}

TEST_F(TelemetryInboxTest, CountsHolesUpToTheLastOneThatWasMade) {
  Add(Interval(1));
  Add(Interval(4));
  const MergedTelemetry merged = Take(6);
  EXPECT_EQ(merged.intervals_merged, 2u);
  EXPECT_EQ(merged.intervals_missing, 4u) << "2, 3, 5 and 6";
}

TEST_F(TelemetryInboxTest, ARestartForgetsNothing) {
  Add(Interval(1));
  Add(Interval(3));
  Restart();
  EXPECT_EQ(*inbox_->Through("c1.r1", v1::ROLE_HANDLER), 1u);
  EXPECT_EQ(Add(Interval(3)), 1u) << "it is there already";
  EXPECT_EQ(Add(Interval(2)), 3u);
  EXPECT_EQ(Take(3).latencies.Count(kDecode, kSoftware), 30u);
}

TEST_F(TelemetryInboxTest, AnUnreadableHistogramIsAMissingIntervalAndNoError) {
  v1::TelemetryInterval bad = Interval(1);
  bad.mutable_histograms(0)->set_hdr_v2_compressed("no histogram");
  EXPECT_EQ(Add(bad), 1u) << "sent again it would be no better";
  const MergedTelemetry merged = Take(1);
  EXPECT_EQ(merged.intervals_merged, 0u);
  EXPECT_EQ(merged.intervals_missing, 1u);
}

TEST_F(TelemetryInboxTest, RefusesWhatHasNoPlace) {
  v1::TelemetryInterval interval = Interval(0);
  EXPECT_EQ(inbox_->Add(interval).status().code(), absl::StatusCode::kInvalidArgument);
  interval = Interval(1);
  interval.set_role(v1::ROLE_UNSPECIFIED);
  EXPECT_EQ(inbox_->Add(interval).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace feedfarm
