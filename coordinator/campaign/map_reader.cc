#include "coordinator/campaign/map_reader.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "coordinator/campaign/suggestion.h"
#include "coordinator/campaign/units.h"

namespace feedfarm {
namespace {

std::string OutOfRange(absl::string_view text, absl::string_view min, absl::string_view max) {
  return absl::StrCat(text, " is out of range: ", min, " to ", max);
}

std::string FormatRate(double pps) { return absl::StrFormat("%.10gpps", pps); }
std::string FormatSpeed(double speed) { return absl::StrFormat("%.10gx", speed); }

}  // namespace

MapReader::MapReader(const YamlNode& node, absl::string_view what, Diagnostics& diagnostics)
    : node_(node), what_(what), diagnostics_(diagnostics) {
  if (node.kind == YamlNode::Kind::kMap || node.kind == YamlNode::Kind::kNull) return;
  diagnostics_.Add(node.position, absl::StrCat(what, " must be a map of fields, not ", KindName(node.kind)));
}

const YamlNode* MapReader::FindMaybeEmpty(absl::string_view name) {
  if (std::find(known_.begin(), known_.end(), name) == known_.end()) known_.push_back(name);
  const YamlNode::Entry* entry = node_.Find(name);
  return entry == nullptr ? nullptr : entry->value.get();
}

const YamlNode* MapReader::Find(absl::string_view name) {
  const YamlNode* value = FindMaybeEmpty(name);
  if (value == nullptr || value->kind != YamlNode::Kind::kNull) return value;
  diagnostics_.Add(node_.Find(name)->key_position, absl::StrCat(name, " has no value"));
  return nullptr;
}

const YamlNode* MapReader::Need(absl::string_view name) {
  const YamlNode* value = Find(name);
  if (value == nullptr && node_.Find(name) == nullptr)
    diagnostics_.Add(node_.position, absl::StrCat(what_, " needs the field \"", name, "\""));
  return value;
}

Position MapReader::PlaceOf(absl::string_view name) const {
  const YamlNode::Entry* entry = node_.Find(name);
  return entry == nullptr ? node_.position : entry->key_position;
}

const YamlNode* MapReader::Scalar(absl::string_view name) {
  const YamlNode* value = Find(name);
  if (value == nullptr || value->kind == YamlNode::Kind::kScalar) return value;
  diagnostics_.Add(value->position, absl::StrCat(name, " must be a single value, not ", KindName(value->kind)));
  return nullptr;
}

void MapReader::Refuse(absl::string_view name, absl::string_view message) {
  const YamlNode::Entry* entry = node_.Find(name);
  diagnostics_.Add(entry == nullptr ? node_.position : entry->value->position, absl::StrCat(name, ": ", message));
}

template <class T>
bool MapReader::Take(absl::string_view name, absl::StatusOr<T> (*parse)(absl::string_view), T* out) {
  const YamlNode* value = Scalar(name);
  if (value == nullptr) return false;
  absl::StatusOr<T> parsed = parse(value->scalar);
  if (!parsed.ok()) {
    Refuse(name, parsed.status().message());
    return false;
  }
  *out = *std::move(parsed);
  return true;
}

bool MapReader::Text(absl::string_view name, std::string* out) {
  const YamlNode* value = Scalar(name);
  if (value == nullptr) return false;
  if (value->scalar.empty() || value->scalar.size() > 4096 || value->scalar.find('\0') != std::string::npos) {
    Refuse(name, "expected text of 1 to 4096 bytes");
    return false;
  }
  *out = value->scalar;
  return true;
}

bool MapReader::Bool(absl::string_view name, bool* out) {
  static constexpr Choice kWords[] = {{"true", 1}, {"false", 0}};
  int value = 0;
  if (!OneOf(name, kWords, &value)) return false;
  *out = value != 0;
  return true;
}

bool MapReader::Duration(absl::string_view name, int64_t min_ns, int64_t max_ns, int64_t* out) {
  int64_t value = 0;
  if (!Take(name, &ParseDurationNs, &value)) return false;
  if (value < min_ns || value > max_ns) {
    Refuse(name, OutOfRange(FormatDurationNs(value), FormatDurationNs(min_ns), FormatDurationNs(max_ns)));
    return false;
  }
  *out = value;
  return true;
}

bool MapReader::Duration(absl::string_view name, int64_t min_ns, int64_t max_ns, uint64_t* out) {
  int64_t value = 0;
  if (!Duration(name, min_ns, max_ns, &value)) return false;
  *out = static_cast<uint64_t>(value);
  return true;
}

bool MapReader::Count(absl::string_view name, uint64_t min, uint64_t max, uint64_t* out) {
  uint64_t value = 0;
  if (!Take(name, &ParseCount, &value)) return false;
  if (value < min || value > max) {
    Refuse(name, OutOfRange(absl::StrCat(value), absl::StrCat(min), absl::StrCat(max)));
    return false;
  }
  *out = value;
  return true;
}

bool MapReader::Count32(absl::string_view name, uint64_t min, uint64_t max, uint32_t* out) {
  uint64_t value = 0;
  if (!Count(name, min, max, &value)) return false;
  *out = static_cast<uint32_t>(value);
  return true;
}

bool MapReader::PowerOfTwo(absl::string_view name, uint64_t min, uint64_t max, uint32_t* out) {
  uint64_t value = 0;
  if (!Count(name, min, max, &value)) return false;
  if (!std::has_single_bit(value)) {
    Refuse(name, absl::StrCat(value, " is not a power of two; the next one is ", std::bit_ceil(value)));
    return false;
  }
  *out = static_cast<uint32_t>(value);
  return true;
}

bool MapReader::Percent(absl::string_view name, double* out) {
  double value = 0;
  if (!Take(name, &ParsePercent, &value)) return false;
  if (value < 0 || value > 1) {
    Refuse(name, OutOfRange(absl::StrFormat("%.10g%%", value * 100), "0%", "100%"));
    return false;
  }
  *out = value;
  return true;
}

bool MapReader::Rate(absl::string_view name, double min, double max, double* out) {
  double value = 0;
  if (!Take(name, &ParseRatePps, &value)) return false;
  if (value < min || value > max) {
    Refuse(name, OutOfRange(FormatRate(value), FormatRate(min), FormatRate(max)));
    return false;
  }
  *out = value;
  return true;
}

bool MapReader::Speed(absl::string_view name, double min, double max, double* out) {
  double value = 0;
  if (!Take(name, &ParseSpeed, &value)) return false;
  if (value < min || value > max) {
    Refuse(name, OutOfRange(FormatSpeed(value), FormatSpeed(min), FormatSpeed(max)));
    return false;
  }
  *out = value;
  return true;
}

bool MapReader::OneOf(absl::string_view name, std::span<const Choice> choices, int* out) {
  const YamlNode* value = Scalar(name);
  if (value == nullptr) return false;
  std::vector<absl::string_view> words;
  for (const Choice& choice : choices) {
    if (choice.word == value->scalar) {
      *out = choice.value;
      return true;
    }
    words.push_back(choice.word);
  }
  std::string expected;
  for (const absl::string_view word : words) absl::StrAppend(&expected, expected.empty() ? "" : " or ", word);
  Refuse(name, absl::StrCat("expected ", expected, ", got ", Quoted(value->scalar), Suggestion(value->scalar, words)));
  return false;
}

bool MapReader::EndpointAt(absl::string_view name, v1::Endpoint* out) { return Take(name, &ParseEndpoint, out); }

void MapReader::Finish() {
  if (node_.kind != YamlNode::Kind::kMap) return;
  for (const YamlNode::Entry& entry : node_.entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    std::string fields;
    for (const absl::string_view name : known_) absl::StrAppend(&fields, fields.empty() ? "" : ", ", name);
    const std::string near = Suggestion(entry.key, known_);
    diagnostics_.Add(entry.key_position, absl::StrCat("unknown field ", Quoted(entry.key), " in ", what_,
                                                      near.empty() ? absl::StrCat("; it has ", fields) : near));
  }
}

}  // namespace feedfarm
