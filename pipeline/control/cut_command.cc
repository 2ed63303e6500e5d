#include "pipeline/control/cut_command.h"

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {

RecordLine CutCommand::ToLine() const {
  RecordLine record("cut");
  record.Add("line", line == LineId::kA ? "A" : "B");
  record.AddUint("start_tai_ns", start_tai_ns).AddUint("duration_ns", duration_ns);
  return record;
}

absl::StatusOr<CutCommand> CutCommand::FromLine(const RecordLine& line) {
  if (line.kind() != "cut") return absl::InvalidArgumentError(absl::StrCat("not a cut: ", line.kind()));
  const std::string_view name = line.Find("line").value_or("");
  if (name != "A" && name != "B") return absl::InvalidArgumentError("cut: line must be A or B");
  CutCommand cut;
  cut.line = name == "A" ? LineId::kA : LineId::kB;
  FEEDFARM_ASSIGN_OR_RETURN(cut.start_tai_ns, line.Uint("start_tai_ns"));
  FEEDFARM_ASSIGN_OR_RETURN(cut.duration_ns, line.Uint("duration_ns"));
  return cut;
}

}  // namespace feedfarm
