#include "coordinator/campaign_report.h"

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(RunSeed, DependsOnCampaignScenarioAndRepetitionAlone) {
  EXPECT_EQ(RunSeed(7, "a", 1), RunSeed(7, "a", 1));
  EXPECT_NE(RunSeed(7, "a", 1), RunSeed(8, "a", 1));
  EXPECT_NE(RunSeed(7, "a", 1), RunSeed(7, "b", 1));
  EXPECT_NE(RunSeed(7, "a", 1), RunSeed(7, "a", 2));
}

TEST(Manifest, SaysWhatWasMeasuredAndHowToDoItAgain) {
  record::CampaignRecord campaign;
  campaign.mutable_campaign()->set_name("demo");
  campaign.mutable_campaign()->set_source_file("/x/demo.yaml");
  campaign.mutable_campaign()->set_source_text("abc");
  campaign.mutable_campaign()->add_scenarios()->set_name("gap");
  record::RunRecord run;
  run.set_run_id("c1.r1");
  run.set_seed(99);
  v1::BuildFacts* const build = run.mutable_handler()->mutable_handler_build();
  build->set_commit("abc123");
  build->set_dirty(true);
  build->set_compiler("gcc 12.2.0");
  build->set_allocator("glibc 2.36 malloc");
  run.mutable_handler()->set_handler_digest("d1");
  run.mutable_handler()->mutable_facts()->set_name("dut");
  v1::RunResult result;
  result.set_started_unix_ns(5);
  v1::Histogram* histogram = result.mutable_handler()->add_histograms();
  histogram->set_timestamp_class(v1::TIMESTAMP_CLASS_SOFTWARE);
  histogram->set_count(1);
  result.mutable_handler()->add_not_granted("zero-copy: no");
  const v1::Manifest manifest = ManifestOf(campaign, run, result, "/reports/c1", "do it");
  EXPECT_EQ(manifest.campaign(), "demo");
  EXPECT_EQ(manifest.scenario(), "gap");
  EXPECT_EQ(manifest.seed(), 99u);
  EXPECT_EQ(manifest.commit(), "abc123");
  EXPECT_TRUE(manifest.dirty());
  EXPECT_EQ(manifest.compiler(), "gcc 12.2.0");
  EXPECT_EQ(manifest.allocator(), "glibc 2.36 malloc");
  EXPECT_EQ(manifest.handler_digest(), "d1");
  EXPECT_EQ(manifest.config_digest(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(manifest.handler_host().name(), "dut");
  EXPECT_EQ(manifest.timestamp_source(), "software");
  EXPECT_EQ(manifest.artifact_path(), "/reports/c1/runs/c1.r1");
  EXPECT_EQ(manifest.time_unix_ns(), 5u);
  EXPECT_EQ(manifest.reproduce(), "do it");
  ASSERT_EQ(manifest.not_granted_size(), 1);
  EXPECT_EQ(manifest.not_granted(0), "zero-copy: no");
}

TEST(Manifest, KnowsNoBuildOfAHandlerThatNeverGotReady) {
  record::CampaignRecord campaign;
  campaign.mutable_campaign()->add_scenarios();
  const v1::Manifest manifest = ManifestOf(campaign, record::RunRecord(), v1::RunResult(), "/reports/c1", "do it");
  EXPECT_EQ(manifest.commit(), "unknown");
  EXPECT_EQ(manifest.compiler(), "unknown");
  EXPECT_EQ(manifest.allocator(), "unknown");
}

TEST(ReproduceCommand, WorksInTheReportFolderWhereverThatIs) {
  v1::Campaign campaign;
  campaign.set_source_file("/it's/day.yaml");
  campaign.set_source_text("capture: {path: feeds/a.pcap}");
  campaign.add_scenarios()->mutable_traffic()->mutable_synthetic();
  EXPECT_EQ(ReproduceCommand(campaign, false), "feedfarm submit campaign.yaml --watch");
  EXPECT_EQ(ReproduceCommand(campaign, true), "feedfarm submit campaign.yaml --watch --allow-unplaceable");
  // Written relative to the folder of the file that was submitted.
  campaign.add_scenarios()->mutable_traffic()->mutable_capture()->set_path("/it's/feeds/a.pcap");
  EXPECT_EQ(ReproduceCommand(campaign, false), "feedfarm submit campaign.yaml --watch --folder '/it'\\''s'");
  campaign.set_source_text("capture: {path: /it's/feeds/a.pcap}");
  EXPECT_EQ(ReproduceCommand(campaign, false), "feedfarm submit campaign.yaml --watch");
}

}  // namespace
}  // namespace feedfarm
