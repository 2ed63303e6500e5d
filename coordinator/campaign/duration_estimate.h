#pragma once

#include <cstdint>
#include <optional>

#include "proto/scenario.pb.h"

namespace feedfarm {

// How long the scenario's traffic lasts, from its message count and rate. Nothing where only the capture's content can tell
// (no limit, or the capture's own schedule).
std::optional<uint64_t> EstimateTrafficNs(const v1::Scenario& scenario);

}  // namespace feedfarm
