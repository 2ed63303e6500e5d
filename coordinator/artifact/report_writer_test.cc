#include "coordinator/artifact/report_writer.h"

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "coordinator/artifact/text_table.h"
#include "coordinator/artifact/xml_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/stats/hdr_codec.h"
#include "pipeline/stats/hlog.h"

namespace feedfarm {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint64_t kStart = 1'764'000'000'000'000'000;

std::string Read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

v1::Histogram Encoded(v1::TimestampClass timestamp_class, uint64_t value, uint64_t count) {
  Histogram histogram;
  histogram.RecordCount(value, count);
  v1::Histogram encoded;
  encoded.set_metric(v1::LATENCY_METRIC_DECODE);
  encoded.set_timestamp_class(timestamp_class);
  encoded.set_hdr_v2_compressed(EncodeHdrV2Compressed(histogram));
  encoded.set_count(count);
  return encoded;
}

ReportRun MakeRun(const std::string& id, const std::string& scenario, v1::Verdict verdict) {
  ReportRun run;
  run.status.set_run_id(id);
  run.status.set_scenario(scenario);
  run.status.set_repetition(1);
  run.status.set_source_host("src");
  run.status.set_handler_host("dut");
  run.status.mutable_result()->set_verdict(verdict);
  run.status.mutable_result()->set_started_unix_ns(kStart);
  run.status.mutable_result()->set_finished_unix_ns(kStart + 2'500'000'000);
  run.manifest.set_run_id(id);
  run.manifest.set_scenario(scenario);
  run.manifest.set_timestamp_source("software");
  return run;
}

ReportRun PassedRun() {
  ReportRun run = MakeRun("c1.r1", "clean", v1::VERDICT_PASSED);
  v1::HandlerResult* handler = run.status.mutable_result()->mutable_handler();
  handler->set_messages(200'000);
  handler->set_recovered_messages(1000);
  handler->set_gaps(1);
  handler->set_recovery_max_ns(12'345'678);
  handler->set_xdp_mode("native");
  handler->set_bind_mode("copy");
  v1::TypeCount* type = handler->add_types();
  type->set_type("A");
  type->set_messages(7);
  *handler->add_histograms() = Encoded(v1::TIMESTAMP_CLASS_SOFTWARE, 1500, 5000);
  *handler->add_histograms() = Encoded(v1::TIMESTAMP_CLASS_HARDWARE, 900, 50);
  run.status.mutable_result()->mutable_source()->set_messages(200'000);
  return run;
}

// One run a verdict.
CampaignReport MakeReport() {
  CampaignReport report;
  report.status.set_campaign_id("c1");
  report.status.set_name("demo");
  report.status.set_seed(42);
  report.status.set_submitted_unix_ns(kStart);
  report.status.set_finished_unix_ns(kStart + 60'000'000'000);
  report.status.set_verdict(v1::VERDICT_INFRASTRUCTURE_ERROR);
  report.campaign.set_source_text("campaign: demo\n");
  report.campaign.set_source_file("/lab/demo.yaml");
  report.reproduce = "feedfarm submit campaign.yaml --watch";
  report.runs.push_back(PassedRun());
  ReportRun failed = MakeRun("c1.r2", "gap", v1::VERDICT_FAILED);
  failed.status.mutable_result()->add_reasons("gate duplicates == 0 broke: measured 3, wanted == 0");
  failed.status.mutable_result()->mutable_handler()->set_duplicates(3);
  v1::GateResult* gate = failed.status.mutable_result()->add_gates();
  gate->set_expression("duplicates == 0");
  gate->set_outcome(v1::GATE_OUTCOME_BROKEN);
  gate->set_measured("3");
  report.runs.push_back(failed);
  ReportRun lost = MakeRun("c1.r3", "cut", v1::VERDICT_INFRASTRUCTURE_ERROR);
  lost.status.mutable_result()->add_reasons("handler (host): no interface lineA on dut");
  report.runs.push_back(lost);
  report.runs.push_back(MakeRun("c1.r4", "big", v1::VERDICT_SKIPPED));
  return report;
}

constexpr char kGoldenText[] = R"(Campaign demo (c1): infrastructure error
seed 42, submitted 2025-11-24 16:00:00 UTC, finished 2025-11-24 16:01:00 UTC

SCENARIO  VERDICT               MESSAGES  GAPS  DUPLICATES  FAILOVER MS  RECOVERY MS  CLASS     DECODE P50    P99  P99.9
clean     passed                  200000     1           0            -         12.3  software       1.5us  1.5us      -
                                                                                      hardware       900ns      -      -
gap       failed                       0     0           3            -            -  -                  -      -      -
cut       infrastructure error         -     -           -            -            -  -                  -      -      -
big       skipped                      -     -           -            -            -  -                  -      -      -

Reasons
  c1.r2 gap: failed
    gate duplicates == 0 broke: measured 3, wanted == 0
  c1.r3 cut: infrastructure error
    handler (host): no interface lineA on dut
  c1.r4 big: skipped

Latencies
RUN    SCENARIO  LATENCY  CLASS     SAMPLES    MIN    P50    P99  P99.9    MAX
c1.r1  clean     decode   software     5000  1.5us  1.5us  1.5us      -  1.5us
c1.r1  clean     decode   hardware       50  900ns  900ns      -      -  900ns

Runs
RUN    HOSTS    RECEIVE TIME  XDP          FILES
c1.r1  src>dut  software      native copy  runs/c1.r1
c1.r2  src>dut  software      -            runs/c1.r2
c1.r3  src>dut  software      -            runs/c1.r3
c1.r4  src>dut  software      -            runs/c1.r4

Do it again, in the report folder
  feedfarm submit campaign.yaml --watch
)";

TEST(ReportText, IsTheTableThenReasonsThenTheCommand) { EXPECT_EQ(ReportText(MakeReport()), kGoldenText); }

TEST(ReportJson, HoldsEverything) {
  const auto json = nlohmann::json::parse(ReportJson(MakeReport()));
  EXPECT_EQ(json["schema_version"], 1);
  EXPECT_EQ(json["verdict"], "infrastructure error");
  EXPECT_EQ(json["exit_code"], 11);
  EXPECT_EQ(json["counts"]["failed"], 1);
  EXPECT_EQ(json["failures"], (std::vector<std::string>{"c1.r2", "c1.r3"}));
  ASSERT_EQ(json["runs"].size(), 4);
  const auto& clean = json["runs"][0];
  EXPECT_EQ(clean["metrics"]["messages"], 200'000);
  EXPECT_EQ(clean["metrics"]["messages[A]"], 7);
  EXPECT_EQ(clean["metrics"]["recovery_ns"], 12'345'678);
  EXPECT_TRUE(clean["metrics"]["failover_ns"].is_null());
  EXPECT_EQ(clean["metrics"]["delivered"], 1.0);
  EXPECT_EQ(clean["latencies"][0]["class"], "software");
  EXPECT_EQ(clean["latencies"][0]["p50_ns"], 1500);
  EXPECT_TRUE(clean["latencies"][0]["p99_9_ns"].is_null());
  EXPECT_EQ(json["runs"][1]["gates"][0]["outcome"], "broken");
  EXPECT_TRUE(json["runs"][2]["metrics"]["messages"].is_null());
}

TEST(ReportJunit, MapsVerdicts) {
  const std::string xml = ReportJunitXml(MakeReport());
  EXPECT_THAT(xml, HasSubstr("<testsuites name=\"demo\" tests=\"4\" failures=\"1\" errors=\"1\" time=\"60.000\">"));
  EXPECT_THAT(xml, HasSubstr("skipped=\"1\" time=\"60.000\" timestamp=\"2025-11-24T16:00:00\" id=\"c1\">"));
  EXPECT_THAT(xml, HasSubstr("<testcase classname=\"demo\" name=\"clean #1\" time=\"2.500\"/>"));
  EXPECT_THAT(xml,
              HasSubstr("<failure type=\"failed\" message=\"gate duplicates == 0 broke: measured 3, wanted == 0\">"));
  EXPECT_THAT(xml,
              HasSubstr("<error type=\"infrastructure error\" message=\"handler (host): no interface lineA on dut\">"));
  EXPECT_THAT(xml, HasSubstr("<skipped message=\"skipped\"/>"));
}

// Names that break out of JSON, XML or a terminal where they are not escaped.
CampaignReport HostileReport() {
  CampaignReport report = MakeReport();
  const std::string hostile = "\"/><x>&amp;]]>'\n\r\t\x1b[2J\x01\xef\xbf\xbe\\u0000 \xc3\xa9";
  report.status.set_name(hostile);
  report.runs[1].status.set_scenario(hostile);
  *report.runs[1].status.mutable_result()->mutable_reasons(0) = hostile;
  report.runs[1].status.mutable_result()->mutable_gates(0)->set_measured(hostile);
  report.runs[1].status.set_source_host(hostile);
  return report;
}

TEST(Report, EscapesHostileNames) {
  const CampaignReport report = HostileReport();
  const auto json = nlohmann::json::parse(ReportJson(report));
  EXPECT_EQ(json["name"], report.status.name());
  EXPECT_THAT(ReportText(report), Not(HasSubstr("\x1b")));
  EXPECT_THAT(ReportJunitXml(report),
              HasSubstr("&quot;/&gt;&lt;x&gt;&amp;amp;]]&gt;&apos;&#10;&#13;&#9;?[2J??\\u0000 \xc3\xa9"));
}

TEST(ReportJunit, IsXmlForEveryInput) {
  if (std::system("xmllint --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "no xmllint";
  const fs::path path = fs::path(testing::TempDir()) / "junit.xml";
  for (const CampaignReport& report : {MakeReport(), HostileReport(), CampaignReport()}) {
    std::ofstream(path) << ReportJunitXml(report);
    EXPECT_EQ(std::system(("xmllint --noout --schema coordinator/artifact/junit.xsd " + path.string()).c_str()), 0);
  }
}

TEST(XmlEscape, ReplacesWhatXmlCannotHold) {
  EXPECT_EQ(XmlEscape("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&apos;");
  EXPECT_EQ(XmlEscape(absl::string_view("\0\x7f\xff\xed\xa0\x80", 6)), "?\x7f????");
  EXPECT_EQ(XmlEscape("\xef\xbf\xbf\xf0\x9f\x98\x80"), "?\xf0\x9f\x98\x80");
}

TEST(TextTable, AlignsByCharactersAndKeepsLinesWhole) {
  TextTable table;
  table.AddColumn("NAME");
  table.AddColumn("N", TextTable::Align::kRight);
  table.AddRow({"\xc3\xa9t\xc3\xa9", "5"});
  table.AddRow({"a\nb", "1000"});
  EXPECT_EQ(table.ToString(), "NAME     N\n\xc3\xa9t\xc3\xa9      5\na?b   1000\n");
}

class ReportFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    base_ = fs::path(testing::TempDir()) / "report_folder_test";
    fs::remove_all(base_);
    fs::create_directories(base_ / "inbox");
  }
  fs::path base_;
};

TEST_F(ReportFolderTest, HoldsReportsManifestsCountersAndLogs) {
  CampaignReport report = MakeReport();
  report.runs[0].artifacts = base_ / "inbox";
  std::ofstream(base_ / "inbox" / "handler.log") << "hello\n";
  std::ofstream(base_ / "inbox" / "counters.json") << "{}\n";
  std::ofstream(base_ / "inbox" / ".incoming") << "half";
  fs::create_symlink("/etc/passwd", base_ / "inbox" / "link");
  fs::create_directories(base_ / "inbox" / "folder");
  ASSERT_TRUE(WriteReport(report, base_ / "c1").ok());
  const fs::path folder = base_ / "c1";
  EXPECT_EQ(Read(folder / "report.txt"), kGoldenText);
  EXPECT_EQ(Read(folder / "report.json"), ReportJson(report));
  EXPECT_EQ(Read(folder / "junit.xml"), ReportJunitXml(report));
  EXPECT_EQ(Read(folder / "campaign.yaml"), "campaign: demo\n");
  EXPECT_EQ(Read(folder / "runs/c1.r1/handler.log"), "hello\n");
  EXPECT_EQ(Read(folder / "runs/c1.r1/counters.json"), "{}\n");
  EXPECT_FALSE(fs::exists(folder / "runs/c1.r1/link"));
  EXPECT_FALSE(fs::exists(folder / "runs/c1.r1/.incoming"));
  const auto manifest = nlohmann::json::parse(Read(folder / "runs/c1.r1/manifest.json"));
  EXPECT_EQ(manifest["run_id"], "c1.r1");
  EXPECT_EQ(manifest["dirty"], false);
  // The handler of this run uploaded nothing: its counters and histograms come from its result.
  EXPECT_EQ(nlohmann::json::parse(Read(folder / "runs/c1.r2/counters.json"))["duplicates"], 3);
  const auto log = ReadHlog(Read(folder / "runs/c1.r1/latency.hlog"));
  ASSERT_TRUE(log.ok()) << log.status();
  ASSERT_EQ(log->size(), 2);
  EXPECT_EQ((*log)[0].tag, "decode.software");
  EXPECT_EQ((*log)[0].histogram.Count(), 5000);
}

TEST_F(ReportFolderTest, IsReplacedWholeAndLeavesNothingBeside) {
  CampaignReport report = MakeReport();
  ASSERT_TRUE(WriteReport(report, base_ / "c1").ok());
  std::ofstream(base_ / "c1" / "stale") << "old";
  ASSERT_TRUE(WriteReport(report, base_ / "c1/").ok());
  EXPECT_FALSE(fs::exists(base_ / "c1" / "stale"));
  EXPECT_FALSE(fs::exists(base_ / ".c1.partial"));
}

TEST_F(ReportFolderTest, FailsWithoutAHalfFolder) {
  CampaignReport report = MakeReport();
  report.runs[0].status.set_run_id("../escape");
  EXPECT_EQ(WriteReport(report, base_ / "c1").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(fs::exists(base_ / "c1"));
  EXPECT_FALSE(fs::exists(base_ / ".c1.partial"));
  std::ofstream(base_ / "file") << "";
  EXPECT_FALSE(WriteReport(MakeReport(), base_ / "file" / "c1").ok());
}

}  // namespace
}  // namespace feedfarm
