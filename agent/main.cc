// feedfarm-agent: one a host; carries the roles of runs that the coordinator gives it.
//
// Exit codes: 0 asked to stop (SIGTERM, SIGINT), everything undone; 1 internal error, or something could not be undone;
// 2 usage, or another agent is in the way; 11 the host refuses what the agent needs; 130 forced by a second signal.
#include <fcntl.h>
#include <glog/logging.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <xxhash.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "agent/agent_core.h"
#include "agent/agent_loop.h"
#include "agent/uplink/coordinator_channel.h"
#include "agent/epoch_store.h"
#include "agent/uplink/grpc_uplink.h"
#include "agent/handler/handler_role.h"
#include "agent/host/host_fitness.h"
#include "agent/host/host_guard.h"
#include "agent/local_run.h"
#include "agent/profile/profile_role.h"
#include "agent/host/session_priority.h"
#include "agent/source_role.h"
#include "agent/uplink/synchronize_client.h"
#include "agent/undo/system_undo.h"
#include "agent/traffic/traffic_source.h"
#include "pipeline/base/build_stamp.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

constexpr int kExitUndoFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitHostRefused = 11;
constexpr int kExitForced = 130;
// For the last state to reach the coordinator.
constexpr absl::Duration kFarewell = absl::Milliseconds(200);

struct Flags {
  std::string name;
  std::string coordinator;
  std::vector<HostProbeOptions::Port> ports;
  std::string state_dir;
  std::string handler;
  std::string profile;
  int handler_cpu = -1;
  int source_cpu = -1;
  std::string log_dir;
};

std::string BesideThisProgram(const std::string& name) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / name).string();
}

// "eth1=lineA" as interface and link.
std::string TakePort(const std::string& text, std::vector<HostProbeOptions::Port>* ports) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return absl::StrCat("'", text, "' is not INTERFACE=LINK");
  }
  ports->push_back({text.substr(0, equals), text.substr(equals + 1)});
  return "";
}

std::string CheckName(const std::string& name) {
  const bool good =
      !name.empty() && name.size() <= 63 && name[0] != '.' &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == std::string::npos;
  return good ? "" : "letters, digits, '-', '_' and '.', at most 63";
}

// -1 = go on with `flags`; otherwise the exit code.
int ParseFlags(int argc, char** argv, Flags* flags) {
  CLI::App app(
      "feedfarm-agent: carries the roles of feedfarm's runs on this host.\n"
      "Example: feedfarm-agent --name dut --coordinator 10.0.0.1:7070 --port eth1=lineA --port eth2=lineB");
  std::vector<std::string> ports;
  flags->state_dir = "/var/lib/feedfarm-agent";
  flags->handler = BesideThisProgram("feedfarm-handler");
  flags->profile = BesideThisProgram("feedfarm-profile");
  app.set_version_flag("--version", StampOfThisProgram().Text());
  app.add_option("--name", flags->name, "This host's name in the farm")->required()->check(CheckName);
  app.add_option("--coordinator", flags->coordinator, "HOST:PORT of the coordinator")->required();
  app.add_option("--port", ports, "INTERFACE=LINK: a port that the farm may use and the wire it is plugged into")
      ->required();
  app.add_option("--state-dir", flags->state_dir, "Leases, undo journal and runs, kept over restarts")
      ->capture_default_str();
  app.add_option("--handler", flags->handler, "The feedfarm-handler program")->capture_default_str();
  app.add_option("--profile", flags->profile, "The feedfarm-profile program")->capture_default_str();
  app.add_option("--cpu", flags->handler_cpu, "Core of the handler's hot thread; -1 = as the coordinator says");
  app.add_option("--source-cpu", flags->source_cpu, "Core of the source's sender; -1 = as the coordinator says");
  app.add_option("--log-dir", flags->log_dir, "Log files go here instead of stderr");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  for (const std::string& port : ports) {
    const std::string wrong = TakePort(port, &flags->ports);
    if (wrong.empty()) continue;
    std::cerr << "--port: " << wrong << std::endl;
    return kExitUsage;
  }
  return -1;
}

// Held as long as this process lives.
absl::StatusOr<ScopedFd> LockStateDir(const std::string& state_dir) {
  const std::string path = state_dir + "/lock";
  ScopedFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK) return absl::AlreadyExistsError(absl::StrCat("another agent runs on ", state_dir));
  return ErrnoStatus(absl::StrCat("lock ", path));
}

std::string RandomId() {
  std::random_device device;
  return absl::StrFormat("%08x%08x", device(), device());
}

