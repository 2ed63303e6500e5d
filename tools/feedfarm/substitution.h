#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace feedfarm {

// "name=value" words into a map. INVALID_ARGUMENT: no '=', an empty or unusable name, or a name twice.
absl::StatusOr<std::map<std::string, std::string>> ParseSettings(const std::vector<std::string>& words);

// Replaces each ${name} of `text` by its value, so that YAML reads it back as it is: inside quotes it is escaped, outside it is
// quoted where it holds anything but letters, digits and ._/:+-%.
// "$${" stands for "${". Comments are left alone. INVALID_ARGUMENT: a name without a value ("FILE:LINE:COLUMN: ..."), or a value for a
// name that the text does not use.
absl::StatusOr<std::string> Substitute(const std::string& file, const std::string& text,
                                       const std::map<std::string, std::string>& settings);

}  // namespace feedfarm
