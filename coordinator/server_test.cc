// A whole coordinator over real gRPC on loopback, with simulated agents.
#include "coordinator/server.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "coordinator/testing/connected_agent.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "proto/farm_service.grpc.pb.h"

namespace feedfarm {
namespace {

using ::testing::HasSubstr;

constexpr char kCampaign[] = R"(campaign: test
seed: 7
scenarios:
  - name: plain
    repetitions: 2
    traffic: {synthetic: {messages: 1000}}
    gates: ["messages == sent_messages", "state_hash == reference", "p50(latency.decode) < 9us"]
)";

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = std::filesystem::path(testing::TempDir()) /
           absl::StrCat("server-", testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(dir_);
    Start(0);
  }
  void TearDown() override {
    agents_.clear();
    server_.reset();
    std::filesystem::remove_all(dir_);
  }

  CoordinatorServer::Options Options(int port) {
    CoordinatorServer::Options options;
    options.state_dir = dir_.string();
    options.listen = {absl::StrCat("127.0.0.1:", port)};
    return options;
  }
  void Start(int port) {
    auto server = CoordinatorServer::Start(Options(port));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    address_ = absl::StrCat("127.0.0.1:", server_->ports()[0]);
    channel_ = grpc::CreateChannel(address_, grpc::InsecureChannelCredentials());
    farm_ = v1::FarmService::NewStub(channel_);
  }
  void StartAgents() {
    agents_.push_back(std::make_unique<ConnectedAgent>(address_, "src", 1));
    agents_.push_back(std::make_unique<ConnectedAgent>(address_, "dut", 2));
    Until([&] { return FitHosts() == 2; });
  }
  int FitHosts() {
    grpc::ClientContext context;
    v1::ListHostsReply hosts;
    if (!farm_->ListHosts(&context, {}, &hosts).ok()) return 0;
    int fit = 0;
    for (const v1::HostStatus& host : hosts.hosts()) fit += host.health() == v1::HOST_HEALTH_FIT;
    return fit;
  }
  v1::SubmitReply Submit(const std::string& text, const std::string& key = "", bool allow_unplaceable = false) {
    v1::SubmitRequest request;
    request.set_file("/test.yaml");
    request.set_text(text);
    request.set_idempotency_key(key);
    request.set_allow_unplaceable(allow_unplaceable);
    grpc::ClientContext context;
    v1::SubmitReply reply;
    const grpc::Status status = farm_->Submit(&context, request, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reply;
  }
  v1::CampaignStatus Get(const std::string& id) {
    v1::GetRequest request;
    request.set_campaign_id(id);
    grpc::ClientContext context;
    v1::CampaignStatus reply;
    farm_->Get(&context, request, &reply);
    return reply;
  }
  // The last snapshot of a watch, and how many there were.
  v1::CampaignStatus WatchToTheEnd(const std::string& id, int* snapshots) {
    v1::WatchRequest request;
    request.set_campaign_id(id);
    grpc::ClientContext context;
    const auto reader = farm_->Watch(&context, request);
    v1::CampaignStatus status;
    for (*snapshots = 0; reader->Read(&status);) ++*snapshots;
    EXPECT_TRUE(reader->Finish().ok());
    return status;
  }
  // Polls a condition that comes about by itself; the test's own time limit is the end.
  static void Until(const std::function<bool()>& condition) {
    while (!condition()) absl::SleepFor(absl::Milliseconds(20));
  }

  std::filesystem::path dir_;
  std::unique_ptr<CoordinatorServer> server_;
  std::string address_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::FarmService::Stub> farm_;
  std::vector<std::unique_ptr<ConnectedAgent>> agents_;
};

TEST_F(ServerTest, RunsACampaignToItsVerdictAndReport) {
  StartAgents();
  const v1::SubmitReply submitted = Submit(kCampaign);
  ASSERT_EQ(submitted.campaign_id(), "c1") << submitted.DebugString();
  int snapshots = 0;
  const v1::CampaignStatus status = WatchToTheEnd("c1", &snapshots);
  EXPECT_GT(snapshots, 3);
  EXPECT_TRUE(status.finished());
  EXPECT_EQ(status.verdict(), v1::VERDICT_PASSED) << status.DebugString();
  ASSERT_EQ(status.runs_size(), 2);
  for (const v1::RunStatus& run : status.runs()) {
    EXPECT_EQ(run.result().intervals_missing(), 0u);
    EXPECT_GT(run.result().intervals_merged(), 0u);
    EXPECT_EQ(run.result().gates_size(), 3);
  }
  EXPECT_NE(status.runs(0).result().source().messages(), status.runs(1).result().source().messages()) << "seeds differ";
  EXPECT_EQ(status.report_error(), "");
  EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(status.report_path()) / "report.json"));
  EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(status.report_path()) / "runs/c1.r1/agent-handler.log"));
  for (const auto& agent : agents_) EXPECT_TRUE(agent->violations().empty());
  std::ifstream text(std::filesystem::path(status.report_path()) / "report.txt");
  const std::string report((std::istreambuf_iterator<char>(text)), {});
  EXPECT_NE(report.find("\n  feedfarm submit campaign.yaml --watch\n"), std::string::npos) << report;

  v1::GetReportRequest request;
  request.set_campaign_id("c1");
  grpc::ClientContext context;
  const auto reader = farm_->GetReport(&context, request);
  v1::ReportChunk chunk;
  std::vector<std::string> paths;
  while (reader->Read(&chunk)) paths.push_back(chunk.path());
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_THAT(paths, testing::IsSupersetOf({"report.json", "junit.xml", "runs/c1.r2/manifest.json"}));

  // One file of it, and no other way into the disk.
  const auto one = [&](const std::string& path) {
    request.set_path(path);
    grpc::ClientContext call;
    const auto chunks = farm_->GetReport(&call, request);
    paths.clear();
    while (chunks->Read(&chunk)) paths.push_back(chunk.path());
    return chunks->Finish();
  };
  EXPECT_TRUE(one("runs/c1.r2/manifest.json").ok());
  EXPECT_THAT(paths, testing::Each("runs/c1.r2/manifest.json"));
  EXPECT_FALSE(paths.empty());
  for (const char* path : {"nothing", "../c1/report.json", "/etc/passwd", "runs", "runs/../report.json"}) {
    EXPECT_EQ(one(path).error_code(), grpc::StatusCode::NOT_FOUND) << path;
    EXPECT_TRUE(paths.empty()) << path;
  }
}

