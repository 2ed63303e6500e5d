// feedfarm-coordinator: takes campaigns, places their runs on hosts, judges and keeps the results.
#include <glog/logging.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "coordinator/gate/exit_code.h"
#include "coordinator/server.h"
#include "pipeline/base/build_stamp.h"

namespace feedfarm {
namespace {

struct Flags {
  std::vector<std::string> listen;
  std::string state_dir;
  double lease_seconds = 10;
  uint64_t drain_ms = 1500;
  double queue_minutes = 10;
};

void Define(CLI::App* app, Flags* flags) {
  app->description(
      "The farm's coordinator: takes campaigns, places their runs on hosts, judges and keeps the results.\n"
      "\n"
      "  feedfarm-coordinator --state-dir /var/lib/feedfarm --listen 0.0.0.0:7400 --listen unix:/run/feedfarm.sock\n"
      "\n"
      "SIGTERM ends it with exit code 0; runs go on at the agents and are taken up again at the next start.");
  app->add_option("--listen", flags->listen, "Address for agents and people, host:port or unix:/path; repeatable")
      ->default_val(std::vector<std::string>{"127.0.0.1:7400"});
  app->add_option("--state-dir", flags->state_dir, "Folder of the database, artifacts and reports")->required();
  app->add_option("--lease-seconds", flags->lease_seconds, "How long a host may act without hearing from here")
      ->check(CLI::Range(1.0, 3600.0))
      ->capture_default_str();
  app->add_option("--drain-ms", flags->drain_ms, "From the source's last packet to the handler's stop")
      ->check(CLI::Range(uint64_t{1}, uint64_t{600'000}))
      ->capture_default_str();
  app->add_option("--queue-minutes", flags->queue_minutes,
                  "A queued run whose hosts are all gone for this long ends as an infrastructure error")
      ->check(CLI::Range(0.01, 10'000.0))
      ->capture_default_str();
  app->set_version_flag("--version", StampOfThisProgram().Text());
}

int Serve(const Flags& flags, const sigset_t& end_signals) {
  CoordinatorServer::Options options;
  options.state_dir = flags.state_dir;
  options.listen = flags.listen;
  options.coordinator.lease.length_ns = static_cast<uint64_t>(flags.lease_seconds * 1e9);
  options.coordinator.waits.drain_ns = flags.drain_ms * 1'000'000;
  options.coordinator.queue_wait_ns = static_cast<uint64_t>(flags.queue_minutes * 60e9);
  const auto server = CoordinatorServer::Start(std::move(options));
  if (!server.ok()) {
    std::cerr << "feedfarm-coordinator: " << server.status().message() << "\n";
    return kExitInternal;
  }
  constexpr timespec kLook{0, 200'000'000};
  for (;;) {
    const int signal = ::sigtimedwait(&end_signals, nullptr, &kLook);
    if (signal > 0) {
      LOG(INFO) << "stopping on signal " << signal;
      return kExitPassed;
    }
    if (const absl::Status health = (*server)->health(); !health.ok()) {
      std::cerr << "feedfarm-coordinator: " << health.message() << "\n";
      return kExitInternal;
    }
  }
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app;
  Define(&app, &flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitPassed : kExitUsage;
  }
  // Before any thread is made, so that all of them leave these signals to the wait below.
  sigset_t end_signals;
  sigemptyset(&end_signals);
  sigaddset(&end_signals, SIGTERM);
  sigaddset(&end_signals, SIGINT);
  ::sigprocmask(SIG_BLOCK, &end_signals, nullptr);
  FLAGS_logtostderr = true;
  google::InitGoogleLogging(argv[0]);
  return Serve(flags, end_signals);
}

}  // namespace
}  // namespace feedfarm

int main(int argc, char** argv) { return feedfarm::Main(argc, argv); }
