#include "coordinator/artifact/latency_summary.h"

#include "coordinator/campaign/units.h"
#include "coordinator/gate/gate_evaluator.h"
#include "coordinator/gate/histogram_set.h"
#include "coordinator/gate/metric_catalog.h"

namespace feedfarm {
namespace {

LatencySummary Summarize(const HistogramSet& set, v1::LatencyMetric metric, v1::TimestampClass timestamp_class) {
  LatencySummary summary;
  summary.metric = metric;
  summary.timestamp_class = timestamp_class;
  summary.count = set.Count(metric, timestamp_class);
  summary.min = set.Min(metric, timestamp_class);
  summary.max = set.Max(metric, timestamp_class);
  summary.mean = set.Mean(metric, timestamp_class);
  const auto quantile = [&](double q) -> std::optional<uint64_t> {
    if (summary.count < SamplesNeeded(q)) return std::nullopt;
    return set.Quantile(metric, timestamp_class, q);
  };
  summary.p50 = quantile(0.5);
  summary.p99 = quantile(0.99);
  summary.p999 = quantile(0.999);
  return summary;
}

}  // namespace

std::vector<LatencySummary> SummarizeLatencies(const v1::RunResult& result) {
  HistogramSet set;
  for (const v1::Histogram& histogram : result.handler().histograms()) set.Add(histogram).IgnoreError();
  for (const v1::Histogram& histogram : result.source().histograms()) set.Add(histogram).IgnoreError();
  std::vector<LatencySummary> out;
  for (const LatencyName& name : LatencyNames()) {
    for (const v1::TimestampClass timestamp_class : set.Classes(name.metric))
      out.push_back(Summarize(set, name.metric, timestamp_class));
  }
  return out;
}

std::string FormatQuantile(const std::optional<uint64_t>& ns) {
  return ns.has_value() ? FormatDurationNs(static_cast<double>(*ns)) : "-";
}

}  // namespace feedfarm
