#pragma once

#include <filesystem>
#include <string>

#include "coordinator/store/record.pb.h"
#include "proto/manifest.pb.h"
#include "proto/result.pb.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// A run's seed: the same for the same campaign seed, scenario name and repetition, wherever it stands in the file.
uint64_t RunSeed(uint64_t campaign_seed, const std::string& scenario, uint32_t repetition);

// What was measured, on what. `report` is the folder where it will lie, `reproduce` the command that does it again.
v1::Manifest ManifestOf(const record::CampaignRecord& campaign, const record::RunRecord& run,
                        const v1::RunResult& result, const std::filesystem::path& report, const std::string& reproduce);

// The command that does the campaign again, for a shell in the report folder, wherever that was copied to. `skipped`:
// it was taken although no hosts could carry some of it.
std::string ReproduceCommand(const v1::Campaign& campaign, bool skipped);

}  // namespace feedfarm
