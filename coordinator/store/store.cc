#include "coordinator/store/store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "coordinator/store/schema.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

absl::Status QuickCheck(Database& database) {
  FEEDFARM_ASSIGN_OR_RETURN(Statement statement, database.Prepare("PRAGMA quick_check(1)"));
  FEEDFARM_RETURN_IF_ERROR(statement.Step().status());
  if (statement.Bytes(0) == "ok") return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("damaged: ", std::string(statement.Bytes(0))));
}

absl::Status Named(const std::string& path, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat("state database ", path, " cannot be used: ", status.message(),
                                   status.code() == absl::StatusCode::kDataLoss
                                       ? "; move it away (and its -wal) to start empty, or restore a copy"
                                       : ""));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& path) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path);
  if (!database.ok()) return Named(path, database.status());
  FEEDFARM_RETURN_IF_ERROR(Named(path, QuickCheck(**database)));
  FEEDFARM_RETURN_IF_ERROR(Named(path, Migrate(**database)));
  return std::unique_ptr<Store>(new Store(*std::move(database)));
}

absl::Status Store::Write(absl::FunctionRef<absl::Status(Database&)> change) {
  absl::MutexLock lock(&mutex_);
  FEEDFARM_RETURN_IF_ERROR(database_->Execute("BEGIN IMMEDIATE"));
  absl::Status status = change(*database_);
  if (status.ok()) status = database_->Execute("COMMIT");
  if (!status.ok()) database_->Execute("ROLLBACK").IgnoreError();
  return status;
}

absl::Status Store::Read(absl::FunctionRef<absl::Status(Database&)> look) {
  absl::MutexLock lock(&mutex_);
  return look(*database_);
}

}  // namespace feedfarm
