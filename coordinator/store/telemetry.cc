#include "coordinator/store/telemetry.h"

#include "coordinator/store/blob.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {

absl::Status AddInterval(Database& database, const v1::TelemetryInterval& interval) {
  FEEDFARM_ASSIGN_OR_RETURN(
      Statement statement,
      database.Prepare("INSERT OR IGNORE INTO telemetry (run_id, role, sequence, interval) VALUES (?, ?, ?, ?)"));
  return statement.BindText(0, interval.run_id())
      .Bind(1, interval.role())
      .Bind(2, interval.sequence())
      .BindBlob(3, interval.SerializeAsString())
      .Run();
}

absl::StatusOr<std::vector<v1::TelemetryInterval>> IntervalsOf(Database& database, std::string_view run_id) {
  FEEDFARM_ASSIGN_OR_RETURN(
      Statement statement,
      database.Prepare("SELECT interval FROM telemetry WHERE run_id = ? ORDER BY role, sequence"));
  statement.BindText(0, run_id);
  std::vector<v1::TelemetryInterval> intervals;
  for (;;) {
    FEEDFARM_ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return intervals;
    FEEDFARM_RETURN_IF_ERROR(ParseBlob(statement.Bytes(0), &intervals.emplace_back()));
  }
}

}  // namespace feedfarm
