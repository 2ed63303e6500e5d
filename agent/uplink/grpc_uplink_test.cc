#include "agent/uplink/grpc_uplink.h"

#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "agent/testing/fake_coordinator.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

using testing::FakeCoordinator;

constexpr absl::Duration kPatience = absl::Seconds(30);

std::unique_ptr<TelemetrySpool> FreshSpool(const std::string& name) {
  const std::string path = ::testing::TempDir() + "/uplink_" + name;
  std::remove(path.c_str());
  TelemetrySpool::Options options;
  options.path = path;
  return *TelemetrySpool::Open(options);
}

std::unique_ptr<GrpcUplink> Connect(const FakeCoordinator& coordinator, TelemetrySpool* spool) {
  GrpcUplink::Options options;
  options.backoff_first = absl::Milliseconds(5);
  options.backoff_longest = absl::Milliseconds(50);
  return std::make_unique<GrpcUplink>(StubsFor(coordinator.target()), options, RunKey{"r1", v1::ROLE_HANDLER}, 3,
                                      spool);
}

void Append(TelemetrySpool& spool, int count) {
  for (int i = 0; i < count; ++i) ASSERT_TRUE(spool.Append(v1::TelemetryInterval()).ok());
}

std::vector<uint64_t> UpTo(uint64_t last) {
  std::vector<uint64_t> sequences(last);
  std::iota(sequences.begin(), sequences.end(), 1);
  return sequences;
}

TEST(GrpcUplink, SendsWhatComesAndForgetsWhatIsAcknowledged) {
  FakeCoordinator coordinator;
  auto spool = FreshSpool("plain");
  Append(*spool, 3);
  auto uplink = Connect(coordinator, spool.get());
  EXPECT_TRUE(coordinator.AwaitTelemetry(3));
  Append(*spool, 2);
  EXPECT_TRUE(coordinator.AwaitTelemetry(5));
  EXPECT_EQ(coordinator.telemetry_sequences(), UpTo(5));
}

TEST(GrpcUplink, ResendsFromTheLastAcknowledgementAfterEachBreak) {
  FakeCoordinator coordinator;
  coordinator.BreakTelemetryAfter(3);
  auto spool = FreshSpool("breaks");
  Append(*spool, 40);
  auto uplink = Connect(coordinator, spool.get());
  ASSERT_TRUE(coordinator.AwaitTelemetry(40));
  EXPECT_EQ(coordinator.telemetry_sequences(), UpTo(40));
  EXPECT_GT(coordinator.telemetry_resent(), 0u);
}

TEST(GrpcUplink, LosesNothingOverACoordinatorsRestart) {
  FakeCoordinator coordinator;
  auto spool = FreshSpool("restart");
  auto uplink = Connect(coordinator, spool.get());
  Append(*spool, 5);
  ASSERT_TRUE(coordinator.AwaitTelemetry(5));
  coordinator.Stop();
  Append(*spool, 5);
  coordinator.Start();
  EXPECT_TRUE(coordinator.AwaitTelemetry(10));
  EXPECT_EQ(coordinator.telemetry_sequences(), UpTo(10));
}

struct Upload {
  absl::Notification over;
  bool complete = false;

  std::function<void(bool)> Done() {
    return [this](bool all) {
      complete = all;
      over.Notify();
    };
  }
};

std::string WriteFile(const std::string& name, const std::string& content) {
  const std::string path = ::testing::TempDir() + "/" + name;
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  return path;
}

TEST(GrpcUplink, UploadsWholeFilesAndLeavesOutMissingOnes) {
  FakeCoordinator coordinator;
  auto spool = FreshSpool("files");
  auto uplink = Connect(coordinator, spool.get());
  const std::string large(1'000'000, 'x');
  Upload upload;
  uplink->Upload({WriteFile("handler.log", large), WriteFile("empty.log", ""), "/nonexistent/latency.hlog"},
                 upload.Done());
  ASSERT_TRUE(upload.over.WaitForNotificationWithTimeout(kPatience));
  EXPECT_TRUE(upload.complete);
  const auto artifacts = coordinator.artifacts();
  ASSERT_EQ(artifacts.size(), 2u);
  EXPECT_EQ(artifacts.at("handler.log"), large);
  EXPECT_EQ(artifacts.at("empty.log"), "");
}

TEST(GrpcUplink, TriesAnUploadAgainUntilItIsTaken) {
  FakeCoordinator coordinator;
  coordinator.FailUploads({{grpc::StatusCode::UNAVAILABLE, "busy"}, {grpc::StatusCode::INTERNAL, "disk"}});
  auto spool = FreshSpool("again");
  auto uplink = Connect(coordinator, spool.get());
  Upload upload;
  uplink->Upload({WriteFile("again.log", "text")}, upload.Done());
  ASSERT_TRUE(upload.over.WaitForNotificationWithTimeout(kPatience));
  EXPECT_TRUE(upload.complete);
  EXPECT_EQ(coordinator.artifacts().at("again.log"), "text");
}

TEST(GrpcUplink, StopsTryingWhenTheEpochIsTooOld) {
  FakeCoordinator coordinator;
  coordinator.FailUploads({{grpc::StatusCode::FAILED_PRECONDITION, "epoch too old"}});
  auto spool = FreshSpool("fenced");
  auto uplink = Connect(coordinator, spool.get());
  Upload upload;
  uplink->Upload({WriteFile("fenced.log", "text"), WriteFile("next.log", "next")}, upload.Done());
  ASSERT_TRUE(upload.over.WaitForNotificationWithTimeout(kPatience));
  EXPECT_FALSE(upload.complete);
  EXPECT_EQ(coordinator.artifacts().count("next.log"), 1u);
}

TEST(GrpcUplink, EndsWithoutACoordinator) {
  FakeCoordinator coordinator;
  coordinator.Stop();
  auto spool = FreshSpool("alone");
  Append(*spool, 3);
  auto uplink = Connect(coordinator, spool.get());
  uplink->Upload({WriteFile("alone.log", "text")}, [](bool) { FAIL(); });
  uplink.reset();
}

}  // namespace
}  // namespace feedfarm
