// Exactly once, in order, under every fault: real campaigns through coordinator, agents, veth, XDP and AF_XDP.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "pipeline/moldudp64/packet_writer.h"
#include "pipeline/source/testing/frame_builder.h"
#include "pipeline/stats/hdr_codec.h"
#include "tests/support/lab_test.h"

namespace feedfarm {
namespace {

constexpr char kHead[] = R"(campaign: delivery
seed: 7
defaults:
  timeout: 60s
  placement: {source: {host: src}, handler: {host: dut}}
  gates:
    - messages == sent_messages
    - duplicates == 0
    - out_of_order == 0
    - unrecovered_messages == 0
    - state_hash == reference
)";

class Delivery : public CleanLabTest {
 protected:
  static std::map<std::string, uint64_t> Types(const google::protobuf::RepeatedPtrField<v1::TypeCount>& counts) {
    std::map<std::string, uint64_t> types;
    for (const auto& count : counts) types[count.type()] = count.messages();
    return types;
  }

  static uint64_t SendLatenessMax(const v1::SourceResult& source) {
    for (const auto& encoded : source.histograms()) {
      if (encoded.metric() != v1::LATENCY_METRIC_SEND) continue;
      auto histogram = DecodeHdrV2Compressed(encoded.hdr_v2_compressed());
      if (histogram.ok()) return histogram->Max();
    }
    return 0;
  }

