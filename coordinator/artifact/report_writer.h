#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "proto/farm_service.pb.h"
#include "proto/manifest.pb.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// One run as the report shows it.
struct ReportRun {
  // With `result`; a run that never started has only its verdict there.
  v1::RunStatus status;
  v1::Manifest manifest;
  // Folder of the files that the agents uploaded for it; empty or missing = none. Plain files are copied, not their
  // folders.
  std::filesystem::path artifacts;
};

// A finished campaign.
struct CampaignReport {
  // Its `runs` are not read: `runs` below are.
  v1::CampaignStatus status;
  v1::Campaign campaign;
  std::vector<ReportRun> runs;
  // The command that does the campaign again.
  std::string reproduce;
};

// Version of report.json; grows when a field changes its meaning or goes.
inline constexpr int kReportSchemaVersion = 1;

// Writes `folder` with report.json, junit.xml, report.txt, campaign.yaml and runs/<run_id>/{manifest.json,
// counters.json, latency.hlog, logs}. Written beside it as a temporary folder, synced and renamed: `folder` is there
// whole or not at all; an older one is replaced. May be called for one folder by one thread at a time.
// INVALID_ARGUMENT: a run id that is no file name. Else the failed call's errno.
absl::Status WriteReport(const CampaignReport& report, const std::filesystem::path& folder);

// The three main files' content, pure.
std::string ReportJson(const CampaignReport& report);
std::string ReportJunitXml(const CampaignReport& report);
std::string ReportText(const CampaignReport& report);

}  // namespace feedfarm
