#include "coordinator/store/results.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "coordinator/store/blob.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {

absl::Status AddResult(Database& database, std::string_view run_id, const v1::RunResult& result) {
  if (ResultOf(database, run_id).ok()) {
    return absl::AlreadyExistsError(absl::StrCat("run ", std::string(run_id), " has its result"));
  }
  FEEDFARM_ASSIGN_OR_RETURN(Statement statement, database.Prepare("INSERT INTO results (run_id, result) VALUES (?, ?)"));
  return statement.BindText(0, run_id).BindBlob(1, result.SerializeAsString()).Run();
}

absl::StatusOr<v1::RunResult> ResultOf(Database& database, std::string_view run_id) {
  FEEDFARM_ASSIGN_OR_RETURN(Statement statement, database.Prepare("SELECT result FROM results WHERE run_id = ?"));
  statement.BindText(0, run_id);
  FEEDFARM_ASSIGN_OR_RETURN(const bool found, statement.Step());
  if (!found) return absl::NotFoundError(absl::StrCat("run ", std::string(run_id), " has no result"));
  v1::RunResult result;
  FEEDFARM_RETURN_IF_ERROR(ParseBlob(statement.Bytes(0), &result));
  return result;
}

}  // namespace feedfarm
