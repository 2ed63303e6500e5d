#pragma once

#include "coordinator/campaign/diagnostics.h"
#include "coordinator/campaign/yaml_tree.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// Reads `profile: {NAME: {ARGUMENT: VALUE, ...}}` into scenario->profile() with every argument; refuses the fields of
// `scenario_node` that only a feed has.
void ReadProfile(const YamlNode& node, const YamlNode& scenario_node, v1::Scenario* scenario, Diagnostics& diagnostics);

}  // namespace feedfarm
