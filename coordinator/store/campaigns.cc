#include "coordinator/store/campaigns.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "coordinator/store/blob.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {

std::string CampaignId(uint64_t number) { return absl::StrCat("c", number); }

uint64_t CampaignNumber(std::string_view campaign_id) {
  uint64_t number = 0;
  if (campaign_id.size() < 2 || campaign_id[0] != 'c' || campaign_id[1] < '1' || campaign_id[1] > '9') return 0;
  if (!absl::SimpleAtoi(absl::string_view(campaign_id.data() + 1, campaign_id.size() - 1), &number)) return 0;
  return number;
}

absl::StatusOr<uint64_t> NextCampaignNumber(Database& database) {
  FEEDFARM_ASSIGN_OR_RETURN(Statement statement, database.Prepare("SELECT COALESCE(MAX(number), 0) + 1 FROM campaigns"));
  FEEDFARM_RETURN_IF_ERROR(statement.Step().status());
  return statement.Integer(0);
}

absl::Status PutCampaign(Database& database, const record::CampaignRecord& campaign) {
  FEEDFARM_ASSIGN_OR_RETURN(
      Statement statement,
      database.Prepare("INSERT INTO campaigns (number, idempotency_key, record) VALUES (?, NULLIF(?, ''), ?) "
                       "ON CONFLICT (number) DO UPDATE SET record = excluded.record"));
  return statement.Bind(0, CampaignNumber(campaign.campaign_id()))
      .BindText(1, campaign.idempotency_key())
      .BindBlob(2, campaign.SerializeAsString())
      .Run();
}

absl::StatusOr<std::vector<record::CampaignRecord>> AllCampaigns(Database& database) {
  return ReadBlobs<record::CampaignRecord>(database, "SELECT record FROM campaigns ORDER BY number");
}

absl::StatusOr<std::string> CampaignOfKey(Database& database, std::string_view idempotency_key) {
  FEEDFARM_ASSIGN_OR_RETURN(Statement statement,
                            database.Prepare("SELECT number FROM campaigns WHERE idempotency_key = ?"));
  statement.BindText(0, idempotency_key);
  FEEDFARM_ASSIGN_OR_RETURN(const bool found, statement.Step());
  return found ? CampaignId(statement.Integer(0)) : std::string();
}

}  // namespace feedfarm
