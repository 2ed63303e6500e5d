#pragma once

#include "coordinator/gate/gate_expression.h"
#include "coordinator/gate/histogram_set.h"
#include "coordinator/gate/metric_catalog.h"
#include "proto/result.pb.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// What gates are held against.
struct GateInput {
  RoleResults results;
  const HistogramSet& latencies;
  // Holes in the telemetry: a latency gate over an incomplete histogram has no data.
  uint64_t intervals_missing = 0;
};
// Of a killed handler, samples may be missing in the latencies: a gate over them holds only if it would wherever they were, and
// breaks only if it would.

// Samples below which a quantile is no number: ten are needed beyond it (p99.9: 10,000), and 20 for the median.
uint64_t SamplesNeeded(double quantile);

// One gate's outcome with measured and expected values as text. NO_DATA with its reason where a role gave no result, a
// histogram is missing, two classes are there and none is named, or samples are too few. An expression that
// does not parse is NO_DATA too (a store of an older build).
v1::GateResult EvaluateGate(const v1::Gate& gate, const GateInput& input);

}  // namespace feedfarm
