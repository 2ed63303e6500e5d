#pragma once

#include "coordinator/campaign/diagnostics.h"
#include "coordinator/campaign/yaml_tree.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// Reads `rate_search` into the scenario, whose traffic and timeout are read already: its schedule and number of messages go, since each trial
// has its own. Refuses what a search cannot have (a schedule, a capture, faults), what no link carries, and trials that no source holds.
// `scenario_node`: the scenario's own map, for the places of what is refused.
void ReadRateSearch(const YamlNode& node, const YamlNode& scenario_node, v1::Scenario* scenario, Diagnostics& diagnostics);

}  // namespace feedfarm
