#include "coordinator/campaign/campaign_parser.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "coordinator/campaign/diagnostics.h"
#include "coordinator/campaign/map_reader.h"
#include "coordinator/campaign/matrix.h"
#include "coordinator/campaign/scenario_parser.h"
#include "coordinator/campaign/units.h"
#include "coordinator/campaign/utf8.h"
#include "coordinator/campaign/yaml_tree.h"

namespace feedfarm {
namespace {

// The folder of an absolute file name, with its last '/'; empty for any other.
absl::string_view FolderOf(absl::string_view file_name) {
  if (!absl::StartsWith(file_name, "/")) return "";
  return file_name.substr(0, file_name.rfind('/') + 1);
}

bool IsCampaignName(absl::string_view name) {
  if (name.empty() || name.size() > 63) return false;
  for (const char c : name) {
    if (!absl::ascii_islower(c) && !absl::ascii_isdigit(c) && c != '-') return false;
  }
  return true;
}

// Expands the scenarios of one file, counting runs and names over all of them.
class ScenarioList {
 public:
  ScenarioList(absl::string_view folder, YamlPtr defaults, v1::Campaign* campaign, Diagnostics& diagnostics)
      : folder_(folder), defaults_(std::move(defaults)), campaign_(campaign), diagnostics_(diagnostics) {}

  void Add(const YamlPtr& node) {
    if (node->kind != YamlNode::Kind::kMap) {
      diagnostics_.Add(node->position, absl::StrCat("a scenario is a map of fields, not ", KindName(node->kind)));
      return;
    }
    CheckName(*node);
    if (runs_ > kCampaignRunsMax) return;
    for (const MatrixPoint& point : ExpandMatrix(MergeDefaults(defaults_, node), kCampaignRunsMax, diagnostics_)) {
      v1::Scenario scenario = ParseScenario(*point.scenario, folder_, diagnostics_);
      runs_ += scenario.repetitions();
      if (runs_ > kCampaignRunsMax) {
        diagnostics_.Add(node->position, absl::StrCat("the campaign has more than ", kCampaignRunsMax, " runs"));
        return;
      }
      scenario.set_name(absl::StrCat(scenario.name(), point.suffix));
      *campaign_->add_scenarios() = std::move(scenario);
    }
  }

 private:
  void CheckName(const YamlNode& node) {
    const YamlNode::Entry* name = node.Find("name");
    if (name == nullptr || name->value->kind != YamlNode::Kind::kScalar) return;
    const auto [first, added] = names_.emplace(name->value->scalar, name->value->position.line);
    if (added) return;
    diagnostics_.Add(name->value->position, absl::StrCat("scenario ", Quoted(name->value->scalar),
                                                         " is there twice; first on line ", first->second));
  }

  absl::string_view folder_;
  YamlPtr defaults_;
  v1::Campaign* campaign_;
  Diagnostics& diagnostics_;
  std::map<std::string, uint32_t> names_;
  size_t runs_ = 0;
};

// What a scenario alone can have.
void CheckDefaults(const YamlNode& defaults, Diagnostics& diagnostics) {
  MapReader reader(defaults, "defaults", diagnostics);
  for (const absl::string_view field : {"repetitions", "traffic", "handler", "faults", "placement", "gates", "timeout"})
    reader.FindMaybeEmpty(field);
  reader.Finish();
}

void ReadScenarios(const YamlNode& list, absl::string_view folder, YamlPtr defaults, v1::Campaign* campaign,
                   Diagnostics& diagnostics) {
  if (list.kind != YamlNode::Kind::kSequence || list.items.empty()) {
    diagnostics.Add(list.position, "scenarios must be a list of at least one scenario");
    return;
  }
  ScenarioList scenarios(folder, std::move(defaults), campaign, diagnostics);
  for (const YamlPtr& node : list.items) scenarios.Add(node);
}

void ReadCampaign(const YamlNode& root, absl::string_view folder, v1::Campaign* campaign, Diagnostics& diagnostics) {
  MapReader reader(root, "the campaign", diagnostics);
  std::string name;
  uint64_t seed = 1;
  reader.Need("campaign");
  if (reader.Text("campaign", &name) && !IsCampaignName(name)) {
    reader.Refuse("campaign",
                  absl::StrCat(Quoted(name), " is not a campaign name: lower-case letters, digits, - (at most 63)"));
  }
  reader.Count("seed", 0, std::numeric_limits<uint64_t>::max(), &seed);
  campaign->set_name(name);
  campaign->set_seed(seed);

  reader.FindMaybeEmpty("defaults");
  YamlPtr defaults;
  if (const YamlNode::Entry* entry = root.Find("defaults")) defaults = entry->value;
  if (defaults != nullptr) CheckDefaults(*defaults, diagnostics);
  if (const YamlNode* list = reader.Need("scenarios"))
    ReadScenarios(*list, folder, std::move(defaults), campaign, diagnostics);
  reader.Finish();
}

}  // namespace

CampaignOrDiagnostics ParseCampaign(absl::string_view file_name, absl::string_view text) {
  CampaignOrDiagnostics out;
  Diagnostics diagnostics;
  if (text.size() > kCampaignBytesMax) {
    diagnostics.Add({}, absl::StrCat("the file has ", text.size(), " bytes; at most ", kCampaignBytesMax, " are read"));
  } else if (const size_t valid = Utf8Prefix(text); valid < text.size()) {
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(valid), '\n');
    diagnostics.Add({static_cast<uint32_t>(line), 1}, "this line is not UTF-8 text");
  } else if (const YamlPtr root = ParseYaml(text, diagnostics)) {
    ReadCampaign(*root, FolderOf(file_name), &out.campaign, diagnostics);
  }
  out.diagnostics = diagnostics.Take(file_name, kDiagnosticsMax);
  if (!out.ok()) {
    out.campaign.Clear();
    return out;
  }
  out.campaign.set_source_file(std::string(file_name));
  out.campaign.set_source_text(std::string(text));
  return out;
}

}  // namespace feedfarm
