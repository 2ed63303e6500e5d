#include "pipeline/control/ready_record.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "pipeline/control/build_fields.h"

namespace feedfarm {
namespace {

// Between the sentences of what was not granted; the line escapes it.
constexpr char kSentenceEnd[] = "\n";

}  // namespace

RecordLine ReadyRecord::ToLine() const {
  RecordLine line("ready");
  line.Add("xdp_mode", xdp_mode).Add("bind_mode", bind_mode);
  line.Add("timestamp_class", timestamp_class);
  AddBuild(build, &line);
  if (!not_granted.empty()) line.Add("not_granted", absl::StrJoin(not_granted, kSentenceEnd));
  return line;
}

absl::StatusOr<ReadyRecord> ReadyRecord::FromLine(const RecordLine& line) {
  if (line.kind() != "ready") return absl::InvalidArgumentError(absl::StrCat("not a ready: ", line.kind()));
  const auto text = [&](std::string_view key) { return std::string(line.Find(key).value_or("")); };
  return ReadyRecord{.xdp_mode = text("xdp_mode"),
                     .bind_mode = text("bind_mode"),
                     .timestamp_class = text("timestamp_class"),
                     .build = BuildOf(line),
                     .not_granted = absl::StrSplit(text("not_granted"), kSentenceEnd, absl::SkipEmpty())};
}

}  // namespace feedfarm
