// feedfarm: the farm's command line.
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include <CLI/CLI.hpp>

#include "coordinator/gate/exit_code.h"
#include "glog/logging.h"
#include "pipeline/base/build_stamp.h"
#include "tools/feedfarm/commands.h"

namespace {

constexpr char kFooter[] = R"(Examples:
  feedfarm hosts                              which host is healthy, and why one is not
  feedfarm plan campaign.yaml                 check a campaign file, see what would run where
  feedfarm submit campaign.yaml --watch       run it; the exit code is the verdict
  feedfarm report c1 --out report/            the report folder of a finished campaign
  feedfarm profile --list                     built-in checks of this machine, or of the farm

Exit codes: 0 passed, 1 internal error, 2 usage or invalid file, 4 no capable host, 10 failed, 11 infrastructure failed,
12 the report failed, 20 inconclusive, 99 a service level was breached, 130 interrupted.
Data goes to stdout, progress and errors to stderr.)";

// CLI11 reads an enum as its number. An error text where `word` is no format.
std::string OutputNumber(std::string& word) {
  static const auto* const kFormats =
      new std::map<std::string, feedfarm::OutputFormat>{{"table", feedfarm::OutputFormat::kTable},
                                                        {"wide", feedfarm::OutputFormat::kWide},
                                                        {"json", feedfarm::OutputFormat::kJson}};
  const auto format = kFormats->find(word);
  if (format == kFormats->end()) return "'" + word + "' is none of table, wide, json";
  word = std::to_string(static_cast<int>(format->second));
  return "";
}

std::string UsageError(const CLI::App* app, const CLI::Error& error) {
  std::string command = "feedfarm";
  for (const CLI::App* subcommand : app->get_subcommands()) command += " " + subcommand->get_name();
  return std::string("feedfarm: ") + error.what() + "; see " + command + " --help\n";
}

}  // namespace

int main(int argc, char** argv) {
  FLAGS_logtostderr = true;
  FLAGS_minloglevel = google::GLOG_ERROR;
  google::InitGoogleLogging(argv[0]);
  // gRPC's own log is for its developers; what the user needs is in the status.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  std::signal(SIGPIPE, SIG_IGN);

  feedfarm::CliContext context;
  context.build = feedfarm::StampOfThisProgram();
  CLI::App app{"feedfarm: runs market-data feed handlers under stress, faults and failover, and says whether they may ship."};
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(kFooter);
  app.failure_message(UsageError);
  app.set_version_flag("--version", context.build.Text());
  app.add_option("--coordinator", context.coordinator, "host:port or unix:/path of the coordinator")
      ->envname("FEEDFARM_COORDINATOR")
      ->capture_default_str();
  app.add_option("-o,--output", context.output, "how data is printed")
      ->transform(CLI::Validator(OutputNumber, ""))
      ->option_text("table|wide|json (default table)");
  feedfarm::AddSubmitCommand(app, context);
  feedfarm::AddPlanCommand(app, context);
  feedfarm::AddCampaignsCommand(app, context);
  feedfarm::AddShowCommand(app, context);
  feedfarm::AddWatchCommand(app, context);
  feedfarm::AddCancelCommand(app, context);
  feedfarm::AddHostsCommand(app, context);
  feedfarm::AddHostCommand(app, context);
  feedfarm::AddReportCommand(app, context);
  feedfarm::AddProfileCommand(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (app.get_subcommands().empty() && !app.remaining().empty()) {
      std::cerr << "feedfarm: no command '" << app.remaining().front() << "'; see feedfarm --help\n";
      return feedfarm::kExitUsage;
    }
    return app.exit(error) == 0 ? 0 : feedfarm::kExitUsage;
  }
  return context.exit_code;
}
