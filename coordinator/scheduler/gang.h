#pragma once

#include <span>

#include "coordinator/store/record.pb.h"
#include "proto/agent_service.pb.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// The roles of a run, each on a host of its own, in the order in which they get ready: source and handler of a feed, or
// a profile alone.
std::span<const v1::Role> GangOf(const v1::Scenario& scenario);

// The one whose program is under test.
v1::Role SubjectOf(const v1::Scenario& scenario);

// The role's side of a run. `role` is one of a gang (CHECK).
const record::RunSide& SideOf(const record::RunRecord& run, v1::Role role);
record::RunSide* MutableSideOf(record::RunRecord* run, v1::Role role);

}  // namespace feedfarm
