// The program itself, as people and CI run it, against a coordinator that says what the test wants.
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/farm_service.grpc.pb.h"

namespace feedfarm {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kProgram[] = "tools/feedfarm/feedfarm";

struct CommandResult {
  int exit_code = -1;
  std::string out;
  std::string err;
};

std::string Read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// One run of the program, its streams in two files.
class Command {
 public:
  explicit Command(std::vector<std::string> arguments, const char* variable = nullptr) {
    const std::string base = absl::StrCat(testing::TempDir(), "/command", count_++);
    out_ = base + ".out";
    err_ = base + ".err";
    arguments.insert(arguments.begin(), kProgram);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    std::string path = "PATH=/usr/bin:/bin";
    std::string extra = variable == nullptr ? "" : variable;
    char* environment[] = {path.data(), variable == nullptr ? nullptr : extra.data(), nullptr};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    EXPECT_EQ(posix_spawn(&pid_, kProgram, &files, nullptr, argv.data(), environment), 0);
    posix_spawn_file_actions_destroy(&files);
  }

  void Signal(int signal) const { kill(pid_, signal); }

  CommandResult Wait() const {
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), Read(out_), Read(err_)};
  }

 private:
  static inline int count_ = 0;
  pid_t pid_ = 0;
  std::string out_;
  std::string err_;
};

v1::CampaignStatus Finished(v1::Verdict verdict) {
  v1::CampaignStatus status;
  status.set_campaign_id("c7");
  status.set_name("demo");
  status.set_finished(true);
  status.set_verdict(verdict);
  status.set_runs_count(1);
  status.set_runs_finished(1);
  v1::RunStatus* run = status.add_runs();
  run->set_run_id("c7.r1");
  run->set_scenario("clean");
  run->set_state(v1::RUN_STATE_FINISHED);
  run->mutable_result()->set_verdict(verdict);
  return status;
}

// Answers as it was told to; keeps the last submit. A watch of an unfinished campaign waits for its cancellation.
class FakeFarm final : public v1::FarmService::Service {
 public:
  v1::SubmitReply submit_reply;
  v1::CampaignStatus status = Finished(v1::VERDICT_PASSED);
  std::vector<std::pair<std::string, std::string>> report = {{"report.txt", "the report\n"},
                                                             {"runs/c7.r1/handler.log", "log\n"}};

  v1::SubmitRequest submitted() {
    std::lock_guard lock(mutex_);
    return submitted_;
  }
  // Blocks until somebody watches.
  void AwaitWatcher() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return watchers_ > 0; });
  }

  grpc::Status Submit(grpc::ServerContext*, const v1::SubmitRequest* request, v1::SubmitReply* reply) override {
    std::lock_guard lock(mutex_);
    submitted_ = *request;
    *reply = submit_reply;
    return grpc::Status::OK;
  }
  grpc::Status Plan(grpc::ServerContext*, const v1::SubmitRequest*, v1::PlanReply* reply) override {
    v1::PlannedRun* run = reply->add_runs();
    run->set_scenario("clean");
    run->set_repetition(1);
    return grpc::Status::OK;
  }
  grpc::Status Watch(grpc::ServerContext* context, const v1::WatchRequest*,
                     grpc::ServerWriter<v1::CampaignStatus>* writer) override {
    writer->Write(status);
    if (status.finished()) return grpc::Status::OK;
    std::unique_lock lock(mutex_);
    ++watchers_;
    changed_.notify_all();
    while (!cancelled_ && !context->IsCancelled()) changed_.wait_for(lock, std::chrono::milliseconds(20));
    v1::CampaignStatus end = Finished(v1::VERDICT_CANCELLED);
    end.set_cancel_requested(true);
    writer->Write(end);
    return grpc::Status::OK;
  }
  grpc::Status Cancel(grpc::ServerContext*, const v1::CancelRequest* request, v1::CancelReply*) override {
    if (request->campaign_id() != "c7") return {grpc::StatusCode::NOT_FOUND, "no campaign " + request->campaign_id()};
    std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
    return grpc::Status::OK;
  }
  grpc::Status List(grpc::ServerContext*, const v1::ListRequest*, v1::ListReply* reply) override {
    *reply->add_campaigns() = status;
    return grpc::Status::OK;
  }
  grpc::Status Get(grpc::ServerContext*, const v1::GetRequest* request, v1::CampaignStatus* reply) override {
    if (request->campaign_id() != "c7") return {grpc::StatusCode::NOT_FOUND, "no campaign " + request->campaign_id()};
    *reply = status;
    return grpc::Status::OK;
  }
  grpc::Status ListHosts(grpc::ServerContext*, const v1::ListHostsRequest*, v1::ListHostsReply* reply) override {
    v1::HostStatus* host = reply->add_hosts();
    host->set_name("dut");
    host->set_health(v1::HOST_HEALTH_FIT);
    return grpc::Status::OK;
  }
  grpc::Status GetReport(grpc::ServerContext*, const v1::GetReportRequest*,
                         grpc::ServerWriter<v1::ReportChunk>* writer) override {
    if (!status.finished()) return {grpc::StatusCode::FAILED_PRECONDITION, "c7 is not finished"};
    for (const auto& [path, content] : report) {
      v1::ReportChunk chunk;
      chunk.set_path(path);
      chunk.set_content(content);
      writer->Write(chunk);
    }
    return grpc::Status::OK;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  v1::SubmitRequest submitted_;
  int watchers_ = 0;
  bool cancelled_ = false;
};

class FeedfarmTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / "feedfarm_test";
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&farm_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  void TearDown() override { server_->Shutdown(std::chrono::system_clock::now()); }

  Command Start(const std::vector<std::string>& arguments) const {
    std::vector<std::string> command = {"--coordinator", absl::StrCat("127.0.0.1:", port_)};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return Command(command);
  }
  CommandResult Feedfarm(const std::vector<std::string>& arguments) const { return Start(arguments).Wait(); }
  std::string WriteFile(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return (folder_ / name).string();
  }

  FakeFarm farm_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  fs::path folder_;
};

TEST_F(FeedfarmTest, SubmitPrintsTheIdAlone) {
  farm_.submit_reply.set_campaign_id("c7");
  const CommandResult result =
      Feedfarm({"submit", WriteFile("a.yaml", "campaign: a\nrate: ${rate}\n"), "--set", "rate=5pps"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "c7\n");
  EXPECT_EQ(farm_.submitted().file(), (folder_ / "a.yaml").string());
  EXPECT_EQ(farm_.submitted().text(), "campaign: a\nrate: 5pps\n");
  EXPECT_FALSE(farm_.submitted().idempotency_key().empty());
  EXPECT_FALSE(farm_.submitted().allow_unplaceable());
}

TEST_F(FeedfarmTest, SubmitTakesCapturesFromAnotherFolder) {
  farm_.submit_reply.set_campaign_id("c7");
  EXPECT_EQ(Feedfarm({"submit", WriteFile("a.yaml", "campaign: a\n"), "--folder", "/data"}).exit_code, 0);
  EXPECT_EQ(farm_.submitted().file(), "/data/a.yaml");
}

TEST_F(FeedfarmTest, BadFilesAreUsageErrorsWithTheirPlace) {
  EXPECT_EQ(Feedfarm({"submit", "nowhere.yaml"}).exit_code, 2);
  const CommandResult variable = Feedfarm({"submit", WriteFile("a.yaml", "campaign: a\nrate: ${rate}\n")});
  EXPECT_EQ(variable.exit_code, 2);
  EXPECT_THAT(variable.err, HasSubstr("a.yaml:2:7: ${rate} has no value"));
  const CommandResult binary = Feedfarm({"submit", WriteFile("b.yaml", "campaign: a\nseed: \xff\n")});
  EXPECT_EQ(binary.exit_code, 2);
  EXPECT_THAT(binary.err, HasSubstr("b.yaml:2:1: this line is not UTF-8 text"));
  EXPECT_EQ(Feedfarm({"submit", WriteFile("c.yaml", std::string(300'000, ' '))}).exit_code, 2);
  v1::Diagnostic* diagnostic = farm_.submit_reply.add_diagnostics();
  diagnostic->set_file("/x/d.yaml");
  diagnostic->set_line(8);
  diagnostic->set_column(7);
  diagnostic->set_message("unknown field \"raet\"");
  const CommandResult refused = Feedfarm({"submit", WriteFile("d.yaml", "campaign: a\n"), "--watch"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("d.yaml:8:7: unknown field \"raet\""));
}

TEST_F(FeedfarmTest, UnplaceableIsSkippedWithEachConstraint) {
  v1::PlacementProblem* problem = farm_.submit_reply.add_unplaceable();
  problem->set_scenario("big");
  problem->add_constraints("handler: driver == ice: dut has veth");
  const CommandResult result = Feedfarm({"submit", WriteFile("a.yaml", "campaign: a\n")});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, HasSubstr("  handler: driver == ice: dut has veth\n"));
  EXPECT_EQ(result.out, "");
}

TEST_F(FeedfarmTest, TheVerdictIsTheExitCode) {
  struct Case {
    v1::Verdict verdict;
    int code;
  };
  farm_.submit_reply.set_campaign_id("c7");
  const std::string file = WriteFile("a.yaml", "campaign: a\n");
  for (const Case& c : {Case{v1::VERDICT_PASSED, 0}, Case{v1::VERDICT_SKIPPED, 4}, Case{v1::VERDICT_FAILED, 10},
                        Case{v1::VERDICT_INFRASTRUCTURE_ERROR, 11}, Case{v1::VERDICT_INCONCLUSIVE, 20},
                        Case{v1::VERDICT_BREACHED, 99}, Case{v1::VERDICT_CANCELLED, 130}}) {
    farm_.status = Finished(c.verdict);
    EXPECT_EQ(Feedfarm({"submit", file, "--wait"}).exit_code, c.code);
    EXPECT_EQ(Feedfarm({"watch", "c7"}).exit_code, c.code);
  }
  farm_.status = Finished(v1::VERDICT_PASSED);
  farm_.status.set_report_error("disk full");
  const CommandResult unreported = Feedfarm({"submit", file, "--wait"});
  EXPECT_EQ(unreported.exit_code, 12);
  EXPECT_THAT(unreported.err, HasSubstr("disk full"));
}

TEST_F(FeedfarmTest, WaitPrintsTheReportOnStdoutAndNoEscapesOffATerminal) {
  farm_.submit_reply.set_campaign_id("c7");
  const CommandResult result = Feedfarm({"submit", WriteFile("a.yaml", "campaign: a\n"), "--watch"});
  EXPECT_EQ(result.out, "the report\n");
  EXPECT_THAT(result.err, StartsWith("submitted c7\n"));
  EXPECT_EQ(result.err.find('\x1b'), std::string::npos) << result.err;
  const CommandResult json = Feedfarm({"-o", "json", "submit", WriteFile("a.yaml", "campaign: a\n"), "--wait"});
  EXPECT_THAT(json.out, StartsWith("{"));
  EXPECT_THAT(json.out, HasSubstr("\"campaign_id\": \"c7\""));
}

TEST_F(FeedfarmTest, FirstInterruptCancelsAndWaitsForTheVerdict) {
  farm_.submit_reply.set_campaign_id("c7");
  farm_.status.set_finished(false);
  const Command command = Start({"submit", WriteFile("a.yaml", "campaign: a\n"), "--wait"});
  farm_.AwaitWatcher();
  command.Signal(SIGINT);
  const CommandResult result = command.Wait();
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_THAT(result.err, HasSubstr("cancelling c7"));
}

TEST_F(FeedfarmTest, ReportPrintsAndFetches) {
  const CommandResult printed = Feedfarm({"report", "c7"});
  EXPECT_EQ(printed.exit_code, 0);
  EXPECT_EQ(printed.out, "the report\n");
  EXPECT_EQ(Feedfarm({"report", "c7", "--out", (folder_ / "r").string()}).exit_code, 0);
  EXPECT_EQ(Read(folder_ / "r" / "runs" / "c7.r1" / "handler.log"), "log\n");
  farm_.report = {{"report.txt", "x"}, {"../outside", "bad"}};
  EXPECT_NE(Feedfarm({"report", "c7", "--out", (folder_ / "s").string()}).exit_code, 0);
  EXPECT_FALSE(fs::exists(folder_ / "outside"));
  farm_.status.set_finished(false);
  EXPECT_NE(Feedfarm({"report", "c7"}).exit_code, 0);
}

TEST_F(FeedfarmTest, ListsAndShows) {
  EXPECT_THAT(Feedfarm({"campaigns"}).out, HasSubstr("c7"));
  EXPECT_THAT(Feedfarm({"campaigns", "-o", "json"}).out, HasSubstr("\"campaign_id\": \"c7\""));
  EXPECT_THAT(Feedfarm({"show", "c7"}).out, HasSubstr("clean"));
  EXPECT_THAT(Feedfarm({"hosts"}).out, HasSubstr("dut   fit"));
  EXPECT_THAT(Feedfarm({"plan", WriteFile("a.yaml", "campaign: a\n")}).out, HasSubstr("clean"));
  EXPECT_EQ(Feedfarm({"cancel", "c7"}).exit_code, 0);
  for (const char* command : {"show", "cancel"}) {
    const CommandResult unknown = Feedfarm({command, "c9"});
    EXPECT_EQ(unknown.exit_code, 2);
    EXPECT_THAT(unknown.err, HasSubstr("no campaign c9"));
  }
}

TEST_F(FeedfarmTest, UsageErrorsAreTwoAndHelpTeaches) {
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{},
                                                {"no-such-command"},
                                                {"submit"},
                                                {"show"},
                                                {"-o", "xml", "hosts"},
                                                {"hosts", "extra"}})
    EXPECT_EQ(Feedfarm(wrong).exit_code, 2);
  for (const char* command : {"submit", "plan", "campaigns", "show", "watch", "cancel", "report", "hosts", "host"}) {
    const CommandResult help = Feedfarm({command, "--help"});
    EXPECT_EQ(help.exit_code, 0) << command;
    EXPECT_THAT(help.out, HasSubstr("Example")) << command;
  }
  EXPECT_THAT(Command({"--help"}).Wait().out, HasSubstr("Exit codes"));
}

TEST_F(FeedfarmTest, ACoordinatorThatIsNotThereIsInfrastructure) {
  const CommandResult tcp = Command({"--coordinator", "127.0.0.1:9", "hosts"}).Wait();
  EXPECT_EQ(tcp.exit_code, 11);
  EXPECT_THAT(tcp.err, HasSubstr("127.0.0.1:9"));
  const CommandResult socket = Command({"hosts"}, "FEEDFARM_COORDINATOR=unix:/nowhere.sock").Wait();
  EXPECT_EQ(socket.exit_code, 11);
  EXPECT_THAT(socket.err, HasSubstr("unix:/nowhere.sock"));
}

}  // namespace
}  // namespace feedfarm
