#include "pipeline/control/event_record.h"

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

absl::StatusOr<FeedEventKind> ParseKind(std::string_view name) {
  for (int i = 0; i < kFeedEventKinds; ++i) {
    if (name == Name(static_cast<FeedEventKind>(i))) return static_cast<FeedEventKind>(i);
  }
  return absl::InvalidArgumentError(absl::StrCat("no event kind '", std::string(name), "'"));
}

}  // namespace

RecordLine EventRecord::ToLine() const {
  RecordLine record("event");
  record.Add("kind", Name(kind)).AddUint("time_unix_ns", time_unix_ns).AddUint("first_sequence", first_sequence);
  record.AddUint("messages", messages).AddUint("duration_ns", duration_ns).Add("line", line);
  return record;
}

absl::StatusOr<EventRecord> EventRecord::FromLine(const RecordLine& line) {
  if (line.kind() != "event") return absl::InvalidArgumentError(absl::StrCat("not an event: ", line.kind()));
  EventRecord event;
  FEEDFARM_ASSIGN_OR_RETURN(event.kind, ParseKind(line.Find("kind").value_or("")));
  FEEDFARM_ASSIGN_OR_RETURN(event.time_unix_ns, line.Uint("time_unix_ns"));
  FEEDFARM_ASSIGN_OR_RETURN(event.first_sequence, line.Uint("first_sequence"));
  FEEDFARM_ASSIGN_OR_RETURN(event.messages, line.Uint("messages"));
  FEEDFARM_ASSIGN_OR_RETURN(event.duration_ns, line.Uint("duration_ns"));
  event.line = line.Find("line").value_or("");
  return event;
}

}  // namespace feedfarm
