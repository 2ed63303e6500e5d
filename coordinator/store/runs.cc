#include "coordinator/store/runs.h"

#include "coordinator/store/blob.h"
#include "coordinator/store/campaigns.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {

absl::Status PutRun(Database& database, const record::RunRecord& run) {
  FEEDFARM_ASSIGN_OR_RETURN(Statement statement,
                            database.Prepare("INSERT INTO runs (run_id, campaign, place, record) VALUES (?, ?, ?, ?) "
                                             "ON CONFLICT (run_id) DO UPDATE SET record = excluded.record"));
  return statement.BindText(0, run.run_id())
      .Bind(1, CampaignNumber(run.campaign_id()))
      .Bind(2, run.index())
      .BindBlob(3, run.SerializeAsString())
      .Run();
}

absl::StatusOr<std::vector<record::RunRecord>> AllRuns(Database& database) {
  return ReadBlobs<record::RunRecord>(database, "SELECT record FROM runs ORDER BY campaign, place");
}

}  // namespace feedfarm
