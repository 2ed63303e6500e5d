#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/result.pb.h"

namespace feedfarm {

// One latency of one class, as reports show it.
struct LatencySummary {
  v1::LatencyMetric metric = v1::LATENCY_METRIC_UNSPECIFIED;
  v1::TimestampClass timestamp_class = v1::TIMESTAMP_CLASS_UNSPECIFIED;
  uint64_t count = 0;
  // ns. Nothing where there are too few samples for the quantile.
  std::optional<uint64_t> p50;
  std::optional<uint64_t> p99;
  std::optional<uint64_t> p999;
  uint64_t min = 0;
  uint64_t max = 0;
  double mean = 0;
};

// Of every histogram with samples that a run's roles have; unreadable ones are left out.
std::vector<LatencySummary> SummarizeLatencies(const v1::RunResult& result);

// "7.42us"; "-" for nothing.
std::string FormatQuantile(const std::optional<uint64_t>& ns);

}  // namespace feedfarm
