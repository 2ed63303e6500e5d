#include "coordinator/campaign_report.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "coordinator/scheduler/gang.h"
#include "pipeline/base/rng.h"
#include "pipeline/base/sha256.h"
#include "pipeline/profile/profile_catalog.h"

namespace feedfarm {
namespace {

// FNV-1a: equal on every platform and in every build, unlike std::hash.
uint64_t NameHash(const std::string& name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const unsigned char c : name) hash = (hash ^ c) * 0x100000001b3u;
  return hash;
}

std::string TimestampSource(const v1::Scenario& scenario, const v1::RunResult& result) {
  if (const LocalProfile* profile = FindLocalProfile(scenario.profile().name())) return std::string(profile->timestamp_source);
  std::set<std::string> classes;
  for (const v1::Histogram& histogram : result.handler().histograms()) {
    if (histogram.count() == 0) continue;
    switch (histogram.timestamp_class()) {
      case v1::TIMESTAMP_CLASS_NONE:
        classes.insert("none");
        break;
      case v1::TIMESTAMP_CLASS_SOFTWARE:
        classes.insert("software");
        break;
      case v1::TIMESTAMP_CLASS_HARDWARE:
        classes.insert("hardware");
        break;
      default:
        break;
    }
  }
  return classes.empty() ? "unknown" : absl::StrJoin(classes, "+");
}

void FillBuild(const record::RunSide& subject, v1::Manifest* manifest) {
  constexpr char kUnknown[] = "unknown";
  const bool known = subject.has_handler_build();
  const v1::BuildFacts& build = subject.handler_build();
  manifest->set_commit(known ? build.commit() : kUnknown);
  manifest->set_dirty(build.dirty());
  manifest->set_compiler(known ? build.compiler() : kUnknown);
  manifest->set_allocator(known ? build.allocator() : kUnknown);
  manifest->set_handler_digest(subject.handler_digest());
}

// One word of a shell's command.
std::string Quoted(const std::string& word) {
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

}  // namespace

uint64_t RunSeed(uint64_t campaign_seed, const std::string& scenario, uint32_t repetition) {
  return Rng(campaign_seed).Fork(NameHash(scenario)).Fork(repetition).Next();
}

std::string ReproduceCommand(const v1::Campaign& campaign, bool skipped) {
  std::string command = "feedfarm submit campaign.yaml --watch";
  // Relative captures started at the folder of the file that was submitted, and its copy lies elsewhere.
  const bool relative =
      std::any_of(campaign.scenarios().begin(), campaign.scenarios().end(), [&](const v1::Scenario& scenario) {
        return scenario.traffic().has_capture() &&
               campaign.source_text().find(scenario.traffic().capture().path()) == std::string::npos;
      });
  if (relative) {
    absl::StrAppend(&command, " --folder ",
                    Quoted(std::filesystem::path(campaign.source_file()).parent_path().string()));
  }
  return skipped ? command + " --allow-unplaceable" : command;
}

v1::Manifest ManifestOf(const record::CampaignRecord& campaign, const record::RunRecord& run,
                        const v1::RunResult& result, const std::filesystem::path& report,
                        const std::string& reproduce) {
  const v1::Scenario& scenario = campaign.campaign().scenarios(static_cast<int>(run.scenario_index()));
  v1::Manifest manifest;
  manifest.set_run_id(run.run_id());
  manifest.set_campaign(campaign.campaign().name());
  manifest.set_scenario(scenario.name());
  manifest.set_seed(run.seed());
  FillBuild(SideOf(run, SubjectOf(scenario)), &manifest);
  manifest.set_config_path(campaign.campaign().source_file());
  manifest.set_config_digest(Sha256Hex(campaign.campaign().source_text()));
  if (run.source().has_facts()) *manifest.mutable_source_host() = run.source().facts();
  if (run.handler().has_facts()) *manifest.mutable_handler_host() = run.handler().facts();
  if (run.profile().has_facts()) *manifest.mutable_profile_host() = run.profile().facts();
  manifest.set_timestamp_source(TimestampSource(scenario, result));
  manifest.set_artifact_path((report / "runs" / run.run_id()).string());
  manifest.set_time_unix_ns(result.started_unix_ns() != 0 ? result.started_unix_ns() : campaign.submitted_unix_ns());
  manifest.set_reproduce(reproduce);
  *manifest.mutable_not_granted() = result.handler().not_granted();
  return manifest;
}

}  // namespace feedfarm