TEST_F(ServerTest, ARestartInTheMiddleOfARunChangesNothing) {
  StartAgents();
  Submit(kCampaign);
  Until([&] {
    const v1::CampaignStatus status = Get("c1");
    return status.runs_size() > 0 && status.runs(0).state() == v1::RUN_STATE_RUNNING;
  });
  const int port = server_->ports()[0];
  server_.reset();
  Start(port);
  EXPECT_EQ(Get("c1").runs(0).state(), v1::RUN_STATE_RUNNING);
  Until([&] { return Get("c1").finished(); });
  EXPECT_EQ(Get("c1").verdict(), v1::VERDICT_PASSED) << Get("c1").DebugString();
  EXPECT_EQ(Get("c1").runs(0).result().intervals_missing(), 0u);
  for (const auto& agent : agents_) EXPECT_TRUE(agent->violations().empty());
}

TEST_F(ServerTest, ASecondLiveAgentOfOneNameIsRefused) {
  StartAgents();
  ConnectedAgent second(address_, "dut", 99);
  Until([&] { return second.last_status().error_code() == grpc::StatusCode::ALREADY_EXISTS; });
  EXPECT_THAT(second.last_status().error_message(), HasSubstr("host dut has a live agent"));
  EXPECT_EQ(FitHosts(), 2);
}

TEST_F(ServerTest, AnAgentThatWentAwayIsReplaced) {
  StartAgents();
  agents_.pop_back();
  agents_.push_back(std::make_unique<ConnectedAgent>(address_, "dut", 99));
  Submit(kCampaign);
  Until([&] { return Get("c1").finished(); });
  EXPECT_EQ(Get("c1").verdict(), v1::VERDICT_PASSED) << Get("c1").DebugString();
}

TEST_F(ServerTest, ABadHostNameIsRefused) {
  ConnectedAgent bad(address_, "../dut", 1);
  Until([&] { return bad.last_status().error_code() == grpc::StatusCode::INVALID_ARGUMENT; });
}

