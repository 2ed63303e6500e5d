#pragma once

#include <span>

#include "coordinator/campaign/diagnostics.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// Faults that the traffic leaves no room for, and cuts of one line that overlap. `positions`: one a fault, where it is
// written.
void CheckFaults(const v1::Scenario& scenario, std::span<const Position> positions, Diagnostics& diagnostics);

// A timeout that the traffic alone uses up.
void CheckTimeout(const v1::Scenario& scenario, Position position, Diagnostics& diagnostics);

}  // namespace feedfarm
