#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "coordinator/campaign/diagnostics.h"
#include "coordinator/campaign/yaml_tree.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// One of a field's allowed words.
struct Choice {
  absl::string_view word;
  int value;
};

// Reads the fields of one YAML map. Each reader leaves its default alone where the field is absent, and adds a
// diagnostic where it is wrong. Finish() refuses every field that nobody asked for. Borrows the node and the
// diagnostics.
class MapReader {
 public:
  // `what` names the map in messages: "traffic". A node that is no map gives a diagnostic, and reads as empty; a null
  // one is an empty map.
  MapReader(const YamlNode& node, absl::string_view what, Diagnostics& diagnostics);

  // The field's value, or null where it is absent or (with a diagnostic) has no value.
  const YamlNode* Find(absl::string_view name);
  // As Find; the empty map is a value.
  const YamlNode* FindMaybeEmpty(absl::string_view name);
  // As Find, with a diagnostic where it is absent.
  const YamlNode* Need(absl::string_view name);
  // Where the field's name stands; the map's own place where it is absent.
  Position PlaceOf(absl::string_view name) const;

  bool Text(absl::string_view name, std::string* out);
  bool Bool(absl::string_view name, bool* out);
  bool Duration(absl::string_view name, int64_t min_ns, int64_t max_ns, int64_t* out);
  bool Duration(absl::string_view name, int64_t min_ns, int64_t max_ns, uint64_t* out);
  bool Count(absl::string_view name, uint64_t min, uint64_t max, uint64_t* out);
  bool Count32(absl::string_view name, uint64_t min, uint64_t max, uint32_t* out);
  bool PowerOfTwo(absl::string_view name, uint64_t min, uint64_t max, uint32_t* out);
  bool Percent(absl::string_view name, double* out);
  bool Rate(absl::string_view name, double min, double max, double* out);
  bool Speed(absl::string_view name, double min, double max, double* out);
  bool OneOf(absl::string_view name, std::span<const Choice> choices, int* out);
  bool EndpointAt(absl::string_view name, v1::Endpoint* out);

  // A diagnostic at the field's value (or the map).
  void Refuse(absl::string_view name, absl::string_view message);

  // Unknown fields; call it last.
  void Finish();

 private:
  const YamlNode* Scalar(absl::string_view name);
  template <class T>
  bool Take(absl::string_view name, absl::StatusOr<T> (*parse)(absl::string_view), T* out);

  const YamlNode& node_;
  absl::string_view what_;
  Diagnostics& diagnostics_;
  std::vector<absl::string_view> known_;
};

}  // namespace feedfarm