TEST_F(ServerTest, HostsAreStillKnownAfterARestart) {
  StartAgents();
  agents_.clear();
  server_.reset();
  Start(0);
  grpc::ClientContext context;
  v1::HostStatus host;
  v1::GetHostRequest request;
  request.set_name("dut");
  ASSERT_TRUE(farm_->GetHost(&context, request, &host).ok());
  EXPECT_EQ(host.health(), v1::HOST_HEALTH_LOST);
  EXPECT_EQ(host.facts().ports_size(), 4);
  EXPECT_THAT(host.reasons(0), HasSubstr("lost: last heard"));
}

TEST_F(ServerTest, TwoSubmitsWithOneKeyAreOne) {
  StartAgents();
  const v1::SubmitReply first = Submit(kCampaign, "k");
  EXPECT_EQ(first.campaign_id(), "c1");
  EXPECT_EQ(first.first_submitted_unix_ns(), 0u);
  const v1::SubmitReply again = Submit(kCampaign, "k");
  EXPECT_EQ(again.campaign_id(), "c1");
  EXPECT_EQ(again.first_submitted_unix_ns(), Get("c1").submitted_unix_ns());
  EXPECT_EQ(Submit(kCampaign, "other").campaign_id(), "c2");
}

TEST_F(ServerTest, AKeyIsNotAnotherCampaignsVerdict) {
  StartAgents();
  v1::SubmitRequest request;
  request.set_file("/test.yaml");
  request.set_text(kCampaign);
  request.set_idempotency_key("k");
  const auto code = [&] {
    grpc::ClientContext context;
    v1::SubmitReply reply;
    return farm_->Submit(&context, request, &reply).error_code();
  };
  EXPECT_EQ(code(), grpc::StatusCode::OK);
  request.set_text(absl::StrCat(kCampaign, "# another\n"));
  EXPECT_EQ(code(), grpc::StatusCode::ALREADY_EXISTS);
  request.set_text(kCampaign);
  request.set_file("/elsewhere/test.yaml");
  EXPECT_EQ(code(), grpc::StatusCode::ALREADY_EXISTS);
  request.set_file("/test.yaml");
  request.set_allow_unplaceable(true);
  EXPECT_EQ(code(), grpc::StatusCode::ALREADY_EXISTS);
  request.set_allow_unplaceable(false);
  EXPECT_EQ(code(), grpc::StatusCode::OK);
}

TEST_F(ServerTest, BadFilesAndImpossibleScenariosAreExplained) {
  EXPECT_GT(Submit("campaign: x\nbogus: 1\n").diagnostics_size(), 0);
  const v1::SubmitReply reply = Submit(kCampaign);
  EXPECT_EQ(reply.campaign_id(), "");
  ASSERT_EQ(reply.unplaceable_size(), 1);
  EXPECT_THAT(reply.unplaceable(0).constraints(0), HasSubstr("none is registered"));
}

TEST_F(ServerTest, AllowedImpossibleRunsAreSkipped) {
  EXPECT_EQ(Submit(kCampaign, "", true).campaign_id(), "c1");
  Until([&] { return Get("c1").finished(); });
  EXPECT_EQ(Get("c1").verdict(), v1::VERDICT_SKIPPED);
  EXPECT_THAT(Get("c1").runs(0).result().reasons(0), HasSubstr("none is registered"));
}

