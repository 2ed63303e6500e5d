#pragma once

#include <cstdint>
#include <optional>

#include "proto/scenario.pb.h"

namespace feedfarm {

// How long the traffic lasts, from its message count and rate; for a capture with a limit the longest it can be.
// Nothing where only the capture can tell (no limit, or its own schedule).
std::optional<uint64_t> EstimateTrafficNs(const v1::Scenario& scenario);

}  // namespace feedfarm
