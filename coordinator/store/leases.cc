#include "coordinator/store/leases.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

absl::StatusOr<uint64_t> EpochOf(Database& database, const std::string& host) {
  FEEDFARM_ASSIGN_OR_RETURN(Statement statement, database.Prepare("SELECT epoch FROM leases WHERE host = ?"));
  statement.BindText(0, host);
  FEEDFARM_ASSIGN_OR_RETURN(const bool found, statement.Step());
  return found ? statement.Integer(0) : 0;
}

}  // namespace

absl::Status PutLease(Database& database, const record::LeaseRecord& lease) {
  FEEDFARM_ASSIGN_OR_RETURN(const uint64_t epoch, EpochOf(database, lease.host()));
  if (lease.epoch() < epoch) {
    return absl::FailedPreconditionError(
        absl::StrCat("epoch of host ", lease.host(), " would fall from ", epoch, " to ", lease.epoch()));
  }
  FEEDFARM_ASSIGN_OR_RETURN(Statement statement,
                            database.Prepare("INSERT OR REPLACE INTO leases (host, epoch, run_id) VALUES (?, ?, ?)"));
  return statement.BindText(0, lease.host()).Bind(1, lease.epoch()).BindText(2, lease.run_id()).Run();
}

absl::StatusOr<std::vector<record::LeaseRecord>> AllLeases(Database& database) {
  FEEDFARM_ASSIGN_OR_RETURN(Statement statement,
                            database.Prepare("SELECT host, epoch, run_id FROM leases ORDER BY host"));
  std::vector<record::LeaseRecord> leases;
  for (;;) {
    FEEDFARM_ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return leases;
    record::LeaseRecord& lease = leases.emplace_back();
    lease.set_host(std::string(statement.Bytes(0)));
    lease.set_epoch(statement.Integer(1));
    lease.set_run_id(std::string(statement.Bytes(2)));
  }
}

}  // namespace feedfarm
