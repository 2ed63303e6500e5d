#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "pipeline/control/record_line.h"
#include "pipeline/source/packet_source.h"

namespace feedfarm {

// `cut line=A start_tai_ns=N duration_ns=N`: from the agent, arms the cut rule in the XDP program.
struct CutCommand {
  LineId line = LineId::kA;
  uint64_t start_tai_ns = 0;
  uint64_t duration_ns = 0;
  friend bool operator==(const CutCommand&, const CutCommand&) = default;

  RecordLine ToLine() const;
  // INVALID_ARGUMENT, NOT_FOUND: not a `cut`, line neither A nor B, or a number missing or broken.
  static absl::StatusOr<CutCommand> FromLine(const RecordLine& line);
};

}  // namespace feedfarm
