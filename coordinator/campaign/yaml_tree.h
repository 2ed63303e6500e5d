#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "coordinator/campaign/diagnostics.h"

namespace feedfarm {

struct YamlNode;
// Nodes never change after parsing, so an alias, and a default merged into a thousand scenarios, share them.
using YamlPtr = std::shared_ptr<const YamlNode>;

// A YAML value with its place in the file.
struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap };
  struct Entry {
    std::string key;
    Position key_position;
    YamlPtr value;
  };

  Kind kind = Kind::kNull;
  Position position;
  // kScalar. `quoted`: the text begins one column behind `position`.
  std::string scalar;
  bool quoted = false;
  // kSequence.
  std::vector<YamlPtr> items;
  // kMap, in the file's order; keys are unique.
  std::vector<Entry> entries;
  // Nodes below, aliases counted as often as they are used.
  size_t weight = 1;

  // Null where there is no such key.
  const Entry* Find(absl::string_view key) const;
};

// "a list", "a map", ... for messages.
absl::string_view KindName(YamlNode::Kind kind);

// The file's one document. Null, with what is wrong in `diagnostics`, for no or several documents, a syntax error,
// repeated keys, keys that are no scalars, more than 32 levels, 1,000 fields a map or (aliases expanded) 100,000 nodes.
// Any bytes in; throws nothing.
YamlPtr ParseYaml(absl::string_view text, Diagnostics& diagnostics);

}  // namespace feedfarm
