#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "coordinator/campaign/diagnostics.h"
#include "coordinator/campaign/yaml_tree.h"

namespace feedfarm {

// One point of a scenario's matrix.
struct MatrixPoint {
  // "[rate=20000pps,dwell=1ms]", or empty without a matrix.
  std::string suffix;
  // The scenario with the point's values in place and without its `matrix`.
  YamlPtr scenario;
};

// `defaults` under `scenario`: maps are merged field by field, `gates` and `faults` joined, everything else is the
// scenario's. A field of the scenario displaces its alternative in the defaults (rate and speed, synthetic and
// capture); of defaults for feeds and for profiles each scenario takes those of its kind. Null defaults: the scenario.
YamlPtr MergeDefaults(const YamlPtr& defaults, const YamlPtr& scenario);

// The scenario's matrix, first key varying slowest; one point without suffix where it has none. Empty, with
// diagnostics, where the matrix is wrong or gives more than `points_max` points.
std::vector<MatrixPoint> ExpandMatrix(const YamlPtr& scenario, size_t points_max, Diagnostics& diagnostics);

}  // namespace feedfarm
