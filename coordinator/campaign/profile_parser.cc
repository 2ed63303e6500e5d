#include "coordinator/campaign/profile_parser.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "coordinator/campaign/map_reader.h"
#include "coordinator/campaign/suggestion.h"
#include "coordinator/campaign/units.h"
#include "pipeline/profile/profile_catalog.h"

namespace feedfarm {
namespace {

struct FeedField {
  absl::string_view name;
  absl::string_view why;
};
constexpr FeedField kFeedFields[] = {
    {"traffic", "a profile makes its own traffic"},
    {"handler", "a profile runs no handler process"},
    {"faults", "a profile makes its own trouble"},
    {"rate_search", "a profile has no rate"},
};

void RefuseFeedFields(const YamlNode& scenario, Diagnostics& diagnostics) {
  for (const FeedField& field : kFeedFields) {
    const YamlNode::Entry* entry = scenario.Find(field.name);
    if (entry != nullptr) diagnostics.Add(entry->key_position, absl::StrCat(field.name, ": ", field.why));
  }
}

// As written, or the default.
std::string ReadArgument(const ProfileArgument& argument, MapReader& reader) {
  if (!argument.words.empty()) {
    std::vector<Choice> choices;
    for (const absl::string_view word : argument.words) choices.push_back({word, static_cast<int>(choices.size())});
    int chosen = 0;
    return std::string(reader.OneOf(argument.name, choices, &chosen) ? argument.words[static_cast<size_t>(chosen)]
                                                                     : argument.initial);
  }
  uint64_t number = 0;
  return reader.Count(argument.name, argument.min, argument.max, &number) ? absl::StrCat(number)
                                                                          : std::string(argument.initial);
}

void ReadArguments(const LocalProfile& profile, const YamlNode& node, v1::Profile* out, Diagnostics& diagnostics) {
  MapReader reader(node, profile.name, diagnostics);
  ProfileArguments arguments;
  for (const ProfileArgument& argument : profile.arguments) {
    arguments.push_back(ReadArgument(argument, reader));
    v1::ProfileArgument* to = out->add_arguments();
    to->set_name(std::string(argument.name));
    to->set_value(arguments.back());
  }
  reader.Finish();
  // One that is wrong itself has been told.
  if (!diagnostics.empty()) return;
  if (const absl::Status together = CheckArguments(profile, arguments); !together.ok()) {
    diagnostics.Add(node.position, together.message());
  }
}

}  // namespace

void ReadProfile(const YamlNode& node, const YamlNode& scenario_node, v1::Scenario* scenario,
                 Diagnostics& diagnostics) {
  RefuseFeedFields(scenario_node, diagnostics);
  v1::Profile* out = scenario->mutable_profile();
  std::vector<absl::string_view> names;
  for (const LocalProfile& profile : LocalProfiles()) names.push_back(profile.name);
  if (node.kind != YamlNode::Kind::kMap || node.entries.size() != 1) {
    diagnostics.Add(node.position, absl::StrCat("profile is a map of one of ", absl::StrJoin(names, ", "),
                                                " to its arguments, such as {local-core: {}}"));
    return;
  }
  const YamlNode::Entry& entry = node.entries.front();
  const LocalProfile* profile = FindLocalProfile(entry.key);
  if (profile == nullptr) {
    const std::string near = Suggestion(entry.key, names);
    diagnostics.Add(entry.key_position,
                    absl::StrCat("there is no profile ", Quoted(entry.key),
                                 near.empty() ? absl::StrCat("; there are ", absl::StrJoin(names, ", ")) : near));
    return;
  }
  out->set_name(entry.key);
  ReadArguments(*profile, *entry.value, out, diagnostics);
}

}  // namespace feedfarm
