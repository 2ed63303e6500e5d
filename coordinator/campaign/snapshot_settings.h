#pragma once

#include "coordinator/campaign/diagnostics.h"
#include "coordinator/campaign/map_reader.h"
#include "coordinator/campaign/yaml_tree.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// traffic.glimpse: the source's GLIMPSE server. Null = none.
void ReadGlimpse(const YamlNode* node, v1::Glimpse* out, Diagnostics& diagnostics);

// handler.snapshot, snapshot_tries and start_after. A reader of no map (null) gives the defaults.
void ReadSnapshot(MapReader* reader, v1::HandlerConfig* out);

// What the two halves must have in common, at `position`.
void CheckSnapshot(const v1::Scenario& scenario, Position position, Diagnostics& diagnostics);

}  // namespace feedfarm
