#pragma once

#include "coordinator/campaign/diagnostics.h"
#include "coordinator/campaign/yaml_tree.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// A scenario's `handler`. Null = all defaults.
void ReadHandler(const YamlNode* node, v1::HandlerConfig* out, Diagnostics& diagnostics);

}  // namespace feedfarm
