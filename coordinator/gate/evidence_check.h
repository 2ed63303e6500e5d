#pragma once

#include <array>
#include <string>
#include <vector>

#include "coordinator/gate/metric_catalog.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// Whether a run was the test that its scenario asks for. Gates compare numbers; a run in which nothing was sent, or whose
// faults never happened, holds most of them and proves nothing: nor does one whose packets did not reach the handler's host
// although no fault took them. Each entry is one sentence; with any of them a run does not pass. Pure. A rate search looks
// at its trials itself: nothing is missing from it.
//
// A killed handler's counters die with it: of a scenario that kills it, cuts before the last kill are not looked for.
//
// `wires`: where lines A and B go, for people: "src lineA to dut lineA"; empty = not known.
std::vector<std::string> MissingEvidence(const v1::Scenario& scenario, const RoleResults& results,
                                         const std::array<std::string, 2>& wires = {});

}  // namespace feedfarm
