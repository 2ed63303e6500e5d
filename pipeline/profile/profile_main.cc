// feedfarm-profile: a local profile as a process of its own, a child of feedfarm-agent. Says `ready` with its build,
// runs the profile, writes its artifacts, and says its result as one `profile` line; then exits 0 whatever the result
// is: that is the coordinator's to judge. Otherwise `error message=...`, and the exit code says whose fault it is
// (pipeline/control/exit_code.h).
#include <signal.h>
#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "glog/logging.h"
#include "pipeline/base/build_stamp.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/control/build_fields.h"
#include "pipeline/control/control_channel.h"
#include "pipeline/control/exit_code.h"
#include "pipeline/profile/profile_catalog.h"
#include "pipeline/profile/profile_folder.h"
#include "pipeline/profile/profile_run.h"

namespace feedfarm {
namespace {

struct Flags {
  std::string name;
  ProfileArguments arguments;
  uint64_t seed = 1;
  std::string out;
  int control_fd = -1;
};

absl::StatusOr<ProfileReport> Run(const Flags& flags) {
  const LocalProfile* profile = FindLocalProfile(flags.name);
  if (profile == nullptr) return absl::InvalidArgumentError(absl::StrCat("no profile '", flags.name, "'"));
  if (std::error_code error; !flags.out.empty() && !std::filesystem::create_directories(flags.out, error) && error) {
    return absl::PermissionDeniedError(absl::StrCat("make ", flags.out, ": ", error.message()));
  }
  ProfileRun run;
  run.build = StampOfThisProgram();
  run.command = absl::StrCat(flags.name, " ", absl::StrJoin(flags.arguments, " "));
  run.config = absl::StrCat(run.command, " seed=", flags.seed);
  run.seed = flags.seed;
  run.nic = std::string(profile->nic);
  run.timestamp_source = std::string(profile->timestamp_source);
  run.manifest_name = "profile_manifest.json";
  run.started_unix_ns = UnixNow();
  FEEDFARM_ASSIGN_OR_RETURN(ProfileReport report,
                            RunLocalProfile(*profile, flags.arguments, {.seed = flags.seed, .scratch = flags.out}));
  run.finished_unix_ns = UnixNow();
  if (!flags.out.empty()) FEEDFARM_RETURN_IF_ERROR(WriteProfileFolder(flags.out, report, run));
  return report;
}

int Main(int argc, char** argv) {
  google::InitGoogleLogging(argv[0]);
  FLAGS_logtostderr = true;
  CLI::App app("feedfarm-profile: a local profile, run by feedfarm-agent", "feedfarm-profile");
  Flags flags;
  app.add_option("NAME", flags.name, "the profile")->required();
  app.add_option("ARGS", flags.arguments, "a value for each of its arguments");
  app.add_option("--seed", flags.seed, "everything random comes from it");
  app.add_option("--out", flags.out, "folder for its artifacts, and for what it keeps meanwhile");
  app.add_option("--control-fd", flags.control_fd, "where its lines go; -1 = stdout");
  CLI11_PARSE(app, argc, argv);
  // With the agent dies the profile.
  if (flags.control_fd >= 0) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ControlChannel control(flags.control_fd);
  RecordLine ready("ready");
  AddBuild(StampOfThisProgram(), &ready);
  (void)control.Say(ready);
  const absl::StatusOr<ProfileReport> report = Run(flags);
  if (report.ok()) {
    (void)control.Say(report->Record());
    return 0;
  }
  LOG(ERROR) << report.status();
  (void)control.Say(RecordLine("error").Add("message", std::string(report.status().message())));
  return static_cast<int>(ExitOf(report.status()));
}

}  // namespace
}  // namespace feedfarm

int main(int argc, char** argv) { return feedfarm::Main(argc, argv); }
