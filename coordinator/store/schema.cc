#include "coordinator/store/schema.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

// Step i leads from version i to i + 1. Never changed once released: a new step is added.
constexpr std::array kSteps = {
    R"sql(
      CREATE TABLE campaigns (number INTEGER PRIMARY KEY, idempotency_key TEXT UNIQUE, record BLOB NOT NULL);
      CREATE TABLE runs (run_id TEXT PRIMARY KEY, campaign INTEGER NOT NULL REFERENCES campaigns(number),
                         place INTEGER NOT NULL, record BLOB NOT NULL) WITHOUT ROWID;
      CREATE TABLE results (run_id TEXT PRIMARY KEY REFERENCES runs(run_id), result BLOB NOT NULL);
      CREATE TABLE hosts (name TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
      CREATE TABLE leases (host TEXT PRIMARY KEY, epoch INTEGER NOT NULL, run_id TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE artifacts (run_id TEXT NOT NULL, role INTEGER NOT NULL, name TEXT NOT NULL,
                              size_bytes INTEGER NOT NULL, digest TEXT NOT NULL,
                              PRIMARY KEY (run_id, role, name)) WITHOUT ROWID;
    )sql",
    R"sql(
      CREATE TABLE telemetry (run_id TEXT NOT NULL, role INTEGER NOT NULL, sequence INTEGER NOT NULL,
                              interval BLOB NOT NULL, PRIMARY KEY (run_id, role, sequence));
    )sql",
};

}  // namespace

uint64_t SchemaVersion() { return kSteps.size(); }

absl::Status Migrate(Database& database) {
  FEEDFARM_ASSIGN_OR_RETURN(uint64_t version, database.Version());
  if (version > kSteps.size()) {
    return absl::FailedPreconditionError(absl::StrCat("the state was written by a newer build: its schema is version ",
                                                      version, ", this build knows up to ", kSteps.size()));
  }
  for (; version < kSteps.size(); ++version) {
    const absl::Status status = database.Execute(
        absl::StrCat("BEGIN IMMEDIATE;", kSteps[version], "PRAGMA user_version=", version + 1, "; COMMIT;"));
    if (!status.ok()) {
      database.Execute("ROLLBACK").IgnoreError();
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace feedfarm
