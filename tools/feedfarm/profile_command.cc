#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "coordinator/gate/exit_code.h"
#include "pipeline/base/clock.h"
#include "pipeline/profile/profile_catalog.h"
#include "pipeline/profile/profile_run.h"
#include "tools/feedfarm/commands.h"
#include "tools/feedfarm/farm_profile.h"
#include "pipeline/profile/profile_folder.h"
#include "tools/feedfarm/report_files.h"
#include "tools/feedfarm/target_profiles.h"
#include "tools/feedfarm/target_report.h"
#include "tools/feedfarm/target_run.h"

namespace feedfarm {
namespace {

struct ProfileFlags {
  std::string name;
  std::vector<std::string> arguments;
  bool list = false;
  bool show = false;
  bool farm = false;
  std::string host;
  bool json = false;
  std::string out;
  uint64_t seed = 1;
};

int ExitCodeOf(ProfileStatus status) {
  switch (status) {
    case ProfileStatus::kOk:
      return kExitPassed;
    case ProfileStatus::kBroken:
      return kExitFailed;
    case ProfileStatus::kBreached:
      return kExitBreached;
    case ProfileStatus::kInconclusive:
      return kExitInconclusive;
    case ProfileStatus::kImpossible:
      return kExitUsage;
    case ProfileStatus::kNoVerdict:
      return kExitInfrastructure;
  }
  return kExitInternal;
}

int List() {
  for (const LocalProfile& profile : LocalProfiles()) {
    std::cout << absl::StrFormat("%-12s %s\n    %s\n", profile.name, Synopsis(profile), profile.meaning);
  }
  for (const TargetProfile& profile : TargetProfiles()) {
    std::cout << absl::StrFormat("%-12s %s\n    %s\n", profile.name, profile.synopsis, profile.meaning);
  }
  return kExitPassed;
}

// Prints the result, and keeps it where a folder is asked for.
int Conclude(const ProfileFlags& flags, bool json, const ProfileReport& report, const ProfileRun& run) {
  std::cout << (json ? report.Json() : report.Line() + "\n") << std::flush;
  if (!flags.out.empty()) {
    if (const absl::Status written = WriteProfileFolder(flags.out, report, run); !written.ok()) {
      return Complain(std::string(written.message()), kExitReportFailed);
    }
  }
  return ExitCodeOf(report.status());
}

int RunLocal(const ProfileFlags& flags, bool json, const LocalProfile& profile, ProfileRun run) {
  const auto arguments = Effective(profile, flags.arguments);
  if (!arguments.ok()) return Complain(std::string(arguments.status().message()), kExitUsage);
  run.config = absl::StrCat(profile.name, " ", absl::StrJoin(*arguments, " "), " seed=", flags.seed);
  run.nic = std::string(profile.nic);
  run.timestamp_source = std::string(profile.timestamp_source);
  const auto report = RunLocalProfile(profile, *arguments, {.seed = flags.seed});
  if (!report.ok()) {
    const bool usage = absl::IsInvalidArgument(report.status());
    return Complain(absl::StrCat(profile.name, ": ", std::string(report.status().message())),
                    usage ? kExitUsage : kExitInfrastructure);
  }
  run.finished_unix_ns = UnixNow();
  return Conclude(flags, json, *report, run);
}

// What is to be kept of the run that the result is made of.
void KeepRun(CliContext& context, const ProfileFlags& flags, const v1::CampaignStatus& status, ProfileRun* run) {
  run->timestamp_source = TimestampSourceOf(status);
  run->finished_unix_ns = UnixNow();
  if (flags.out.empty()) return;
  auto manifest =
      FetchReportFile(context, status.campaign_id(), absl::StrCat("runs/", status.runs(0).run_id(), "/manifest.json"));
  if (manifest.ok()) run->farm_manifest = *std::move(manifest);
}

// On a host of the farm, as any campaign.
int RunLocalOnFarm(CliContext& context, const ProfileFlags& flags, bool json, const LocalProfile& profile,
                   ProfileRun run) {
  const auto arguments = Effective(profile, flags.arguments);
  const absl::Status good = arguments.ok() ? CheckArguments(profile, *arguments) : arguments.status();
  if (!good.ok()) return Complain(std::string(good.message()), kExitUsage);
  run.config = CampaignOf(profile, *arguments, flags.seed, flags.host);
  if (flags.show) {
    std::cout << run.config;
    return kExitPassed;
  }
  TargetRun farm(&context);
  const std::optional<v1::CampaignStatus> status = farm.Run(std::string(profile.name), run.config);
  if (!status) return farm.exit_code();
  KeepRun(context, flags, *status, &run);
  run.timestamp_source = std::string(profile.timestamp_source);
  return Conclude(flags, json, ReportOfFarmProfile(profile, *status), run);
}

// The target is above what any link of this speed carries: nothing is run.
int RefuseTarget(const ProfileFlags& flags, bool json, const TargetProfile& profile, const absl::Status& reason,
                 const ProfileRun& run) {
  ProfileReport report(profile.name);
  report.Note(ProfileStatus::kImpossible, std::string(reason.message()));
  Complain(absl::StrCat(profile.name, ": ", std::string(reason.message())), kExitUsage);
  return Conclude(flags, json, report, run);
}

int RunTarget(CliContext& context, const ProfileFlags& flags, bool json, const TargetProfile& profile, ProfileRun run) {
  const auto plan = profile.plan(flags.arguments, flags.seed);
  if (absl::IsOutOfRange(plan.status())) return RefuseTarget(flags, json, profile, plan.status(), run);
  if (!plan.ok()) {
    return Complain(absl::StrCat(profile.name, " ", profile.synopsis, ": ", std::string(plan.status().message())),
                    kExitUsage);
  }
  if (flags.show) {
    std::cout << plan->yaml;
    return kExitPassed;
  }
  run.config = plan->yaml;
  TargetRun farm(&context);
  std::optional<v1::CampaignStatus> status;
  if (!plan->trial_yaml.empty()) {
    status = farm.Run(profile.name, plan->trial_yaml);
    if (!status) return farm.exit_code();
    if (!LoadOf(*plan, status->runs(0).result()).as_asked) {
      KeepRun(context, flags, *status, &run);
      return Conclude(flags, json, ReportOfTrial(*plan, *status), run);
    }
  }
  status = farm.Run(profile.name, plan->yaml);
  if (!status) return farm.exit_code();
  KeepRun(context, flags, *status, &run);
  return Conclude(flags, json, ReportOfTarget(*plan, *status), run);
}

int Profile(CliContext& context, const ProfileFlags& flags) {
  if (flags.list) return List();
  const bool json = flags.json || context.output == OutputFormat::kJson;
  if (flags.name.empty()) return Complain("a profile's NAME is needed; see feedfarm profile --list", kExitUsage);
  ProfileRun run;
  run.command = absl::StrCat(flags.name, flags.arguments.empty() ? "" : " ", absl::StrJoin(flags.arguments, " "));
  run.seed = flags.seed;
  run.started_unix_ns = UnixNow();
  run.build = context.build;
  if (const TargetProfile* profile = FindTargetProfile(flags.name)) {
    if (!flags.host.empty()) return Complain("a target profile needs two hosts: keep its --show, and write placement", kExitUsage);
    return RunTarget(context, flags, json, *profile, std::move(run));
  }
  if (const LocalProfile* profile = FindLocalProfile(flags.name)) {
    if (flags.farm || flags.show || !flags.host.empty()) {
      return RunLocalOnFarm(context, flags, json, *profile, std::move(run));
    }
    return RunLocal(flags, json, *profile, std::move(run));
  }
  return Complain(absl::StrCat("no profile '", flags.name, "'; see feedfarm profile --list"), kExitUsage);
}

}  // namespace

void AddProfileCommand(CLI::App& app, CliContext& context) {
  auto flags = std::make_shared<ProfileFlags>();
  CLI::App* command = app.add_subcommand("profile", "Run a built-in profile; one key=value line says whether it holds");
  command->add_option("NAME", flags->name, "the profile");
  command->add_option("ARGS", flags->arguments, "its arguments; those left out have defaults");
  command->add_flag("--list", flags->list, "the profiles, their arguments, what they enforce");
  command->add_flag("--show", flags->show, "the profile as a campaign file, to be kept or submitted");
  command->add_flag("--farm", flags->farm, "run a local profile on a host of the farm, not here");
  command->add_option("--host", flags->host, "the same, on this host of the farm");
  command->add_flag("--json", flags->json, "the result as JSON");
  command->add_option("--out", flags->out, "folder for summary, manifest and proof");
  command->add_option("--seed", flags->seed, "everything random comes from it")->capture_default_str();
  command->footer(
      "Examples:\n  feedfarm profile --list\n  feedfarm profile pool-soak 65536 2048 10000 64 --out soak/\n  feedfarm profile local-core --host dut\n  feedfarm "
      "profile target-rx 25gbe 10Mpps\n  feedfarm "
      "profile target-failover-recovery --show > campaign.yaml\n\nExit "
      "codes: 0 ok, 2 usage or "
      "impossible target, 10 broken, 11 no verdict, 12 --out failed, 4 no capable host, 20 inconclusive, 99 service "
      "level breached.");
  command->callback([flags, &context] { context.exit_code = Profile(context, *flags); });
}

}  // namespace feedfarm