// First SIGTERM or SIGINT: stop and undo; second: out. The signals are blocked in all threads.
void WatchSignals(AgentLoop* loop) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  CHECK_EQ(::pthread_sigmask(SIG_BLOCK, &signals, nullptr), 0);
  std::thread([signals, loop] {
    int signal = 0;
    ::sigwait(&signals, &signal);
    LOG(INFO) << "signal " << signal;
    loop->PostShutdown();
    ::sigwait(&signals, &signal);
    LOG(ERROR) << "signal " << signal << " again: leaving without undoing";
    ::_exit(kExitForced);
  }).detach();
}

HostProbeOptions ProbeOptions(const Flags& flags) {
  HostProbeOptions options;
  options.name = flags.name;
  options.ports = flags.ports;
  return options;
}

// Agents of one name can stand side by side, each in a lab of its own: the folder that only one of them can lock tells their groups
// apart.
std::string GroupPrefix(const Flags& flags) {
  std::error_code error;
  const std::string folder = std::filesystem::canonical(flags.state_dir, error).string();
  return absl::StrFormat("%s-%08x", flags.name, static_cast<uint32_t>(XXH3_64bits(folder.data(), folder.size())));
}

// Groups of an earlier life that the journal does not know.
void ReclaimGroups(const std::string& name, std::vector<std::string>* undone) {
  absl::StatusOr<std::vector<std::string>> groups = Cgroup::List();
  if (!groups.ok()) return;
  for (const std::string& group : *groups) {
    if (group.rfind(name + ".", 0) != 0) continue;
    const absl::Status reclaimed = Cgroup::Reclaim(group);
    undone->push_back(absl::StrCat("stale cgroup ", group, reclaimed.ok() ? "" : ": ", reclaimed.message()));
  }
}

RoleMaker MakeRoles(const Flags& flags, HostGuard* guard) {
  std::random_device device;
  const uint64_t salt = uint64_t{device()} << 32 | device();
  return [flags, guard, salt](const RunKey& key, const std::string& folder, RoleContext context) -> std::unique_ptr<Role> {
    if (key.role == v1::ROLE_SOURCE) {
      SourceRole::Options options;
      options.cpu = flags.source_cpu;
      options.session_salt = salt;
      options.make = &TrafficSource::Create;
      return std::make_unique<SourceRole>(std::move(options), std::move(context));
    }
    const auto make_group = [guard, key]() -> absl::StatusOr<std::optional<Cgroup>> {
      FEEDFARM_ASSIGN_OR_RETURN(Cgroup group, guard->MakeGroup(key));
      return std::optional<Cgroup>(std::move(group));
    };
    if (key.role == v1::ROLE_PROFILE) {
      ProfileRole::Options options;
      options.profile_path = flags.profile;
      options.folder = folder;
      options.make_group = make_group;
      return std::make_unique<ProfileRole>(std::move(options), std::move(context));
    }
    HandlerRole::Options options;
    options.handler_path = flags.handler;
    options.folder = folder;
    options.cpu = flags.handler_cpu;
    options.make_group = make_group;
    return std::make_unique<HandlerRole>(std::move(options), std::move(context));
  };
}

LocalRunFactory::Options FactoryOptions(const Flags& flags, HostGuard* guard, const Clock* clock) {
  LocalRunFactory::Options options;
  options.folder = flags.state_dir + "/runs";
  options.guard = guard;
  options.clock = clock;
  options.make_uplink = [stubs = StubsFor(flags.coordinator)](const RunKey& key, uint64_t epoch,
                                                              TelemetrySpool* spool) -> std::unique_ptr<RunUplink> {
    GrpcUplink::Options uplink;
    uplink.seed = UnixNow();
    return std::make_unique<GrpcUplink>(stubs, uplink, key, epoch, spool);
  };
  options.make_role = MakeRoles(flags, guard);
  for (const HostProbeOptions::Port& port : flags.ports) options.ports.push_back(port.interface);
  return options;
}

int ExitCode(AgentLoop::End end, const absl::Status& refusal, const std::string& name) {
  switch (end) {
    case AgentLoop::End::kShutdown:
      return 0;
    case AgentLoop::End::kRefused:
      std::cerr << "feedfarm-agent: "
                << (absl::IsAlreadyExists(refusal) ? absl::StrCat("another agent named ", name, " is alive")
                                                   : "the coordinator refuses this agent")
                << " (" << refusal.message() << ")" << std::endl;
      return kExitUsage;
    case AgentLoop::End::kNotUndone:
      return kExitUndoFailed;
  }
  return kExitUndoFailed;
}

