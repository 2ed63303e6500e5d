#pragma once

#include <filesystem>
#include <string>

#include "coordinator/build_stamp.h"
#include "coordinator/store/record.pb.h"
#include "proto/manifest.pb.h"
#include "proto/result.pb.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// A run's seed: the same for the same campaign seed, scenario name and repetition, wherever it stands in the file.
uint64_t RunSeed(uint64_t campaign_seed, const std::string& scenario, uint32_t repetition);

// What was measured, on what, and how to do it again. `report` is the folder where it will lie.
v1::Manifest ManifestOf(const record::CampaignRecord& campaign, const record::RunRecord& run, const v1::RunResult& result,
                        const BuildStamp& build, const std::filesystem::path& report);

// The command that does the campaign again from its report.
std::string ReproduceCommand(const std::filesystem::path& report);

}  // namespace feedfarm
