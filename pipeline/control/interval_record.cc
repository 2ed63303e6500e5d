#include "pipeline/control/interval_record.h"

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

struct Field {
  const char* name;
  uint64_t IntervalRecord::*value;
};

constexpr Field kFields[] = {
    {"sequence", &IntervalRecord::sequence},
    {"start_unix_ns", &IntervalRecord::start_unix_ns},
    {"end_unix_ns", &IntervalRecord::end_unix_ns},
    {"messages", &IntervalRecord::messages},
    {"packets_a", &IntervalRecord::packets_a},
    {"packets_b", &IntervalRecord::packets_b},
    {"gaps", &IntervalRecord::gaps},
    {"recovered_messages", &IntervalRecord::recovered_messages},
};

}  // namespace

RecordLine IntervalRecord::ToLine() const {
  RecordLine line("interval");
  for (const Field& field : kFields) line.AddUint(field.name, this->*field.value);
  AddHistograms(histograms, line);
  return line;
}

absl::StatusOr<IntervalRecord> IntervalRecord::FromLine(const RecordLine& line) {
  if (line.kind() != "interval") return absl::InvalidArgumentError(absl::StrCat("not an interval: ", line.kind()));
  IntervalRecord interval;
  for (const Field& field : kFields) {
    FEEDFARM_ASSIGN_OR_RETURN(interval.*field.value, line.Uint(field.name));
  }
  FEEDFARM_ASSIGN_OR_RETURN(interval.histograms, TakeHistograms(line));
  return interval;
}

}  // namespace feedfarm