absl::StatusOr<int> RunAgent(const Flags& flags) {
  std::error_code error;
  std::filesystem::create_directories(flags.state_dir + "/runs", error);
  if (error) return absl::PermissionDeniedError(absl::StrCat("make ", flags.state_dir, ": ", error.message()));
  FEEDFARM_ASSIGN_OR_RETURN(const ScopedFd lock, LockStateDir(flags.state_dir));
  RaiseOwnSession();

  SystemClock clock;
  AgentCore::Options core_options;
  core_options.host = flags.name;
  core_options.instance_id = RandomId();
  core_options.version = StampOfThisProgram().Short();

  FEEDFARM_ASSIGN_OR_RETURN(EpochStore epochs, EpochStore::Open(flags.state_dir + "/epoch"));
  SystemUndo undo;
  const std::string group_prefix = GroupPrefix(flags);
  FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<HostGuard> guard,
                            HostGuard::Open({group_prefix, flags.state_dir + "/undo.journal", {}}, &undo));
  FEEDFARM_ASSIGN_OR_RETURN(UndoReport report, guard->PutBackAll());
  core_options.undone_at_start = report.undone;
  ReclaimGroups(group_prefix, &core_options.undone_at_start);
  for (const std::string& line : core_options.undone_at_start) LOG(INFO) << "undone at start: " << line;

  HostFitness fitness = ProbeFitness(ProbeOptions(flags));
  for (const std::string& reason : fitness.reasons) LOG(WARNING) << "unfit: " << reason;
  for (const std::string& left : report.failed) fitness.reasons.push_back(absl::StrCat("undo failed: ", left));
  core_options.facts = fitness.facts;
  core_options.unfit_reasons = fitness.reasons;

  AgentLoop::Options loop_options;
  loop_options.probe = [&flags, facts = fitness.facts, failed = report.failed](AgentCore* core) {
    HostProbeOptions options = ProbeOptions(flags);
    options.try_xdp = false;
    options.earlier = &facts;
    HostFitness now = ProbeFitness(std::move(options));
    for (const std::string& left : failed) now.reasons.push_back(absl::StrCat("undo failed: ", left));
    core->SetHost(std::move(now.facts), std::move(now.reasons));
  };
  // It outlives its signal thread's last use: that thread only ends with the process.
  auto* loop = new AgentLoop(std::move(loop_options), &clock);
  WatchSignals(loop);

  LocalRunFactory factory(FactoryOptions(flags, guard.get(), &clock));
  AgentCore core(std::move(core_options), &epochs, &factory, loop->sink());
  for (RecoveredRun& run : factory.Recover(report.failed, loop->sink())) core.AddRecovered(std::move(run));

  SynchronizeClient::Options client_options;
  client_options.seed = UnixNow();
  SynchronizeClient::Callbacks callbacks;
  callbacks.desired = [loop](v1::DesiredState desired) { loop->PostDesired(std::move(desired)); };
  callbacks.refused = [loop](absl::Status status) { loop->PostRefused(std::move(status)); };
  SynchronizeClient client(StubsFor(flags.coordinator), client_options, std::move(callbacks));
  LOG(INFO) << "agent " << flags.name << " " << StampOfThisProgram().Short() << " asks " << flags.coordinator;
  const AgentLoop::End end = loop->Run(&core, [&client](v1::AgentState state) { client.Send(std::move(state)); });
  if (end == AgentLoop::End::kNotUndone) ::_exit(kExitUndoFailed);
  absl::SleepFor(kFarewell);
  return ExitCode(end, loop->refusal(), flags.name);
}

int Main(int argc, char** argv) {
  Flags flags;
  if (const int code = ParseFlags(argc, argv, &flags); code >= 0) return code;
  std::error_code error;
  if (!flags.log_dir.empty()) std::filesystem::create_directories(flags.log_dir, error);
  FLAGS_log_dir = flags.log_dir;
  FLAGS_logtostderr = flags.log_dir.empty();
  FLAGS_logbufsecs = 0;
  google::InitGoogleLogging(argv[0]);
  ::signal(SIGPIPE, SIG_IGN);
  const absl::StatusOr<int> code = RunAgent(flags);
  if (code.ok()) return *code;
  std::cerr << "feedfarm-agent: " << code.status().message() << std::endl;
  return absl::IsAlreadyExists(code.status()) ? kExitUsage : kExitHostRefused;
}

}  // namespace
}  // namespace feedfarm

int main(int argc, char** argv) { return feedfarm::Main(argc, argv); }
