// What re-requests cannot bring comes by GLIMPSE: real campaigns through coordinator, agents, veth, XDP and AF_XDP.
#include <iostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/lab_test.h"

namespace feedfarm {
namespace {

constexpr char kHead[] = R"(campaign: snapshot
seed: 11
defaults:
  timeout: 60s
  placement: {source: {host: src}, handler: {host: dut}}
  gates:
    - covered_messages == sent_messages
    - duplicates == 0
    - out_of_order == 0
    - unrecovered_messages == 0
    - state_hash == reference
)";

// 100,000 messages in 2.5 s.
std::string Scenario(const std::string& traffic, const std::string& handler, const std::string& faults = "") {
  return absl::StrCat(kHead, "scenarios:\n  - name: subject\n",
                      "    traffic: {synthetic: {messages: 100000, symbols: 500, messages_per_packet: 2}, rate: 20000pps, ",
                      traffic, "}\n    handler: {snapshot: glimpse, rerequest_tries: 3", handler, "}\n    faults: [",
                      faults, "]\n");
}

// On both lines, and far beyond what the re-request server keeps.
constexpr char kShortMemory[] = "rerequest: {keep_messages: 500}";
constexpr char kLongGap[] = "{at: 1s, gap: {messages: 5000, lines: both}}";

class SnapshotTest : public CleanLabTest {
 protected:
  static uint64_t Failures(const v1::HandlerResult& handler, const std::string& reason) {
    for (const v1::ReasonCount& failure : handler.snapshot_failures()) {
      if (failure.reason() == reason) return failure.count();
    }
    return 0;
  }

  // The book is the source's, and every message was delivered or is a snapshot's.
  static void ExpectWhole(const v1::RunResult& run) {
    EXPECT_EQ(run.verdict(), v1::VERDICT_PASSED) << run.DebugString();
    const v1::HandlerResult& handler = run.handler();
    EXPECT_GE(handler.snapshots_loaded(), 1u);
    EXPECT_GT(handler.snapshot_skipped_messages(), 0u);
    EXPECT_EQ(handler.messages() + handler.snapshot_skipped_messages(), run.source().messages());
    EXPECT_EQ(handler.gap_messages(), handler.recovered_messages() + handler.snapshot_gap_messages());
    EXPECT_EQ(handler.hot_path_allocations(), 0u);
    EXPECT_TRUE(handler.end_of_session());
    std::cout << "delivery was held for " << static_cast<double>(handler.snapshot_max_ns()) / 1e6 << " ms, "
              << handler.snapshot_image_messages() << " messages of state, " << handler.snapshot_skipped_messages()
              << " skipped, " << handler.recovered_messages() << " recovered\n";
  }
};

TEST_F(SnapshotTest, GapBeyondWhatTheReRequestServerKeeps) {
  auto outcome = lab_->RunCampaign(Scenario(absl::StrCat("glimpse: {}, ", kShortMemory), "", kLongGap));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto& run = outcome.Run("subject");
  ExpectWhole(run);
  EXPECT_GE(run.handler().snapshot_skipped_messages(), 4'000u);
  EXPECT_EQ(run.source().gap_messages(), 5'000u);
}

TEST_F(SnapshotTest, GapWithoutAReRequestServer) {
  auto outcome = lab_->RunCampaign(Scenario("glimpse: {}, rerequest: {port: 0}", "", kLongGap));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  ExpectWhole(outcome.Run("subject"));
}

TEST_F(SnapshotTest, LateStart) {
  auto outcome = lab_->RunCampaign(Scenario("glimpse: {}", ", start_after: 700ms"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto& run = outcome.Run("subject");
  ExpectWhole(run);
  EXPECT_GE(run.handler().snapshot_skipped_messages(), 20'000u);
  EXPECT_EQ(run.handler().restarts(), 0u);
}

TEST_F(SnapshotTest, WrongLoginIsTriedOnceAndFails) {
  auto outcome =
      lab_->RunCampaign(Scenario(absl::StrCat("glimpse: {reject_login: true}, ", kShortMemory), "", kLongGap));
  EXPECT_NE(outcome.exit_code, 0);
  const auto& run = outcome.Run("subject");
  EXPECT_EQ(run.verdict(), v1::VERDICT_FAILED) << run.DebugString();
  EXPECT_EQ(run.handler().snapshots_asked(), 1u);
  EXPECT_EQ(Failures(run.handler(), "not_authorised"), 1u);
  EXPECT_EQ(run.source().snapshots_rejected(), 1u);
  EXPECT_GT(run.handler().unrecovered_messages(), 0u);
  EXPECT_EQ(run.handler().messages() + run.handler().unrecovered_messages(), run.source().messages());
}

TEST_F(SnapshotTest, CutConnectionsAreTriedAgain) {
  auto outcome = lab_->RunCampaign(Scenario(
      absl::StrCat("glimpse: {cut_after_bytes: 10000, cut_logins: 2}, ", kShortMemory), "", kLongGap));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto& run = outcome.Run("subject");
  ExpectWhole(run);
  EXPECT_EQ(Failures(run.handler(), "cut"), 2u);
  EXPECT_EQ(run.source().snapshots_cut(), 2u);
}

TEST_F(SnapshotTest, StaleSnapshotsAreTriedAgain) {
  auto outcome = lab_->RunCampaign(
      Scenario(absl::StrCat("glimpse: {lag_messages: 30000, lag_logins: 2}, ", kShortMemory), "", kLongGap));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto& run = outcome.Run("subject");
  ExpectWhole(run);
  EXPECT_EQ(Failures(run.handler(), "too_old"), 2u);
}

}  // namespace
}  // namespace feedfarm
