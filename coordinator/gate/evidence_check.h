#pragma once

#include <string>
#include <vector>

#include "proto/result.pb.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// Whether a run was the test that its scenario asks for. Gates compare numbers; a run in which nothing was sent, or whose
// faults never happened, holds most of them and proves nothing. Each entry is one sentence; with any of them a run does
// not pass. Null = the role gave no result. Pure.
//
// A killed handler's counters die with it: of a scenario that kills it, cuts before the last kill are not looked for.
std::vector<std::string> MissingEvidence(const v1::Scenario& scenario, const v1::HandlerResult* handler,
                                         const v1::SourceResult* source);

}  // namespace feedfarm
