// Bad input gets a clear error that names the place, and nothing is lost.
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/lab_test.h"

namespace feedfarm {
namespace {

class BadInput : public LabTest {
 protected:
  // A file in the test's own folder.
  static std::string FileOf(const std::string& name, const std::string& content) {
    std::string path = absl::StrCat(testing::TempDir(), name);
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  static void ExpectIn(const std::string& part, const std::string& text) {
    EXPECT_NE(text.find(part), std::string::npos) << "no '" << part << "' in:\n" << text;
  }
};

TEST_F(BadInput, UnknownFieldNamesFileLineAndColumn) {
  std::string path = FileOf("unknown.yaml",
                            "campaign: bad\nseed: 1\nscenarios:\n  - name: one\n    trafic: {synthetic: {messages: 10}}\n");
  auto submit = lab_->Feedfarm({"submit", path});
  EXPECT_EQ(submit.exit_code, 2);
  ExpectIn("unknown.yaml:5:5", submit.err);
  ExpectIn("trafic", submit.err);
  ExpectIn("traffic", submit.err);
  EXPECT_EQ(lab_->NewestCampaign(), "");
}

TEST_F(BadInput, GateWithAWrongUnitIsRefused) {
  std::string path = FileOf("unit.yaml",
                            "campaign: bad\nseed: 1\nscenarios:\n  - name: one\n    traffic: {synthetic: {messages: 10}, rate: "
                            "1000pps}\n    gates:\n      - duplicates < 9us\n      - p50(latency.decode) < 40\n");
  auto submit = lab_->Feedfarm({"submit", path});
  EXPECT_EQ(submit.exit_code, 2);
  ExpectIn("unit.yaml:7:", submit.err);
  ExpectIn("unit.yaml:8:", submit.err);
}

TEST_F(BadInput, GateOverAReasonThatDoesNotExistIsRefused) {
  std::string path = FileOf("reason.yaml",
                            "campaign: bad\nseed: 1\nscenarios:\n  - name: one\n    traffic: {synthetic: {messages: 10}}\n"
                            "    gates:\n      - drops[rnig_full] == 0\n      - messages[Zz] == sent_messages[Zz]\n");
  auto submit = lab_->Feedfarm({"submit", path});
  EXPECT_EQ(submit.exit_code, 2);
  ExpectIn("reason.yaml:7:", submit.err);
  ExpectIn("did you mean \"ring_full\"?", submit.err);
  ExpectIn("reason.yaml:8:", submit.err);
}

TEST_F(BadInput, ScenarioThatNoHostCanRunSaysWhyAConstraintAtATime) {
  std::string path = FileOf("placement.yaml",
                            "campaign: bad\nseed: 1\nscenarios:\n  - name: one\n    traffic: {synthetic: {messages: 10}, rate: "
                            "1000pps}\n    placement: {handler: {driver: ice, cpus_min: 999}}\n    gates: [duplicates == 0]\n");
  auto plan = lab_->Feedfarm({"plan", path});
  EXPECT_EQ(plan.exit_code, 4);
  ExpectIn("ice", plan.out + plan.err);
  ExpectIn("veth", plan.out + plan.err);
  ExpectIn("999", plan.out + plan.err);
  EXPECT_EQ(lab_->Feedfarm({"submit", path}).exit_code, 4);
}

std::string CaptureCampaign(const std::string& capture) {
  return absl::StrCat("campaign: bad\nseed: 1\nscenarios:\n  - name: one\n    traffic: {capture: {path: ", capture,
                      "}, protocol: moldudp64-itch50, rate: 1000pps}\n    gates: [duplicates == 0]\n");
}

TEST_F(BadInput, MissingCaptureIsNamed) {
  auto outcome = lab_->RunCampaign(CaptureCampaign("/nowhere/none.pcap"));
  EXPECT_EQ(outcome.exit_code, 11) << outcome.err;
  ASSERT_GE(outcome.Run("one").reasons_size(), 1);
  ExpectIn("/nowhere/none.pcap", outcome.Run("one").reasons(0));
  ExpectIn("/nowhere/none.pcap", outcome.out + outcome.err);
}

TEST_F(BadInput, FileThatIsNoCaptureIsNamed) {
  std::string capture = FileOf("prose.pcap", "This is no capture, but it is long enough to look at: 0123456789.\n");
  auto outcome = lab_->RunCampaign(CaptureCampaign(capture));
  EXPECT_EQ(outcome.exit_code, 11) << outcome.err;
  ASSERT_GE(outcome.Run("one").reasons_size(), 1);
  ExpectIn("prose.pcap", outcome.Run("one").reasons(0));
}

TEST_F(BadInput, CaptureWithoutMarketDataSaysWhatItSaw) {
  // One pcap record: an IPv4/UDP datagram to port 53.
  std::string pcap("\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0", 24);
  std::string frame("\1\0\x5e\1\1\1\2\0\0\0\0\1\x08\0\x45\0\0\x20\0\0\0\0\x40\x11\0\0\x0a\1\1\1\x0a\1\1\2\x04\0\0\x35\0\x0c\0\0\1\2\3\4", 46);
  pcap += std::string("\0\0\0\0\0\0\0\0", 8) + std::string(1, static_cast<char>(frame.size())) + std::string(3, '\0') +
          std::string(1, static_cast<char>(frame.size())) + std::string(3, '\0') + frame;
  auto outcome = lab_->RunCampaign(CaptureCampaign(FileOf("dns.pcap", pcap)));
  EXPECT_EQ(outcome.exit_code, 11) << outcome.err;
  ASSERT_GE(outcome.Run("one").reasons_size(), 1);
  ExpectIn("dns.pcap", outcome.Run("one").reasons(0));
}

TEST_F(BadInput, CoordinatorThatIsNotThereIsNamed) {
  auto hosts = RunCommand({"tools/feedfarm/feedfarm", "--coordinator", "127.0.0.1:9", "hosts"}, 30);
  EXPECT_EQ(hosts.exit_code, 11);
  ExpectIn("127.0.0.1:9", hosts.err);
}

TEST_F(BadInput, UnknownCampaignAndHostAreUsageErrors) {
  EXPECT_EQ(lab_->Feedfarm({"show", "c999"}).exit_code, 2);
  EXPECT_EQ(lab_->Feedfarm({"host", "nobody"}).exit_code, 2);
}

}  // namespace
}  // namespace feedfarm
