#include "coordinator/campaign/matrix.h"

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "coordinator/campaign/suggestion.h"
#include "coordinator/campaign/units.h"
#include "pipeline/profile/profile_catalog.h"

namespace feedfarm {
namespace {

constexpr size_t kValueTextMax = 64;

// What a matrix may vary, as said in the matrix, and where it stands in a scenario.
struct MatrixField {
  absl::string_view key;
  absl::string_view path;
};
constexpr MatrixField kMatrixFields[] = {
    {"rate", "traffic.rate"},
    {"speed", "traffic.speed"},
    {"protocol", "traffic.protocol"},
    {"skew_b", "traffic.skew_b"},
    {"repack_b", "traffic.repack_b"},
    {"heartbeat", "traffic.heartbeat"},
    {"packet_bytes_max", "traffic.packet_bytes_max"},
    {"synthetic.messages", "traffic.synthetic.messages"},
    {"synthetic.symbols", "traffic.synthetic.symbols"},
    {"synthetic.messages_per_packet", "traffic.synthetic.messages_per_packet"},
    {"capture.path", "traffic.capture.path"},
    {"capture.limit", "traffic.capture.limit"},
    {"capture.messages_per_packet", "traffic.capture.messages_per_packet"},
    {"rerequest.loss", "traffic.rerequest.loss"},
    {"rerequest.messages_max", "traffic.rerequest.messages_max"},
    {"rerequest.delay", "traffic.rerequest.delay"},
    {"rerequest.keep_messages", "traffic.rerequest.keep_messages"},
    {"glimpse.reject_login", "traffic.glimpse.reject_login"},
    {"glimpse.lag_messages", "traffic.glimpse.lag_messages"},
    {"glimpse.lag_logins", "traffic.glimpse.lag_logins"},
    {"glimpse.cut_after_bytes", "traffic.glimpse.cut_after_bytes"},
    {"glimpse.cut_logins", "traffic.glimpse.cut_logins"},
    {"glimpse.delay", "traffic.glimpse.delay"},
    {"commit", "handler.commit"},
    {"receive", "handler.receive"},
    {"dwell", "handler.dwell"},
    {"window", "handler.window"},
    {"jump", "handler.jump"},
    {"rerequest_timeout", "handler.rerequest_timeout"},
    {"rerequest_tries", "handler.rerequest_tries"},
    {"pool_frames", "handler.pool_frames"},
    {"snapshot", "handler.snapshot"},
    {"snapshot_tries", "handler.snapshot_tries"},
    {"start_after", "handler.start_after"},
    {"book_orders_max", "handler.book_orders_max"},
    {"book_levels_max", "handler.book_levels_max"},
    {"shards", "handler.shards"},
    {"journal.sync", "handler.journal.sync"},
    {"journal.interval", "handler.journal.interval"},
    {"journal.snapshot_every", "handler.journal.snapshot_every"},
    {"spin", "handler.spin"},
    {"fifo", "handler.fifo"},
    {"queues", "handler.queues"},
    {"busy_poll", "handler.busy_poll"},
    {"timestamps", "handler.timestamps"},
};

// Fields of one map of which only one can be.
constexpr std::array<std::pair<absl::string_view, absl::string_view>, 2> kAlternatives = {
    {{"rate", "speed"}, {"synthetic", "capture"}}};

absl::string_view AlternativeOf(absl::string_view key) {
  for (const auto& [one, other] : kAlternatives) {
    if (key == one) return other;
    if (key == other) return one;
  }
  return "";
}

void Erase(std::vector<YamlNode::Entry>& entries, absl::string_view key) {
  std::erase_if(entries, [key](const YamlNode::Entry& entry) { return entry.key == key; });
}

bool IsMap(const YamlPtr& node) { return node != nullptr && node->kind == YamlNode::Kind::kMap; }
bool IsSequence(const YamlPtr& node) { return node != nullptr && node->kind == YamlNode::Kind::kSequence; }

YamlPtr Join(const YamlPtr& first, const YamlPtr& second) {
  auto joined = std::make_shared<YamlNode>(*first);
  joined->position = second->position;
  joined->items.insert(joined->items.end(), second->items.begin(), second->items.end());
  return joined;
}

YamlPtr MergeMaps(const YamlPtr& below, const YamlPtr& above, bool top) {
  if (!IsMap(below) || !IsMap(above)) return above;
  auto merged = std::make_shared<YamlNode>(*above);
  for (const YamlNode::Entry& entry : below->entries) {
    const absl::string_view alternative = AlternativeOf(entry.key);
    if (!alternative.empty() && above->Find(alternative) != nullptr) continue;
    const auto mine = std::find_if(merged->entries.begin(), merged->entries.end(),
                                   [&](const YamlNode::Entry& other) { return other.key == entry.key; });
    if (mine == merged->entries.end()) {
      merged->entries.push_back(entry);
    } else if (top && (entry.key == "gates" || entry.key == "faults") && IsSequence(entry.value) &&
               IsSequence(mine->value)) {
      mine->value = Join(entry.value, mine->value);
    } else {
      mine->value = MergeMaps(entry.value, mine->value, false);
    }
  }
  return merged;
}

// The defaults without what only the other kind of run has: a feed, or a profile.
YamlPtr OfItsKind(const YamlPtr& defaults, const YamlNode& scenario) {
  if (!IsMap(defaults)) return defaults;
  const bool profile = scenario.Find("profile") != nullptr;
  auto fitting = std::make_shared<YamlNode>(*defaults);
  if (profile) {
    for (const char* field : {"traffic", "handler", "faults"}) Erase(fitting->entries, field);
  }
  for (YamlNode::Entry& entry : fitting->entries) {
    if (entry.key != "placement" || !IsMap(entry.value)) continue;
    auto placement = std::make_shared<YamlNode>(*entry.value);
    if (profile) {
      for (const char* role : {"source", "handler"}) Erase(placement->entries, role);
    } else {
      Erase(placement->entries, "profile");
    }
    entry.value = std::move(placement);
  }
  return fitting;
}

// `root` with `value` at `path`; maps on the way are made where they are missing.
YamlPtr SetAt(const YamlPtr& root, std::span<const std::string> path, Position position, const YamlPtr& value) {
  if (path.empty()) return value;
  auto copy = IsMap(root) ? std::make_shared<YamlNode>(*root) : std::make_shared<YamlNode>();
  if (!IsMap(root)) {
    copy->kind = YamlNode::Kind::kMap;
    copy->position = position;
  }
  const YamlNode::Entry* old = copy->Find(path[0]);
  YamlNode::Entry entry{path[0], position,
                        SetAt(old == nullptr ? nullptr : old->value, path.subspan(1), position, value)};
  if (old != nullptr && path.size() > 1) entry.key_position = old->key_position;
  Erase(copy->entries, path[0]);
  if (const absl::string_view alternative = AlternativeOf(path[0]); !alternative.empty())
    Erase(copy->entries, alternative);
  copy->entries.push_back(std::move(entry));
  return copy;
}

// A matrix key, its place in the scenario, and its values.
struct Axis {
  std::string key;
  Position position;
  std::vector<std::string> path;
  std::vector<YamlPtr> values;
};

bool FindPath(const YamlNode::Entry& entry, Axis* axis, Diagnostics& diagnostics) {
  std::vector<absl::string_view> keys;
  for (const MatrixField& field : kMatrixFields) {
    if (entry.key == field.key || entry.key == field.path) {
      axis->path = absl::StrSplit(field.path, '.');
      return true;
    }
    keys.push_back(field.key);
  }
  for (const LocalProfile& profile : LocalProfiles()) {
    for (const ProfileArgument& argument : profile.arguments) {
      const std::string key = absl::StrCat(profile.name, ".", argument.name);
      if (entry.key != key && entry.key != absl::StrCat("profile.", key)) continue;
      axis->path = {"profile", std::string(profile.name), std::string(argument.name)};
      return true;
    }
  }
  const std::string near = Suggestion(entry.key, keys);
  std::string all;
  for (const absl::string_view key : keys) absl::StrAppend(&all, all.empty() ? "" : ", ", key);
  absl::StrAppend(&all, ", and a profile's arguments such as local-core.messages");
  diagnostics.Add(entry.key_position, absl::StrCat("a matrix cannot vary ", Quoted(entry.key),
                                                   near.empty() ? absl::StrCat("; it can vary ", all) : near));
  return false;
}

bool TakeValues(const YamlNode::Entry& entry, Axis* axis, Diagnostics& diagnostics) {
  if (!IsSequence(entry.value) || entry.value->items.empty()) {
    diagnostics.Add(entry.value->position, absl::StrCat("matrix: ", entry.key, " must be a list of values"));
    return false;
  }
  std::set<absl::string_view> seen;
  bool good = true;
  for (const YamlPtr& value : entry.value->items) {
    if (value->kind != YamlNode::Kind::kScalar || value->scalar.size() > kValueTextMax) {
      diagnostics.Add(value->position,
                      absl::StrCat("matrix: each value of ", entry.key, " must be a single value of at most 64 bytes"));
      good = false;
    } else if (!seen.insert(value->scalar).second) {
      diagnostics.Add(value->position, absl::StrCat("matrix: ", entry.key, " has ", Quoted(value->scalar), " twice"));
      good = false;
    }
  }
  axis->values = entry.value->items;
  return good;
}

std::vector<Axis> ReadAxes(const YamlNode& matrix, bool* good, Diagnostics& diagnostics) {
  std::vector<Axis> axes;
  for (const YamlNode::Entry& entry : matrix.entries) {
    Axis axis;
    axis.key = entry.key;
    axis.position = entry.key_position;
    const bool path_found = FindPath(entry, &axis, diagnostics);
    *good = TakeValues(entry, &axis, diagnostics) && path_found && *good;
    axes.push_back(std::move(axis));
  }
  return axes;
}

}  // namespace

YamlPtr MergeDefaults(const YamlPtr& defaults, const YamlPtr& scenario) {
  return MergeMaps(OfItsKind(defaults, *scenario), scenario, /*top=*/true);
}

std::vector<MatrixPoint> ExpandMatrix(const YamlPtr& scenario, size_t points_max, Diagnostics& diagnostics) {
  const YamlNode::Entry* matrix = scenario->Find("matrix");
  if (matrix == nullptr) return {{"", scenario}};
  if (!IsMap(matrix->value)) {
    diagnostics.Add(matrix->value->position, "matrix must be a map from a field to a list of its values");
    return {};
  }
  bool good = true;
  const std::vector<Axis> axes = ReadAxes(*matrix->value, &good, diagnostics);
  size_t count = 1;
  for (const Axis& axis : axes) {
    count *= std::max<size_t>(1, axis.values.size());
    if (count <= points_max) continue;
    diagnostics.Add(matrix->key_position, absl::StrCat("the matrix gives more than ", points_max, " runs"));
    return {};
  }
  if (!good) return {};

  auto plain = std::make_shared<YamlNode>(*scenario);
  Erase(plain->entries, "matrix");
  std::vector<MatrixPoint> points = {{"", plain}};
  for (const Axis& axis : axes) {
    std::vector<MatrixPoint> next;
    for (const MatrixPoint& point : points) {
      for (const YamlPtr& value : axis.values)
        next.push_back({absl::StrCat(point.suffix, point.suffix.empty() ? "" : ",", axis.key, "=", value->scalar),
                        SetAt(point.scenario, axis.path, axis.position, value)});
    }
    points = std::move(next);
  }
  for (MatrixPoint& point : points) {
    if (!point.suffix.empty()) point.suffix = absl::StrCat("[", point.suffix, "]");
  }
  return points;
}

}  // namespace feedfarm