  // The invariant, from the results themselves and not only from the gates' word for it.
  static void ExpectExactlyOnce(const v1::RunResult& run) {
    EXPECT_EQ(run.verdict(), v1::VERDICT_PASSED) << run.DebugString();
    EXPECT_GT(run.source().messages(), 0u);
    EXPECT_EQ(run.handler().messages(), run.source().messages());
    EXPECT_EQ(run.handler().duplicates(), 0u);
    EXPECT_EQ(run.handler().out_of_order(), 0u);
    EXPECT_EQ(run.handler().unrecovered_messages(), 0u);
    EXPECT_EQ(run.handler().stream_hash(), run.source().reference_hash());
    EXPECT_EQ(run.handler().state_hash(), run.source().reference_state_hash());
    EXPECT_EQ(Types(run.handler().types()), Types(run.source().types()));
    EXPECT_EQ(run.handler().pool_available(), run.handler().pool_frames());
    EXPECT_EQ(run.handler().hot_path_allocations(), 0u);
    EXPECT_EQ(run.handler().xdp_mode(), "native");
    EXPECT_EQ(run.intervals_missing(), 0u);
  }
};

std::string Synthetic(const std::string& faults, const std::string& more_traffic = "", int repetitions = 1) {
  return absl::StrCat(
      kHead, "scenarios:\n  - name: subject\n    repetitions: ", repetitions,
      "\n    traffic: {synthetic: {messages: 100000, symbols: 2000, messages_per_packet: 2}, rate: 20000pps",
      more_traffic, "}\n    faults: [", faults, "]\n");
}

TEST_F(Delivery, NoFault) {
  auto outcome = lab_->RunCampaign(Synthetic(""));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  ExpectExactlyOnce(outcome.Run("subject"));
  EXPECT_EQ(outcome.Run("subject").handler().gaps(), 0u);
}

TEST_F(Delivery, LineBPackedDifferentlyAndLate) {
  auto outcome = lab_->RunCampaign(Synthetic("", ", repack_b: true, skew_b: 200us"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  ExpectExactlyOnce(outcome.Run("subject"));
}

TEST_F(Delivery, CutIsMeasuredTo200MsWithin1MsThreeTimes) {
  auto outcome = lab_->RunCampaign(Synthetic("{at: 1s, cut: {line: A, duration: 200ms}}", "", 3));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  ASSERT_EQ(outcome.status.runs_size(), 3);
  for (const auto& run : outcome.status.runs()) {
    ExpectExactlyOnce(run.result());
    const auto& handler = run.result().handler();
    ASSERT_EQ(handler.lines_size(), 2);
    // What the receiver measures is the silence between two packets: the cut itself, and whatever its sender was late.
    const double late_ns = static_cast<double>(SendLatenessMax(run.result().source()));
    EXPECT_GE(static_cast<double>(handler.lines(0).cut_measured_ns()), 199e6);
    EXPECT_LE(static_cast<double>(handler.lines(0).cut_measured_ns()), 201e6 + late_ns);
    EXPECT_GT(handler.lines(0).cut_packets(), 0u);
    EXPECT_EQ(handler.lines(1).cut_packets(), 0u);
    EXPECT_GE(handler.failovers(), 1u);
  }
}

TEST_F(Delivery, GapOf1000MessagesOnBothLines) {
  auto outcome = lab_->RunCampaign(Synthetic("{at: 1s, gap: {messages: 1000, lines: both}}"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto& run = outcome.Run("subject");
  ExpectExactlyOnce(run);
  EXPECT_EQ(run.source().gap_messages(), 1000u);
  EXPECT_EQ(run.handler().gaps(), 1u);
  EXPECT_EQ(run.handler().recovered_messages(), 1000u);
}

TEST_F(Delivery, DuplicatesAndReordering) {
  auto outcome =
      lab_->RunCampaign(Synthetic("{at: 500ms, duplicate: {packets: 500, lines: both}}, {at: 1s, reorder: {packets: "
                                  "500, distance: 3, lines: both}}"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  ExpectExactlyOnce(outcome.Run("subject"));
  EXPECT_GE(outcome.Run("subject").source().duplicate_packets(), 500u);
  EXPECT_GE(outcome.Run("subject").source().reordered_packets(), 500u);
}

TEST_F(Delivery, EverythingAtOnceWithALossyReRequestServer) {
  auto outcome = lab_->RunCampaign(Synthetic(
      "{at: 1s, cut: {line: A, duration: 200ms}}, {at: 1050ms, gap: {messages: 1000, lines: both}}, "
      "{at: 1s, duplicate: {packets: 800, lines: B}}, {at: 1100ms, reorder: {packets: 800, distance: 4, lines: B}}",
      ", repack_b: true, skew_b: 100us, rerequest: {port: 26490, loss: 10%, messages_max: 16}"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  ExpectExactlyOnce(outcome.Run("subject"));
}

TEST_F(Delivery, KilledHandlerRecoversFromTheFirstMessage) {
  auto outcome = lab_->RunCampaign(Synthetic("{at: 2s, kill_handler: {}}"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto& run = outcome.Run("subject");
  EXPECT_EQ(run.verdict(), v1::VERDICT_PASSED) << run.DebugString();
  EXPECT_EQ(run.handler().restarts(), 1u);
  EXPECT_EQ(run.handler().stream_hash(), run.source().reference_hash());
  EXPECT_EQ(run.handler().state_hash(), run.source().reference_state_hash());
}

TEST_F(Delivery, EachCutOfALineHappens) {
  auto outcome = lab_->RunCampaign(
      Synthetic("{at: 500ms, cut: {line: A, duration: 200ms}}, {at: 800ms, cut: {line: A, duration: 200ms}}, "
                "{at: 1500ms, cut: {line: A, duration: 200ms}}"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto& run = outcome.Run("subject");
  EXPECT_EQ(run.verdict(), v1::VERDICT_PASSED) << run.DebugString();
  // 20,000 packets a second.
  EXPECT_GE(run.handler().lines(0).cut_packets(), 3 * 3'900u);
  EXPECT_LE(run.handler().lines(0).cut_packets(), 3 * 4'100u);
  EXPECT_EQ(run.handler().lines(1).cut_packets(), 0u);
}

TEST_F(Delivery, ShardedBooksAreTheSame) {
  auto outcome = lab_->RunCampaign(
      absl::StrCat(Synthetic("{at: 1s, gap: {messages: 1000, lines: both}}, {at: 2s, kill_handler: {}}"),
                   "    handler: {shards: 2, spin: false, journal: {}}\n"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto& run = outcome.Run("subject");
  EXPECT_EQ(run.verdict(), v1::VERDICT_PASSED) << run.DebugString();
  EXPECT_EQ(run.handler().state_hash(), run.source().reference_state_hash());
  EXPECT_EQ(run.handler().hot_path_allocations(), 0u);
}

std::string Data(const std::string& file) {
  const char* folder = std::getenv("FEEDFARM_DATA");
  return folder == nullptr || *folder == 0 ? "" : absl::StrCat(folder, "/", file);
}

#define SKIP_WITHOUT(path) \
  if (path.empty() || !std::filesystem::exists(path)) GTEST_SKIP() << "no real captures (FEEDFARM_DATA)"

// Not only the last state: each change of a best price, in the order of the messages, over all shards.
TEST_F(Delivery, ShardsSayTheSameBestPricesAsOneBook) {
  std::string campaign = absl::StrCat(Synthetic("{at: 1s, gap: {messages: 1000, lines: both}}"),
                                      "    handler: {shards: 2, shard_cpus: [0, 1], spin: false}\n",
                                      "    gates: [top_hash == top_reference, top_updates > 1000]\n");
  auto outcome = lab_->RunCampaign(campaign);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto& run = outcome.Run("subject");
  EXPECT_EQ(run.verdict(), v1::VERDICT_PASSED) << run.DebugString();
  EXPECT_EQ(run.handler().top_hash(), run.source().reference_top_hash());
  EXPECT_EQ(run.handler().top_updates(), run.source().reference_top_updates());
}

// A pcap file of MoldUDP64: packets of two messages each, from each of `firsts` on.
std::string WriteCapture(const std::string& path, const std::vector<uint64_t>& firsts) {
  const auto put = [](uint32_t value, std::string* out) { out->append(reinterpret_cast<const char*>(&value), sizeof value); };
  std::string bytes;
  for (const uint32_t word : {0xA1B2C3D4u, 0x00040002u, 0u, 0u, 65'535u, 1u}) put(word, &bytes);
  uint32_t time_us = 0;
  for (const uint64_t first : firsts) {
    const std::vector<uint8_t> message = {'S', 0, 0, 0, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(first), 'O'};
    moldudp64::PacketWriter writer;
    writer.Start(moldudp64::MakeSession("HOLES"), first);
    writer.Append(message);
    writer.Append(message);
    const auto payload = writer.Finish();
    const std::vector<uint8_t> frame = feedfarm::testing::BuildFrame({.payload = {payload.begin(), payload.end()}});
    for (const uint32_t word : {1u, time_us += 100, static_cast<uint32_t>(frame.size()), static_cast<uint32_t>(frame.size())}) {
      put(word, &bytes);
    }
    bytes.append(frame.begin(), frame.end());
  }
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

// No handler could have what no packet of the capture holds.
TEST_F(Delivery, ACaptureWithHolesIsBadInputUnlessTheyAreKnown) {
  std::vector<uint64_t> firsts;
  for (uint64_t first = 1; first < 1'000; first += first == 401 ? 12 : 2) firsts.push_back(first);
  const std::string capture = WriteCapture(absl::StrCat(lab_->folder(), "/holes.pcap"), firsts);
  const auto campaign = [&](const char* holes, const char* gate) {
    return absl::StrCat("campaign: holes\nscenarios:\n  - name: holes\n    timeout: 60s\n",
                        "    placement: {source: {host: src}, handler: {host: dut}}\n",
                        "    traffic: {capture: {path: ", capture, holes, "}, protocol: moldudp64-itch50, rate: 1000pps}\n",
                        "    gates: [messages == sent_messages, stream_hash == stream_reference, state_hash == reference, ", gate,
                        "]\n");
  };
  auto refused = lab_->RunCampaign(campaign("", "unrecovered_messages == 0"));
  EXPECT_EQ(refused.exit_code, 11) << refused.err;
  EXPECT_EQ(refused.Run("holes").verdict(), v1::VERDICT_INFRASTRUCTURE_ERROR);
  EXPECT_NE(refused.Run("holes").reasons(0).find("are in none of its packets"), std::string::npos)
      << refused.Run("holes").DebugString();
  auto known = lab_->RunCampaign(campaign(", known_holes: true", "unrecovered_messages == capture_missing_messages"));
  EXPECT_EQ(known.exit_code, 0) << known.err;
  EXPECT_EQ(known.Run("holes").verdict(), v1::VERDICT_PASSED) << known.Run("holes").DebugString();
  EXPECT_EQ(known.Run("holes").handler().messages(), 2 * firsts.size());
  EXPECT_EQ(known.Run("holes").handler().unrecovered_messages(), 10u);
}

TEST_F(Delivery, KilledHandlerGoesOnFromItsJournal) {
  for (const char* sync : {"none", "interval", "group"}) {
    SCOPED_TRACE(sync);
    auto outcome =
        lab_->RunCampaign(absl::StrCat(Synthetic("{at: 2s, kill_handler: {}}"), "    handler: {journal: {sync: ", sync,
                                       ", snapshot_every: 10000}}\n"));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    const auto& run = outcome.Run("subject");
    EXPECT_EQ(run.verdict(), v1::VERDICT_PASSED) << run.DebugString();
    const auto& handler = run.handler();
    EXPECT_EQ(handler.restarts(), 1u);
    EXPECT_EQ(handler.stream_hash(), run.source().reference_hash());
    EXPECT_EQ(handler.state_hash(), run.source().reference_state_hash());
    // What was restored was not asked for again.
    EXPECT_GT(handler.journal_restored_messages(), 10'000u);
    EXPECT_LT(handler.journal_replayed_messages(), handler.journal_restored_messages());
    EXPECT_LT(handler.recovered_messages(), handler.messages() - handler.journal_restored_messages());
    EXPECT_EQ(handler.journal_restored_messages() + handler.journal_messages(), handler.messages());
    EXPECT_EQ(handler.journal_overrun_messages() + handler.journal_errors(), 0u);
  }
}

TEST_F(Delivery, EveryOtherReceiveMethodReceivesTheSame) {
  for (const char* method : {"recvmmsg", "packet_mmap"}) {
    SCOPED_TRACE(method);
    auto outcome = lab_->RunCampaign(absl::StrCat(Synthetic("{at: 1s, gap: {messages: 1000, lines: both}}"),
                                                  "    handler: {receive: ", method, "}\n"));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    const auto& run = outcome.Run("subject");
    EXPECT_EQ(run.verdict(), v1::VERDICT_PASSED) << run.DebugString();
    EXPECT_EQ(run.handler().stream_hash(), run.source().reference_hash());
    EXPECT_EQ(run.handler().state_hash(), run.source().reference_state_hash());
  }
}

TEST_F(Delivery, RealIexCaptureIsCountedByType) {
  const std::string capture = Data("iex-deep10-20170425.pcap.gz");
  SKIP_WITHOUT(capture);
  auto outcome = lab_->RunCampaign(absl::StrCat(kHead, "    - session_restarts == sent_session_restarts\n",
                                                "scenarios:\n  - name: iex\n    traffic: {capture: {path: ", capture,
                                                "}, protocol: iextp-deep10, rate: 20000pps}\n"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto& run = outcome.Run("iex");
  ExpectExactlyOnce(run);
  EXPECT_EQ(run.handler().messages(), 391999u);
  const std::map<std::string, uint64_t> expected = {{"H", 93638}, {"O", 93638}, {"P", 93636},
                                                    {"T", 83343}, {"5", 14627}, {"8", 12941},
                                                    {"B", 73},    {"E", 59},    {"S", 44}};
  EXPECT_EQ(Types(run.handler().types()), expected);
  EXPECT_EQ(run.handler().session_restarts(), 11u);
  EXPECT_EQ(run.handler().session_changes(), 0u);
  EXPECT_EQ(run.handler().gaps(), 0u);
  EXPECT_EQ(run.source().truncated_records(), 1u);
  for (const auto& line : run.handler().lines()) EXPECT_EQ(line.malformed_packets(), 1u) << line.line();
}

// The restarts before a kill are in the journal, those behind it in the next process's count: together they are all. Six restarts
// are before the first kill and five between the two, the first of them 800 ms after it: an end of a generation that falls into the time
// without a handler could not be asked for.
TEST_F(Delivery, RealIexCaptureGoesOnFromTheJournalAfterKills) {
  const std::string capture = Data("iex-deep10-20170425.pcap.gz");
  SKIP_WITHOUT(capture);
  auto outcome = lab_->RunCampaign(
      absl::StrCat(kHead, "    - session_restarts == sent_session_restarts\n",
                   "scenarios:\n  - name: iex\n    traffic: {capture: {path: ", capture,
                   "}, protocol: iextp-deep10, rate: 10000pps, repack_b: true}\n",
                   "    faults: [{at: 2200ms, kill_handler: {}}, {at: 4500ms, kill_handler: {}}]\n",
                   "    handler: {journal: {sync: interval, interval: 20ms, snapshot_every: 50000}}\n"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto& run = outcome.Run("iex");
  EXPECT_EQ(run.verdict(), v1::VERDICT_PASSED) << run.DebugString();
  const auto& handler = run.handler();
  EXPECT_EQ(handler.restarts(), 2u);
  EXPECT_EQ(handler.messages(), 391999u);
  EXPECT_EQ(handler.stream_hash(), run.source().reference_hash());
  EXPECT_EQ(handler.state_hash(), run.source().reference_state_hash());
  EXPECT_EQ(handler.session_restarts(), 11u);
  EXPECT_GT(handler.journal_restored_messages(), handler.journal_replayed_messages());
  EXPECT_GT(handler.recovered_messages(), 0u);
  EXPECT_EQ(handler.killed_accounts_lost(), 0u);
  EXPECT_GT(handler.killed_unsampled_ns(), 0u);
  EXPECT_LT(handler.killed_unsampled_ns(), 2'000'000'000u);
}

TEST_F(Delivery, RealEsOrderFlowUnderFaults) {
  const std::string capture = Data("es-20231225.itch.gz");
  SKIP_WITHOUT(capture);
  auto outcome = lab_->RunCampaign(absl::StrCat(
      kHead, "scenarios:\n  - name: es\n    traffic: {capture: {path: ", capture,
      ", messages_per_packet: 2}, protocol: moldudp64-itch50, rate: 20000pps, repack_b: true}\n",
      "    faults: [{at: 300ms, cut: {line: A, duration: 200ms}}, {at: 700ms, gap: {messages: 1000, lines: both}}]\n"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  ExpectExactlyOnce(outcome.Run("es"));
  EXPECT_EQ(outcome.Run("es").handler().messages(), 62297u);
  const std::map<std::string, uint64_t> expected = {{"A", 29216}, {"D", 12665}, {"U", 9904}, {"E", 6174},
                                                    {"P", 2973},  {"X", 1362},  {"S", 2},    {"R", 1}};
  EXPECT_EQ(Types(outcome.Run("es").handler().types()), expected);
}

}  // namespace
}  // namespace feedfarm
