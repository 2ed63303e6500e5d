#pragma once

#include "absl/strings/string_view.h"
#include "coordinator/campaign/diagnostics.h"
#include "coordinator/campaign/yaml_tree.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// One scenario's map, after defaults and matrix, as a Scenario; its own `name` (without a matrix suffix) is checked and
// set. Whatever is wrong is in `diagnostics`; the result is then not to be used. `folder`, with its last '/', is what a
// relative capture path starts from; empty = a relative path is refused.
v1::Scenario ParseScenario(const YamlNode& node, absl::string_view folder, Diagnostics& diagnostics);

// Letters of a name: lower-case letters, digits, '-', '_' and '.', at most 63, the first one a letter or digit.
bool IsName(absl::string_view name);

}  // namespace feedfarm
