#include "coordinator/store/hosts.h"

#include "coordinator/store/blob.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {

absl::Status PutHost(Database& database, const record::HostRecord& host) {
  FEEDFARM_ASSIGN_OR_RETURN(Statement statement,
                            database.Prepare("INSERT OR REPLACE INTO hosts (name, record) VALUES (?, ?)"));
  return statement.BindText(0, host.name()).BindBlob(1, host.SerializeAsString()).Run();
}

absl::StatusOr<std::vector<record::HostRecord>> AllHosts(Database& database) {
  return ReadBlobs<record::HostRecord>(database, "SELECT record FROM hosts ORDER BY name");
}

}  // namespace feedfarm
