#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/store/database.h"
#include "coordinator/store/record.pb.h"

namespace feedfarm {

// "c7" <-> 7. 0 = no campaign id.
std::string CampaignId(uint64_t number);
uint64_t CampaignNumber(std::string_view campaign_id);

// One above the largest ever stored. Inside the transaction that stores it.
absl::StatusOr<uint64_t> NextCampaignNumber(Database& database);
// Inserts or replaces.
absl::Status PutCampaign(Database& database, const record::CampaignRecord& campaign);
// In order of submission.
absl::StatusOr<std::vector<record::CampaignRecord>> AllCampaigns(Database& database);
// Empty: none has this key.
absl::StatusOr<std::string> CampaignOfKey(Database& database, std::string_view idempotency_key);

}  // namespace feedfarm
