#include "tests/support/lab.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "grpcpp/grpcpp.h"
#include "proto/farm_service.grpc.pb.h"

namespace feedfarm {
namespace {

constexpr char kLabTool[] = "tools/lab/lab";

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string TemporaryPath(const std::string& suffix) {
  static int counter = 0;
  const char* folder = std::getenv("TEST_TMPDIR");
  return absl::StrCat(folder == nullptr ? "/tmp" : folder, "/", getpid(), ".", counter++, suffix);
}

pid_t Spawn(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
            const std::string& out_path, const std::string& err_path) {
  pid_t pid = fork();
  if (pid != 0) return pid;
  setsid();
  int out = open(out_path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
  int err = open(err_path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
  int in = open("/dev/null", O_RDONLY);
  dup2(in, 0);
  dup2(out, 1);
  dup2(err, 2);
  for (const auto& entry : environment) putenv(const_cast<char*>(entry.c_str()));
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  _exit(127);
}

std::unique_ptr<v1::FarmService::Stub> FarmStub(const std::string& target) {
  return v1::FarmService::NewStub(grpc::CreateChannel(target, grpc::InsecureChannelCredentials()));
}

// One call's context: ten seconds, so that a dead coordinator fails a test instead of hanging it.
struct Call {
  Call() { context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10)); }
  grpc::ClientContext context;
};

}  // namespace

BackgroundCommand::BackgroundCommand(pid_t pid, std::string out_path, std::string err_path)
    : pid_(pid), out_path_(std::move(out_path)), err_path_(std::move(err_path)) {}

absl::StatusOr<std::unique_ptr<BackgroundCommand>> BackgroundCommand::Start(
    const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  std::string out = TemporaryPath(".out"), err = TemporaryPath(".err");
  pid_t pid = Spawn(arguments, environment, out, err);
  if (pid < 0) return absl::InternalError("fork");
  return std::unique_ptr<BackgroundCommand>(new BackgroundCommand(pid, out, err));
}

BackgroundCommand::~BackgroundCommand() {
  if (reaped_) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void BackgroundCommand::Signal(int signal) const { kill(pid_, signal); }

CommandResult BackgroundCommand::Wait(int timeout_s) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(timeout_s);
  int status = 0;
  pid_t done = 0;
  while ((done = waitpid(pid_, &status, WNOHANG)) == 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      kill(pid_, SIGKILL);
      waitpid(pid_, &status, 0);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  reaped_ = true;
  CommandResult result;
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.out = ReadFile(out_path_);
  result.err = ReadFile(err_path_);
  unlink(out_path_.c_str());
  unlink(err_path_.c_str());
  return result;
}

CommandResult RunCommand(const std::vector<std::string>& arguments, int timeout_s,
                         const std::vector<std::string>& environment) {
  auto command = BackgroundCommand::Start(arguments, environment);
  if (!command.ok()) return {-1, "", std::string(command.status().message())};
  return (*command)->Wait(timeout_s);
}

std::optional<std::string> LabUnavailable() {
  if (geteuid() != 0) return "needs root: network namespaces and XDP";
  auto probe = RunCommand({"unshare", "--net", "true"}, 10);
  if (probe.exit_code != 0) return absl::StrCat("no network namespaces here: ", probe.err);
  return std::nullopt;
}

absl::StatusOr<std::unique_ptr<Lab>> Lab::Create() {
  auto up = RunCommand({kLabTool, "up", "--owner", absl::StrCat(getpid())}, 30);
  if (up.exit_code != 0) return absl::InternalError(absl::StrCat("lab up: ", up.err));
  std::unique_ptr<Lab> lab(new Lab(std::string(absl::StripAsciiWhitespace(up.out))));
  auto start = RunCommand({kLabTool, "start", lab->id_, "--bin", "."}, 60);
  if (start.exit_code != 0) return absl::InternalError(absl::StrCat("lab start: ", start.err));
  return lab;
}

Lab::~Lab() { RunCommand({kLabTool, "down", id_}, 60); }

std::string Lab::folder() const { return absl::StrCat("/run/feedfarm/labs/", id_); }
std::string Lab::socket() const { return absl::StrCat("unix:", folder(), "/coordinator.sock"); }

std::vector<std::string> Lab::FeedfarmCommand(const std::vector<std::string>& arguments) const {
  std::vector<std::string> command = {"tools/feedfarm/feedfarm", "--coordinator", socket()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

CommandResult Lab::Feedfarm(const std::vector<std::string>& arguments, int timeout_s) const {
  return RunCommand(FeedfarmCommand(arguments), timeout_s);
}

std::string Lab::WriteCampaign(const std::string& yaml) const {
  std::string path = TemporaryPath(".yaml");
  std::ofstream(path) << yaml;
  return path;
}

const v1::RunResult& Lab::CampaignOutcome::Run(const std::string& scenario) const {
  for (const auto& run : status.runs()) {
    if (run.scenario() == scenario) return run.result();
  }
  return v1::RunResult::default_instance();
}

Lab::CampaignOutcome Lab::RunCampaign(const std::string& yaml, const std::vector<std::string>& flags, int timeout_s) const {
  return RunCampaignFile(WriteCampaign(yaml), flags, timeout_s);
}

Lab::CampaignOutcome Lab::RunCampaignFile(const std::string& path, const std::vector<std::string>& flags,
                                          int timeout_s) const {
  const std::string before = NewestCampaign();
  std::vector<std::string> arguments = {"submit", path, "--wait"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  CommandResult submit = Feedfarm(arguments, timeout_s);
  CampaignOutcome outcome;
  outcome.exit_code = submit.exit_code;
  outcome.out = submit.out;
  outcome.err = submit.err;
  const std::string after = NewestCampaign();
  if (after != before) outcome.status = Status(after);
  return outcome;
}

v1::CampaignStatus Lab::Status(const std::string& campaign_id) const {
  v1::GetRequest request;
  request.set_campaign_id(campaign_id);
  v1::CampaignStatus status;
  Call call;
  if (!FarmStub(socket())->Get(&call.context, request, &status).ok()) return {};
  return status;
}

std::string Lab::NewestCampaign() const {
  v1::ListRequest request;
  request.set_limit(1);
  v1::ListReply reply;
  Call call;
  if (!FarmStub(socket())->List(&call.context, request, &reply).ok() || reply.campaigns().empty()) return "";
  return reply.campaigns(0).campaign_id();
}

std::vector<v1::HostStatus> Lab::Hosts() const {
  v1::ListHostsReply reply;
  Call call;
  if (!FarmStub(socket())->ListHosts(&call.context, {}, &reply).ok()) return {};
  return {reply.hosts().begin(), reply.hosts().end()};
}

bool Lab::Eventually(const std::function<bool()>& holds, int timeout_s) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(timeout_s);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

pid_t Lab::Daemon(const std::string& name) const {
  std::string identity = ReadFile(absl::StrCat(folder(), "/", name, ".pid"));
  pid_t pid = 0;
  if (!absl::SimpleAtoi(identity.substr(0, identity.find(':')), &pid) || kill(pid, 0) != 0) return 0;
  return pid;
}

std::vector<pid_t> Lab::Processes(const std::string& host, const std::string& name) const {
  std::vector<pid_t> found;
  auto pids = RunCommand({"ip", "netns", "pids", absl::StrCat("ff-", id_, "-", host)}, 10);
  for (absl::string_view word : absl::StrSplit(pids.out, '\n', absl::SkipWhitespace())) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(word, &pid)) continue;
    std::error_code error;
    auto program = std::filesystem::read_symlink(absl::StrCat("/proc/", pid, "/exe"), error);
    if (!error && program.filename() == name) found.push_back(pid);
  }
  return found;
}

void Lab::Restart(const std::string& name) const {
  if (name == "coordinator") {
    RunCommand({kLabTool, "coordinator", id_}, 30);
  } else {
    RunCommand({kLabTool, "agent", id_, name}, 30);
  }
}

CommandResult Lab::Exec(const std::string& host, const std::vector<std::string>& command) const {
  std::vector<std::string> arguments = {kLabTool, "exec", id_, host};
  arguments.insert(arguments.end(), command.begin(), command.end());
  return RunCommand(arguments, 30);
}

std::string Lab::Residue() const {
  std::vector<std::string> left;
  for (const char* port : {"lineA", "lineB"}) {
    auto link = Exec("dut", {"ip", "-details", "link", "show", port});
    if (link.exit_code != 0) left.push_back(absl::StrCat("no ", port, ": ", link.err));
    if (link.out.find("xdp") != std::string::npos) left.push_back(absl::StrCat("XDP program on ", port));
  }
  for (const char* host : {"src", "dut"}) {
    for (const char* program : {"feedfarm-handler", "feedfarm-profile"}) {
      for (pid_t pid : Processes(host, program)) left.push_back(absl::StrCat(program, " ", pid, " on ", host));
    }
  }
  return absl::StrJoin(left, "; ");
}

}  // namespace feedfarm
