#include "coordinator/gate/histogram_set.h"

#include <map>
#include <utility>

#include "pipeline/base/status_macros.h"
#include "pipeline/stats/hdr_codec.h"
#include "pipeline/stats/histogram.h"

namespace feedfarm {

using Key = std::pair<v1::LatencyMetric, v1::TimestampClass>;

struct HistogramSet::Rep {
  std::map<Key, Histogram> histograms;

  const Histogram* Find(v1::LatencyMetric metric, v1::TimestampClass timestamp_class) const {
    const auto found = histograms.find({metric, timestamp_class});
    return found == histograms.end() ? nullptr : &found->second;
  }
};

HistogramSet::HistogramSet() : rep_(std::make_unique<Rep>()) {}
HistogramSet::HistogramSet(HistogramSet&&) noexcept = default;
HistogramSet& HistogramSet::operator=(HistogramSet&&) noexcept = default;
HistogramSet::~HistogramSet() = default;

absl::Status HistogramSet::Add(const v1::Histogram& histogram) {
  const bool metric_known = v1::LatencyMetric_IsValid(histogram.metric()) && histogram.metric() != 0;
  const bool class_known = v1::TimestampClass_IsValid(histogram.timestamp_class()) && histogram.timestamp_class() != 0;
  if (!metric_known || !class_known) return absl::InvalidArgumentError("a histogram without metric or class");
  absl::StatusOr<Histogram> decoded = DecodeHdrV2Compressed(histogram.hdr_v2_compressed());
  if (!decoded.ok()) return absl::InvalidArgumentError(decoded.status().message());
  const Key key(histogram.metric(), histogram.timestamp_class());
  const auto found = rep_->histograms.find(key);
  if (found == rep_->histograms.end()) {
    rep_->histograms.emplace(key, *std::move(decoded));
  } else {
    found->second.Merge(*decoded);
  }
  return absl::OkStatus();
}

std::vector<v1::TimestampClass> HistogramSet::Classes(v1::LatencyMetric metric) const {
  std::vector<v1::TimestampClass> classes;
  for (const auto& [key, histogram] : rep_->histograms) {
    if (key.first == metric && !histogram.empty()) classes.push_back(key.second);
  }
  return classes;
}

uint64_t HistogramSet::Count(v1::LatencyMetric metric, v1::TimestampClass timestamp_class) const {
  const Histogram* histogram = rep_->Find(metric, timestamp_class);
  return histogram == nullptr ? 0 : histogram->Count();
}

uint64_t HistogramSet::Quantile(v1::LatencyMetric metric, v1::TimestampClass timestamp_class, double quantile) const {
  const Histogram* histogram = rep_->Find(metric, timestamp_class);
  return histogram == nullptr ? 0 : histogram->ValueAtQuantile(quantile);
}

uint64_t HistogramSet::Min(v1::LatencyMetric metric, v1::TimestampClass timestamp_class) const {
  const Histogram* histogram = rep_->Find(metric, timestamp_class);
  return histogram == nullptr ? 0 : histogram->Min();
}

uint64_t HistogramSet::Max(v1::LatencyMetric metric, v1::TimestampClass timestamp_class) const {
  const Histogram* histogram = rep_->Find(metric, timestamp_class);
  return histogram == nullptr ? 0 : histogram->Max();
}

double HistogramSet::Mean(v1::LatencyMetric metric, v1::TimestampClass timestamp_class) const {
  const Histogram* histogram = rep_->Find(metric, timestamp_class);
  return histogram == nullptr ? 0 : histogram->Mean();
}

bool HistogramSet::empty() const { return rep_->histograms.empty(); }

void HistogramSet::AppendTo(google::protobuf::RepeatedPtrField<v1::Histogram>* out) const {
  for (const auto& [key, histogram] : rep_->histograms) {
    v1::Histogram* encoded = out->Add();
    encoded->set_metric(key.first);
    encoded->set_timestamp_class(key.second);
    encoded->set_hdr_v2_compressed(EncodeHdrV2Compressed(histogram));
    encoded->set_count(histogram.Count());
  }
}

}  // namespace feedfarm