TEST_F(ServerTest, CancelEndsARunningCampaign) {
  StartAgents();
  Submit(kCampaign);
  Until([&] { return Get("c1").runs(0).state() >= v1::RUN_STATE_PREPARING; });
  v1::CancelRequest request;
  request.set_campaign_id("c1");
  v1::CancelReply reply;
  {
    grpc::ClientContext context;
    EXPECT_TRUE(farm_->Cancel(&context, request, &reply).ok());
  }
  Until([&] { return Get("c1").finished(); });
  EXPECT_EQ(Get("c1").verdict(), v1::VERDICT_CANCELLED);
  grpc::ClientContext context;
  EXPECT_EQ(farm_->Cancel(&context, request, &reply).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(ServerTest, CancelsCountRunsThatAreOverOnce) {
  StartAgents();
  Submit(kCampaign);
  Until([&] { return Get("c1").runs_finished() >= 1; });
  v1::CancelRequest request;
  request.set_campaign_id("c1");
  for (int i = 0; i < 3; ++i) {
    grpc::ClientContext context;
    v1::CancelReply reply;
    farm_->Cancel(&context, request, &reply);  // FAILED_PRECONDITION where the second run was quicker
    const v1::CampaignStatus status = Get("c1");
    EXPECT_LE(status.runs_finished(), status.runs_count());
    // Not before its last run has a verdict and has given its hosts back.
    EXPECT_TRUE(!status.finished() || status.runs(1).state() == v1::RUN_STATE_FINISHED);
  }
  Until([&] { return Get("c1").finished(); });
  EXPECT_EQ(Get("c1").runs_finished(), 2u);
  EXPECT_NE(Get("c1").runs(1).result().verdict(), v1::VERDICT_UNSPECIFIED);
}

TEST_F(ServerTest, AnUnwritableReportChangesNoVerdict) {
  StartAgents();
  std::ofstream(dir_ / "reports") << "a file where the folder should be";
  Submit(kCampaign);
  Until([&] { return Get("c1").finished(); });
  EXPECT_EQ(Get("c1").verdict(), v1::VERDICT_PASSED);
  EXPECT_NE(Get("c1").report_error(), "");
}

TEST_F(ServerTest, AnAgentThatNeverReadsDelaysNobody) {
  StartAgents();
  const auto stub = v1::AgentService::NewStub(grpc::CreateChannel(address_, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  const auto hung = stub->Synchronize(&context);
  v1::AgentState state;
  state.set_host("hung");
  state.set_instance_id("1");
  for (int i = 0; i < 20'000 && hung->Write(state); ++i) {
  }
  Submit(kCampaign);
  Until([&] { return Get("c1").finished(); });
  EXPECT_EQ(Get("c1").verdict(), v1::VERDICT_PASSED);
  context.TryCancel();
  hung->Finish();
}

TEST_F(ServerTest, UnknownRunsAndNamesAreNotFound) {
  const auto stub = v1::AgentService::NewStub(channel_);
  {
    grpc::ClientContext context;
    const auto stream = stub->StreamTelemetry(&context);
    v1::TelemetryInterval interval;
    interval.set_run_id("c9.r9");
    stream->Write(interval);
    v1::TelemetryAck ack;
    EXPECT_FALSE(stream->Read(&ack));
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
  }
  {
    grpc::ClientContext context;
    v1::ArtifactReceipt receipt;
    const auto writer = stub->UploadArtifact(&context, &receipt);
    v1::ArtifactChunk chunk;
    chunk.set_run_id("../../etc");
    writer->Write(chunk);
    writer->WritesDone();
    EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
  }
  v1::GetRequest request;
  request.set_campaign_id("c7");
  v1::CampaignStatus reply;
  grpc::ClientContext context;
  EXPECT_EQ(farm_->Get(&context, request, &reply).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ServerTest, ARunThatIsNotPlacedTakesNothing) {
  StartAgents();
  Submit(kCampaign);
  // The second run waits for the first one's hosts.
  ASSERT_EQ(Get("c1").runs(1).state(), v1::RUN_STATE_QUEUED);
  const auto stub = v1::AgentService::NewStub(channel_);
  {
    grpc::ClientContext context;
    const auto stream = stub->StreamTelemetry(&context);
    v1::TelemetryInterval interval;
    interval.set_run_id("c1.r2");
    interval.set_role(v1::ROLE_HANDLER);
    interval.set_sequence(1'000'000);
    stream->Write(interval);
    v1::TelemetryAck ack;
    EXPECT_FALSE(stream->Read(&ack));
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  }
  {
    grpc::ClientContext context;
    v1::ArtifactReceipt receipt;
    const auto writer = stub->UploadArtifact(&context, &receipt);
    v1::ArtifactChunk chunk;
    chunk.set_run_id("c1.r2");
    chunk.set_role(v1::ROLE_HANDLER);
    chunk.set_name("handler.log");
    writer->Write(chunk);
    writer->WritesDone();
    EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  }
  Until([&] { return Get("c1").finished(); });
  EXPECT_EQ(Get("c1").verdict(), v1::VERDICT_PASSED);
  EXPECT_EQ(Get("c1").runs(1).result().intervals_missing(), 0u);
}

TEST_F(ServerTest, OneCoordinatorAStateFolder) {
  const auto second = CoordinatorServer::Start(Options(0));
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("another coordinator works on"));
}

TEST_F(ServerTest, ATakenAddressIsAClearError) {
  CoordinatorServer::Options options = Options(server_->ports()[0]);
  options.state_dir = (dir_ / "other").string();
  const auto second = CoordinatorServer::Start(options);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("cannot listen on 127.0.0.1"));
}

}  // namespace
}  // namespace feedfarm
