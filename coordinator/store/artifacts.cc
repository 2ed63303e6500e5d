#include "coordinator/store/artifacts.h"

#include <string>

#include "pipeline/base/status_macros.h"

namespace feedfarm {

absl::Status PutArtifact(Database& database, const record::ArtifactRecord& artifact) {
  FEEDFARM_ASSIGN_OR_RETURN(
      Statement statement,
      database.Prepare(
          "INSERT OR REPLACE INTO artifacts (run_id, role, name, size_bytes, digest) VALUES (?, ?, ?, ?, ?)"));
  return statement.BindText(0, artifact.run_id())
      .Bind(1, artifact.role())
      .BindText(2, artifact.name())
      .Bind(3, artifact.size_bytes())
      .BindText(4, artifact.digest())
      .Run();
}

absl::StatusOr<std::vector<record::ArtifactRecord>> ArtifactsOf(Database& database, std::string_view run_id) {
  FEEDFARM_ASSIGN_OR_RETURN(
      Statement statement,
      database.Prepare("SELECT role, name, size_bytes, digest FROM artifacts WHERE run_id = ? ORDER BY role, name"));
  statement.BindText(0, run_id);
  std::vector<record::ArtifactRecord> artifacts;
  for (;;) {
    FEEDFARM_ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return artifacts;
    record::ArtifactRecord& artifact = artifacts.emplace_back();
    artifact.set_run_id(std::string(run_id));
    artifact.set_role(static_cast<v1::Role>(statement.Integer(0)));
    artifact.set_name(std::string(statement.Bytes(1)));
    artifact.set_size_bytes(statement.Integer(2));
    artifact.set_digest(std::string(statement.Bytes(3)));
  }
}

}  // namespace feedfarm
