#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/base/build_stamp.h"
#include "pipeline/control/record_line.h"

namespace feedfarm {

// `ready ...`: attached and bound; packets count from now on.
struct ReadyRecord {
  std::string xdp_mode;         // "native", "skb", "none"
  std::string bind_mode;        // "zero-copy", "copy", "socket"
  std::string timestamp_class;  // "none", "software", "hardware"; the best the lines can give
  BuildStamp build;             // of the handler
  // What was asked for and refused, a sentence each; without line ends.
  std::vector<std::string> not_granted;
  friend bool operator==(const ReadyRecord&, const ReadyRecord&) = default;

  RecordLine ToLine() const;
  // INVALID_ARGUMENT: not a `ready`. Missing fields stay empty.
  static absl::StatusOr<ReadyRecord> FromLine(const RecordLine& line);
};

}  // namespace feedfarm
