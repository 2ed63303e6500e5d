#include "coordinator/campaign/campaign_parser.h"

#include <chrono>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kFile[] = "/lab/campaigns/test.yaml";

CampaignOrDiagnostics Parse(const std::string& text) { return ParseCampaign(kFile, text); }

// "line:column message" of each diagnostic.
std::vector<std::string> Problems(const CampaignOrDiagnostics& parsed) {
  std::vector<std::string> out;
  for (const v1::Diagnostic& diagnostic : parsed.diagnostics) {
    EXPECT_EQ(diagnostic.file(), kFile);
    out.push_back(absl::StrCat(diagnostic.line(), ":", diagnostic.column(), " ", diagnostic.message()));
  }
  return out;
}

// A campaign with one scenario, whose fields are given from line 5 on, indented by four.
std::string WithScenario(const std::string& fields) {
  return absl::StrCat("campaign: test\nseed: 7\nscenarios:\n  - name: one\n", fields);
}

constexpr char kTraffic[] = "    traffic: {synthetic: {messages: 80000}}\n";

TEST(CampaignParser, FillsEveryDefault) {
  const auto parsed = Parse(WithScenario("    traffic: {synthetic: {}}\n"));
  ASSERT_THAT(Problems(parsed), IsEmpty());
  ASSERT_EQ(parsed.campaign.scenarios_size(), 1);
  const v1::Scenario& scenario = parsed.campaign.scenarios(0);
  EXPECT_EQ(parsed.campaign.name(), "test");
  EXPECT_EQ(parsed.campaign.seed(), 7);
  EXPECT_EQ(parsed.campaign.source_file(), kFile);
  EXPECT_EQ(scenario.name(), "one");
  EXPECT_EQ(scenario.line(), 4);
  EXPECT_EQ(scenario.repetitions(), 1);
  EXPECT_EQ(scenario.timeout_ns(), 60'000'000'000u);
  EXPECT_EQ(scenario.traffic().synthetic().messages(), 200'000);
  EXPECT_EQ(scenario.traffic().synthetic().symbols(), 8'000);
  EXPECT_EQ(scenario.traffic().synthetic().messages_per_packet(), 4);
  EXPECT_EQ(scenario.traffic().protocol(), v1::FEED_PROTOCOL_MOLDUDP64_ITCH50);
  EXPECT_EQ(scenario.traffic().rate_pps(), 20'000);
  EXPECT_EQ(scenario.traffic().heartbeat_ns(), 1'000'000'000u);
  EXPECT_EQ(scenario.traffic().packet_bytes_max(), 1472);
  EXPECT_EQ(scenario.traffic().rerequest().port(), 26490);
  EXPECT_EQ(scenario.traffic().line_a().address(), "239.10.0.1");
  EXPECT_EQ(scenario.traffic().line_b().address(), "239.10.0.2");
  EXPECT_EQ(scenario.traffic().line_b().port(), 26400);
  EXPECT_EQ(scenario.handler().receive(), v1::RECEIVE_METHOD_AF_XDP);
  EXPECT_EQ(scenario.handler().commit(), "");
  EXPECT_EQ(scenario.handler().dwell_ns(), 1'000'000u);
  EXPECT_EQ(scenario.handler().window_messages(), 65536);
  EXPECT_EQ(scenario.handler().jump_messages(), 4096);
  EXPECT_EQ(scenario.handler().rerequest_timeout_ns(), 5'000'000u);
  EXPECT_EQ(scenario.handler().rerequest_tries(), 8);
  EXPECT_EQ(scenario.handler().pool_frames(), 4096);
  EXPECT_TRUE(scenario.handler().spin());
  EXPECT_FALSE(scenario.handler().fifo());
  ASSERT_EQ(scenario.gates_size(), 6);
  EXPECT_EQ(scenario.gates(0).expression(), "messages == sent_messages");
  EXPECT_EQ(scenario.gates(4).expression(), "stream_hash == stream_reference");
  EXPECT_EQ(scenario.gates(5).expression(), "state_hash == reference");
}

TEST(CampaignParser, ReadsEveryField) {
  const auto parsed = Parse(R"(campaign: all
scenarios:
  - name: one
    repetitions: 3
    timeout: 90s
    traffic:
      capture: {path: day/es.itch.gz, limit: 500000, known_holes: true, messages_per_packet: 9}
      protocol: iextp-deep10
      speed: 10x
      skew_b: -50us
      repack_b: true
      heartbeat: 250ms
      packet_bytes_max: 600
      rerequest: {port: 1234, loss: 5%, messages_max: 10, delay: 20us}
      lines: {a: 239.1.1.1:1000, b: 239.1.1.2:1001}
    handler: {commit: 0123ABCD, receive: af_xdp, dwell: 2ms, window: 1024, jump: 99, rerequest_timeout: 7ms, rerequest_tries: 3, pool_frames: 512, shards: 3, shard_cpus: [2, 0],
              spin: false, fifo: true}
    faults:
      - {at: 2s, cut: {line: A, duration: 200ms}}
      - {at: 3s, gap: {messages: 1000, lines: both}}
      - {at: 1s, duplicate: {packets: 500, lines: B}}
      - {at: 1500ms, reorder: {packets: 500, distance: 3, lines: A}}
      - {at: 2s, kill_handler: {}}
      - {at: 4s, kill_handler: }
    placement:
      handler: {driver: ice, cpus_min: 8, zero_copy: true, link_mbps_min: 10000, hardware_timestamps: true}
      source: {host: src}
    gates: ["duplicates == 0", p50(latency.decode) < 9us]
)");
  ASSERT_THAT(Problems(parsed), IsEmpty());
  const v1::Scenario& scenario = parsed.campaign.scenarios(0);
  const v1::Traffic& traffic = scenario.traffic();
  EXPECT_EQ(parsed.campaign.seed(), 1);
  EXPECT_EQ(scenario.repetitions(), 3);
  EXPECT_EQ(traffic.capture().path(), "/lab/campaigns/day/es.itch.gz");
  EXPECT_EQ(traffic.capture().limit(), 500'000);
  EXPECT_TRUE(traffic.capture().known_holes());
  EXPECT_EQ(traffic.capture().messages_per_packet(), 9);
  EXPECT_EQ(traffic.protocol(), v1::FEED_PROTOCOL_IEXTP_DEEP10);
  EXPECT_EQ(traffic.speed(), 10);
  EXPECT_EQ(traffic.skew_b_ns(), -50'000);
  EXPECT_TRUE(traffic.repack_b());
  EXPECT_EQ(traffic.heartbeat_ns(), 250'000'000u);
  EXPECT_EQ(traffic.packet_bytes_max(), 600);
  EXPECT_EQ(traffic.rerequest().port(), 1234);
  EXPECT_DOUBLE_EQ(traffic.rerequest().loss(), 0.05);
  EXPECT_EQ(traffic.rerequest().messages_max(), 10);
  EXPECT_EQ(traffic.rerequest().delay_ns(), 20'000u);
  EXPECT_EQ(traffic.line_b().port(), 1001);
  EXPECT_EQ(scenario.handler().commit(), "0123abcd");
  EXPECT_EQ(scenario.handler().receive(), v1::RECEIVE_METHOD_AF_XDP);
  EXPECT_EQ(scenario.handler().jump_messages(), 99);
  EXPECT_FALSE(scenario.handler().spin());
  EXPECT_TRUE(scenario.handler().fifo());
  ASSERT_EQ(scenario.faults_size(), 6);
  EXPECT_EQ(scenario.faults(0).cut().line(), v1::LINE_A);
  EXPECT_EQ(scenario.faults(0).cut().duration_ns(), 200'000'000u);
  EXPECT_EQ(scenario.faults(0).line(), 19);
  EXPECT_EQ(scenario.faults(1).gap().lines(), v1::LINE_BOTH);
  EXPECT_EQ(scenario.faults(2).duplicate().packets(), 500);
  EXPECT_EQ(scenario.faults(3).reorder().distance(), 3);
  EXPECT_TRUE(scenario.faults(4).has_kill_handler());
  EXPECT_EQ(scenario.placement().source().host(), "src");
  EXPECT_EQ(scenario.placement().handler().driver(), "ice");
  EXPECT_EQ(scenario.placement().handler().cpus_min(), 8);
  EXPECT_TRUE(scenario.placement().handler().hardware_timestamps());
  ASSERT_EQ(scenario.gates_size(), 2);
  EXPECT_EQ(scenario.gates(1).expression(), "p50(latency.decode) < 9us");
  EXPECT_EQ(scenario.gates(1).line(), 28);
}

TEST(CampaignParser, MergesDefaultsIntoEveryScenario) {
  const auto parsed = Parse(R"(campaign: test
defaults:
  timeout: 30s
  traffic: {synthetic: {messages: 80000, symbols: 5}, rate: 1000pps, rerequest: {loss: 1%}}
  handler: {spin: false, dwell: 2ms}
  gates: [duplicates == 0]
scenarios:
  - name: one
    handler: {dwell: 3ms}
    traffic: {rerequest: {delay: 1ms}}
    timeout: 100s
    gates: [gaps == 0, duplicates == 0]
  - name: two
    traffic: {capture: {path: /x.pcap}, speed: 2x}
)");
  ASSERT_THAT(Problems(parsed), IsEmpty());
  const v1::Scenario& one = parsed.campaign.scenarios(0);
  EXPECT_EQ(one.timeout_ns(), 100'000'000'000u);
  EXPECT_EQ(one.traffic().synthetic().symbols(), 5);
  EXPECT_EQ(one.traffic().rate_pps(), 1000);
  EXPECT_DOUBLE_EQ(one.traffic().rerequest().loss(), 0.01);
  EXPECT_EQ(one.traffic().rerequest().delay_ns(), 1'000'000u);
  EXPECT_FALSE(one.handler().spin());
  EXPECT_EQ(one.handler().dwell_ns(), 3'000'000u);
  ASSERT_EQ(one.gates_size(), 2);
  EXPECT_EQ(one.gates(0).expression(), "duplicates == 0");
  EXPECT_EQ(one.gates(0).line(), 6);
  EXPECT_EQ(one.gates(1).expression(), "gaps == 0");
  const v1::Scenario& two = parsed.campaign.scenarios(1);
  EXPECT_TRUE(two.traffic().has_capture());
  EXPECT_EQ(two.traffic().speed(), 2);
  EXPECT_EQ(two.handler().dwell_ns(), 2'000'000u);
  EXPECT_EQ(two.timeout_ns(), 30'000'000'000u);
}

TEST(CampaignParser, TellsAProblemInTheDefaultsOnce) {
  EXPECT_THAT(Problems(Parse("campaign: test\ndefaults: {matrix: {}, handler: {dwell: 5}}\nscenarios:\n"
                             "  - {name: a, traffic: {synthetic: {}}}\n  - {name: b, traffic: {synthetic: {}}}\n")),
              ElementsAre(HasSubstr("2:12 unknown field \"matrix\" in defaults"),
                          HasSubstr("2:41 dwell: expected a duration")));
}

TEST(CampaignParser, RefusesUnknownFieldsWithPlaceAndSuggestion) {
  EXPECT_THAT(Problems(Parse(WithScenario("    traffic: {synthetic: {}, raet: 5pps}\n"))),
              ElementsAre("5:30 unknown field \"raet\" in traffic; did you mean \"rate\"?"));
  for (const char* commit : {"012345", "0123abcg", "main", "\"\""}) {
    const auto problems = Problems(Parse(WithScenario(absl::StrCat(kTraffic, "    handler: {commit: ", commit, "}\n"))));
    EXPECT_THAT(problems, ElementsAre(HasSubstr("6:23 commit"))) << commit;
  }
  for (const char* cpus : {"[0, 1, 2]", "0", "[x]", "[-1]", "[2000]"}) {
    const auto problems =
        Problems(Parse(WithScenario(absl::StrCat(kTraffic, "    handler: {shards: 2, shard_cpus: ", cpus, "}\n"))));
    EXPECT_THAT(problems, testing::Contains(testing::HasSubstr("shard_cpus"))) << cpus;
  }
  EXPECT_THAT(Problems(Parse(WithScenario(absl::StrCat(kTraffic, "    handler: {zzzzzz: 1}\n")))),
              ElementsAre(HasSubstr("6:15 unknown field \"zzzzzz\" in handler; it has receive, queues, busy_poll, timestamps,")));
}

TEST(CampaignParser, ExpandsAMatrixFirstKeySlowest) {
  const auto parsed = Parse(WithScenario(absl::StrCat(
      kTraffic, "    matrix: {rate: [20000pps, 50000pps], handler.dwell: [1ms, 2ms], rerequest.loss: [0%]}\n")));
  ASSERT_THAT(Problems(parsed), IsEmpty());
  std::vector<std::string> names;
  for (const v1::Scenario& scenario : parsed.campaign.scenarios()) names.push_back(scenario.name());
  EXPECT_THAT(names, ElementsAre("one[rate=20000pps,handler.dwell=1ms,rerequest.loss=0%]",
                                 "one[rate=20000pps,handler.dwell=2ms,rerequest.loss=0%]",
                                 "one[rate=50000pps,handler.dwell=1ms,rerequest.loss=0%]",
                                 "one[rate=50000pps,handler.dwell=2ms,rerequest.loss=0%]"));
  EXPECT_EQ(parsed.campaign.scenarios(2).traffic().rate_pps(), 50'000);
  EXPECT_EQ(parsed.campaign.scenarios(3).handler().dwell_ns(), 2'000'000u);
}

TEST(CampaignParser, RefusesABadMatrix) {
  const auto parsed = Parse(WithScenario(absl::StrCat(
      kTraffic,
      "    matrix:\n      raet: [1pps]\n      dwell: 1ms\n      spin: [true, true]\n      rate: [{a: 1}]\n")));
  EXPECT_THAT(Problems(parsed),
              ElementsAre("7:7 a matrix cannot vary \"raet\"; did you mean \"rate\"?",
                          "8:14 matrix: dwell must be a list of values", "9:20 matrix: spin has \"true\" twice",
                          "10:14 matrix: each value of rate must be a single value of at most 64 bytes"));
  const auto wrong_value = Parse(WithScenario(absl::StrCat(kTraffic, "    matrix: {rate: [20000pps, 5]}\n")));
  EXPECT_THAT(Problems(wrong_value), ElementsAre(HasSubstr("6:31 rate: expected a rate such as 20000pps")));
}

TEST(CampaignParser, BoundsTheRuns) {
  EXPECT_THAT(Problems(Parse(WithScenario(absl::StrCat(kTraffic, "    repetitions: 1000\n  - name: two\n", kTraffic)))),
              ElementsAre("7:5 the campaign has more than 1000 runs"));
  std::string list = "1ms";
  for (int i = 2; i < 40; ++i) absl::StrAppend(&list, ", ", i, "ms");
  const auto parsed = Parse(
      WithScenario(absl::StrCat(kTraffic, "    matrix: {dwell: [", list, "], rerequest_timeout: [", list, "]}\n")));
  EXPECT_THAT(Problems(parsed), ElementsAre("6:5 the matrix gives more than 1000 runs"));
}

TEST(CampaignParser, RefusesRepeatedNamesAndFields) {
  EXPECT_THAT(Problems(Parse(WithScenario(absl::StrCat(kTraffic, "  - name: one\n", kTraffic)))),
              ElementsAre("6:11 scenario \"one\" is there twice; first on line 4"));
  EXPECT_THAT(Problems(Parse(WithScenario(absl::StrCat(kTraffic, "    timeout: 5s\n    timeout: 6s\n")))),
              ElementsAre("7:5 field \"timeout\" is given twice; first on line 6"));
}

TEST(CampaignParser, RefusesFaultsThatTheTrafficLeavesNoRoomFor) {
  // 80,000 messages by 4 at 20,000 pps: one second.
  const auto parsed = Parse(WithScenario(absl::StrCat(kTraffic, R"(    faults:
      - {at: 1s, kill_handler: {}}
      - {at: 900ms, cut: {line: A, duration: 200ms}}
      - {at: 900ms, gap: {messages: 9000}}
      - {at: 800ms, cut: {line: A, duration: 150ms}}
      - {at: 800ms, gap: {messages: 8000}}
)")));
  EXPECT_THAT(Problems(parsed),
              ElementsAre("7:9 the fault at 1s would never happen: the traffic ends after about 1s",
                          "8:9 the fault would last until 1.1s, but the traffic ends after about 1s",
                          "9:9 the fault would last until 1.012s, but the traffic ends after about 1s",
                          "10:9 this cut overlaps the one on line 8: a line has one cut at a time"));
}

TEST(CampaignParser, CountsWhatOvertakesALatePacket) {
  // One second; 5,000 late packets with 3 in front of each are 20,000 packets.
  EXPECT_THAT(Problems(Parse(WithScenario(absl::StrCat(
                  kTraffic, "    faults: [{at: 500ms, reorder: {packets: 5000, distance: 3}}]\n")))),
              ElementsAre(HasSubstr("the fault would last until 1.5s")));
}

TEST(CampaignParser, ACutNeedsTheXdpProgram) {
  const auto parsed = Parse(WithScenario(absl::StrCat(kTraffic, R"(    handler: {receive: recvmmsg}
    faults: [{at: 100ms, cut: {line: A, duration: 200ms}}]
)")));
  EXPECT_THAT(Problems(parsed), ElementsAre(HasSubstr("it needs receive: af_xdp")));
}

TEST(CampaignParser, TakesEveryReceiveSetting) {
  const auto parsed = Parse(WithScenario(absl::StrCat(
      kTraffic, "    handler: {receive: recvmmsg, queues: 2, busy_poll: 20us, timestamps: hardware,\n"
                "              require: [hardware-time, busy-poll, receive-buffer]}\n")));
  ASSERT_THAT(Problems(parsed), IsEmpty());
  const v1::HandlerConfig& handler = parsed.campaign.scenarios(0).handler();
  EXPECT_EQ(handler.receive(), v1::RECEIVE_METHOD_RECVMMSG);
  EXPECT_EQ(handler.queues(), 2u);
  EXPECT_EQ(handler.busy_poll_ns(), 20'000u);
  EXPECT_EQ(handler.timestamps(), v1::WANTED_TIME_HARDWARE);
  EXPECT_THAT(handler.require(), ElementsAre(v1::RECEIVE_GRANT_HARDWARE_TIME, v1::RECEIVE_GRANT_BUSY_POLL,
                                             v1::RECEIVE_GRANT_RECEIVE_BUFFER));
  EXPECT_EQ(Parse(WithScenario(absl::StrCat(kTraffic, "    handler: {receive: packet_mmap}\n")))
                .campaign.scenarios(0)
                .handler()
                .receive(),
            v1::RECEIVE_METHOD_PACKET_MMAP);
}

TEST(CampaignParser, RefusesRequirementsThatNoHostCanMeet) {
  const std::pair<const char*, const char*> cases[] = {
      {"{receive: recvmmsg, require: [zero-copy]}", "receive: recvmmsg does not have zero-copy"},
      {"{receive: packet_mmap, require: [huge-pages]}", "receive: packet_mmap does not have huge-pages"},
      {"{require: [busy-poll]}", "busy-poll is required, and busy_poll is 0s"},
      {"{timestamps: software, require: [hardware-time]}", "hardware-time is required, and timestamps is software"},
      {"{require: [zerocopy]}", "did you mean \"zero-copy\"?"},
      {"{require: zero-copy}", "require must be a list"},
      {"{busy_poll: 1500ns}", "whole microseconds"},
  };
  for (const auto& [handler, problem] : cases) {
    EXPECT_THAT(Problems(Parse(WithScenario(absl::StrCat(kTraffic, "    handler: ", handler, "\n")))),
                ElementsAre(HasSubstr(problem)))
        << handler;
  }
}

TEST(CampaignParser, PointsIntoAGate) {
  const auto parsed = Parse(WithScenario(absl::StrCat(kTraffic, R"(    gates:
      - p99(latency.decode) < 40
      - "duplicates == 5us"
      - mesages == sent_messages
)")));
  ASSERT_EQ(parsed.diagnostics.size(), 3);
  EXPECT_THAT(Problems(parsed)[0], HasSubstr("7:31 gate \"p99(latency.decode) < 40\": p99 is a duration"));
  EXPECT_THAT(Problems(parsed)[1], HasSubstr("8:24 gate \"duplicates == 5us\": duplicates is a count"));
  EXPECT_THAT(Problems(parsed)[2], HasSubstr("9:9 gate \"mesages == sent_messages\": unknown metric \"mesages\"; "
                                             "did you mean \"messages\"?"));
}

TEST(CampaignParser, RefusesWhatIsNoYamlOfOurs) {
  EXPECT_THAT(Problems(Parse("")), ElementsAre("0:0 the file is empty"));
  EXPECT_THAT(Problems(Parse("- a\n")), ElementsAre("1:1 the campaign must be a map of fields, not a list",
                                                    "1:1 the campaign needs the field \"campaign\"",
                                                    "1:1 the campaign needs the field \"scenarios\""));
  EXPECT_THAT(Problems(Parse("campaign: [\n")), ElementsAre(HasSubstr("not YAML")));
  EXPECT_THAT(Problems(Parse("a: 1\n---\nb: 2\n")), ElementsAre(HasSubstr("more than one YAML document")));
  EXPECT_THAT(Problems(Parse("{[1]: 2, campaign: x, scenarios: [{name: a, traffic: {synthetic: {}}}]}")),
              ElementsAre("1:2 a field's name must be text, not a list"));
  EXPECT_THAT(Problems(Parse("campaign: x\nseed: \xff\n")), ElementsAre("2:1 this line is not UTF-8 text"));
  EXPECT_THAT(Problems(Parse(std::string(kCampaignBytesMax + 1, ' '))),
              ElementsAre(HasSubstr("at most 262144 are read")));
}

TEST(CampaignParser, NeedsAnAbsoluteFolderForARelativeCapture) {
  const std::string text = WithScenario("    traffic: {capture: {path: a.pcap}}\n");
  EXPECT_TRUE(ParseCampaign("/lab/x.yaml", text).ok());
  EXPECT_EQ(ParseCampaign("/x.yaml", text).campaign.scenarios(0).traffic().capture().path(), "/a.pcap");
  const auto relative = ParseCampaign("x.yaml", text);
  ASSERT_EQ(relative.diagnostics.size(), 1);
  EXPECT_THAT(relative.diagnostics[0].message(), HasSubstr("give an absolute path"));
}

// Time for hostile files is bounded: seconds would be a way to stop the coordinator.
void ExpectQuickRefusal(const std::string& text) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(Parse(text).ok());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_LT(took.count(), 20) << text.substr(0, 40);
}

std::string Repeat(const std::string& piece) {
  std::string out;
  while (out.size() + piece.size() <= kCampaignBytesMax) out += piece;
  return out;
}

TEST(CampaignParser, BoundsBombs) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    absl::StrAppend(&bomb, "a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) absl::StrAppend(&bomb, j == 0 ? "" : ", ", "*a", i - 1);
    absl::StrAppend(&bomb, "]\n");
  }
  EXPECT_THAT(Problems(Parse(bomb)), ElementsAre(HasSubstr("more than 100000 values, aliases expanded")));
  EXPECT_THAT(Problems(Parse(Repeat("["))), ElementsAre(HasSubstr("more than 32 levels deep")));
  EXPECT_THAT(Problems(Parse("a: &a [*a]\n")), ElementsAre(HasSubstr("inside the value that it names")));
  for (const char* piece :
       {"[",  "{",     "- ", "? ",  "a: ",   "&a ", "*a ", "!",         "'",    "\"",   "|\n", "[]",
        "{}", "a:\n ", "#",  "%\n", "---\n", "\t",  "x\n", "- - - -\n", "{a: ", "[a, ", "? [", "<<: "})
    ExpectQuickRefusal(Repeat(piece));
  std::string fields;
  for (int i = 0; fields.size() < kCampaignBytesMax - 10; ++i) absl::StrAppend(&fields, "k", i, ":\n");
  ExpectQuickRefusal(fields);
  std::string scenarios = "campaign: x\nscenarios:\n";
  while (scenarios.size() < kCampaignBytesMax - 80)
    absl::StrAppend(&scenarios, "- {name: a, matrix: {dwell: [1ms, 2ms]}}\n");
  ExpectQuickRefusal(scenarios);
  EXPECT_LE(Parse(scenarios).diagnostics.size(), kDiagnosticsMax);
}

// Files of tests/campaigns, with variables as the command line would set them.
std::string ReadCampaign(const std::string& name) {
  std::ifstream file("tests/campaigns/" + name);
  EXPECT_TRUE(file.good()) << name;
  std::stringstream text;
  text << file.rdbuf();
  return absl::StrReplaceAll(
      text.str(),
      {{"${capture}", "/data/x.pcap"}, {"${rate}", "20000pps"}, {"${protocol}", "iextp-deep10"}, {"${data}", "/data"}});
}

TEST(CampaignFiles, GoodOnesParse) {
  for (const char* name : {"demo.yaml", "capture.yaml", "es.yaml", "iex.yaml", "kill.yaml", "matrix.yaml", "profiles.yaml",
                           "bad-unplaceable.yaml", "bad-missing-capture.yaml", "bad-capture.yaml"})
    EXPECT_THAT(Problems(Parse(ReadCampaign(name))), IsEmpty()) << name;
  EXPECT_EQ(Parse(ReadCampaign("demo.yaml")).campaign.scenarios_size(), 6);
  EXPECT_EQ(Parse(ReadCampaign("matrix.yaml")).campaign.scenarios_size(), 6);
}

TEST(CampaignFiles, BadOnesSayWhereAndWhy) {
  EXPECT_THAT(Problems(Parse(ReadCampaign("bad-unknown-field.yaml"))),
              ElementsAre("8:7 unknown field \"raet\" in traffic; did you mean \"rate\"?"));
  EXPECT_THAT(Problems(Parse(ReadCampaign("bad-gate-unit.yaml"))),
              ElementsAre(HasSubstr("9:31 "), HasSubstr("10:23 "), HasSubstr("11:9 ")));
  EXPECT_THAT(Problems(Parse(ReadCampaign("bad-fault-after-end.yaml"))), ElementsAre(HasSubstr("9:9 ")));
}

TEST(CampaignFiles, EveryProblemIsToldAtOnce) {
  std::string all;
  for (const std::string& problem : Problems(Parse(ReadCampaign("bad-many.yaml"))))
    absl::StrAppend(&all, problem, "\n");
  EXPECT_EQ(all,
            R"(2:11 campaign: "Bad Name" is not a campaign name: lower-case letters, digits, - (at most 63)
3:7 seed: expected a whole number such as 1000, got "-1"
4:1 unknown field "color" in the campaign; it has campaign, seed, defaults, scenarios
8:18 repetitions: 0 is out of range: 1 to 1000
10:29 messages: expected a whole number such as 1000, got "many"
11:13 rate: expected a rate such as 20000pps (pps, kpps, Mpps), got "20000": the unit is missing
12:15 skew_b: expected a duration such as 200ms (ns, us, ms, s, m, h), got "50": the unit is missing
13:18 heartbeat must be a single value, not a list
14:18 a: 10.0.0.1 is not a multicast group (224.0.0.0 to 239.255.255.255)
15:23 window: 1000 is not a power of two; the next one is 1024
15:35 spin: expected true or false, got "maybe"
15:51 receive: expected af_xdp or recvmmsg or packet_mmap, got "af_xpd"; did you mean "af_xdp"?
17:30 line: expected A or B, got "both"
18:9 a fault needs the field "at"
18:15 cut needs the field "duration"
19:9 a fault is one of cut, gap, duplicate, reorder, kill_handler
20:11 scenario "one" is there twice; first on line 7
21:14 traffic: give one of "synthetic" and "capture": what the source sends
22:12 gates must be a list of 1 to 200 expressions: a run without one proves nothing
)");
}

}  // namespace
}  // namespace feedfarm
