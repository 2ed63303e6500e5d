#include "agent/handler/handler_flags.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "pipeline/source/receive_grant.h"

namespace feedfarm {
namespace {

v1::DesiredRun Wanted() {
  v1::DesiredRun run;
  run.set_port_a("va");
  run.set_port_b("vb");
  v1::Traffic* traffic = run.mutable_scenario()->mutable_traffic();
  traffic->set_protocol(v1::FEED_PROTOCOL_MOLDUDP64_ITCH50);
  traffic->mutable_line_a()->set_address("239.10.0.1");
  traffic->mutable_line_a()->set_port(26400);
  traffic->mutable_line_b()->set_address("239.10.0.2");
  traffic->mutable_line_b()->set_port(26401);
  return run;
}

TEST(HandlerFlags, NamesWhatTheCampaignSays) {
  v1::DesiredRun run = Wanted();
  run.mutable_rerequest()->set_address("10.0.0.1");
  run.mutable_rerequest()->set_port(9000);
  v1::HandlerConfig* handler = run.mutable_scenario()->mutable_handler();
  handler->set_receive(v1::RECEIVE_METHOD_RECVMMSG);
  handler->set_dwell_ns(5);
  handler->set_window_messages(64);
  handler->set_jump_messages(77);
  handler->set_rerequest_timeout_ns(6);
  handler->set_rerequest_tries(7);
  handler->set_pool_frames(8);
  handler->set_spin(true);
  handler->set_fifo(true);
  EXPECT_EQ(absl::StrJoin(HandlerFlags(run, 1, 0, "/x"), " "),
            "--protocol moldudp64-itch50 --receive recvmmsg --port-a va --port-b vb --group-a 239.10.0.1:26400 "
            "--group-b 239.10.0.2:26401 --rerequest 10.0.0.1:9000 --dwell-ns 5 --window-messages 64 "
            "--jump-messages 77 "
            "--rerequest-timeout-ns 6 --rerequest-tries 7 --pool-frames 8 --spin --fifo --cpu 1 --first-sequence 0 "
            "--artifacts /x");
}

TEST(HandlerFlags, NamesTheCoresOfTheShards) {
  v1::DesiredRun run = Wanted();
  v1::HandlerConfig* handler = run.mutable_scenario()->mutable_handler();
  handler->set_shards(2);
  handler->add_shard_cpus(3);
  handler->add_shard_cpus(0);
  const std::string flags = absl::StrJoin(HandlerFlags(run, -1, 1, "/x"), " ");
  EXPECT_NE(flags.find("--shards 2 --shard-cpus 3,0 "), std::string::npos) << flags;
}

TEST(HandlerFlags, NamesEveryReceiveSetting) {
  v1::DesiredRun run = Wanted();
  v1::HandlerConfig* handler = run.mutable_scenario()->mutable_handler();
  handler->set_receive(v1::RECEIVE_METHOD_PACKET_MMAP);
  handler->set_queues(4);
  handler->set_busy_poll_ns(20'000);
  handler->set_timestamps(v1::WANTED_TIME_HARDWARE);
  handler->add_require(v1::RECEIVE_GRANT_HARDWARE_TIME);
  handler->add_require(v1::RECEIVE_GRANT_NATIVE_XDP);
  const std::string flags = absl::StrJoin(HandlerFlags(run, -1, 1, "/x"), " ");
  EXPECT_NE(flags.find("--receive packet_mmap --queues 4 --busy-poll-us 20 --timestamps hardware "
                       "--require hardware-time,native-xdp --port-a va"),
            std::string::npos)
      << flags;
}

// The names on both sides of the command line are made from different lists.
TEST(HandlerFlags, TheHandlerKnowsEveryNameOfAGrant) {
  for (int grant = v1::ReceiveGrant_MIN + 1; grant <= v1::ReceiveGrant_MAX; ++grant) {
    v1::DesiredRun run = Wanted();
    run.mutable_scenario()->mutable_handler()->add_require(static_cast<v1::ReceiveGrant>(grant));
    const std::vector<std::string> flags = HandlerFlags(run, -1, 1, "/x");
    const auto require = std::find(flags.begin(), flags.end(), "--require");
    ASSERT_NE(require, flags.end());
    EXPECT_TRUE(ParseGrant(*(require + 1)).ok()) << *(require + 1);
  }
}

TEST(HandlerFlags, NamesTheSnapshotServerWhereSnapshotsAreWanted) {
  v1::DesiredRun run = Wanted();
  run.mutable_glimpse()->set_address("10.0.0.1");
  run.mutable_glimpse()->set_port(26491);
  const auto flags = [&run] { return absl::StrJoin(HandlerFlags(run, -1, 1, "/x"), " "); };
  EXPECT_EQ(flags().find("--snapshot"), std::string::npos);
  run.mutable_scenario()->mutable_handler()->set_snapshot(v1::SNAPSHOT_METHOD_GLIMPSE);
  run.mutable_scenario()->mutable_handler()->set_snapshot_tries(3);
  EXPECT_NE(flags().find("--snapshot 10.0.0.1:26491 --snapshot-tries 3"), std::string::npos);
  EXPECT_EQ(FirstSequence(run), 1u);
  run.mutable_scenario()->mutable_handler()->set_start_after_ns(5);
  EXPECT_EQ(FirstSequence(run), 0u);
}

TEST(HandlerFlags, LeavesOpenWhatTheCampaignLeavesOpen) {
  EXPECT_EQ(absl::StrJoin(HandlerFlags(Wanted(), -1, 1, "/x"), " "),
            "--protocol moldudp64-itch50 --receive af_xdp --port-a va --port-b vb --group-a 239.10.0.1:26400 "
            "--group-b 239.10.0.2:26401 --first-sequence 1 --artifacts /x");
}

v1::Fault* AddFault(v1::Scenario* scenario, uint64_t at_ns) {
  v1::Fault* fault = scenario->add_faults();
  fault->set_at_ns(at_ns);
  return fault;
}

TEST(HandlerFlags, CutsAreAbsoluteAndPastOnesAreLeftOut) {
  v1::Scenario scenario;
  for (auto [at, line] : {std::pair{100u, v1::LINE_A}, std::pair{300u, v1::LINE_BOTH}}) {
    v1::CutFault* cut = AddFault(&scenario, at)->mutable_cut();
    cut->set_line(line);
    cut->set_duration_ns(50);
  }
  AddFault(&scenario, 10)->mutable_gap();
  const CutCommand a{LineId::kA, 37'000'001'100, 50};
  const CutCommand both_a{LineId::kA, 37'000'001'300, 50};
  const CutCommand both_b{LineId::kB, 37'000'001'300, 50};
  constexpr uint64_t kTai = 37'000'000'000;
  EXPECT_EQ(CutsOf(scenario, 1000, kTai, 0), (std::vector<CutCommand>{a, both_a, both_b}));
  EXPECT_EQ(CutsOf(scenario, 1000, kTai, kTai + 1149), (std::vector<CutCommand>{a, both_a, both_b}));
  EXPECT_EQ(CutsOf(scenario, 1000, kTai, kTai + 1150), (std::vector<CutCommand>{both_a, both_b}));
}

TEST(HandlerFlags, KillsAreSorted) {
  v1::Scenario scenario;
  AddFault(&scenario, 7)->mutable_kill_handler();
  AddFault(&scenario, 3)->mutable_kill_handler();
  EXPECT_EQ(KillsOf(scenario), (std::vector<uint64_t>{3, 7}));
}

}  // namespace
}  // namespace feedfarm
