#include "pipeline/control/final_record.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

using Counts = std::vector<std::pair<std::string, uint64_t>>;

struct LineField {
  const char* name;
  uint64_t LineRecord::*value;
};

constexpr LineField kLineFields[] = {
    {"packets", &LineRecord::packets},
    {"bytes", &LineRecord::bytes},
    {"cut_packets", &LineRecord::cut_packets},
    {"cut_measured_ns", &LineRecord::cut_measured_ns},
    {"second_copies", &LineRecord::second_copies},
    {"first_copies", &LineRecord::first_copies},
    {"malformed_packets", &LineRecord::malformed_packets},
    {"stale_packets", &LineRecord::stale_packets},
    {"heartbeats", &LineRecord::heartbeats},
};

struct Field {
  const char* name;
  uint64_t FinalRecord::*value;
};

constexpr Field kFields[] = {
    {"messages", &FinalRecord::messages},
    {"duplicates", &FinalRecord::duplicates},
    {"out_of_order", &FinalRecord::out_of_order},
    {"gaps", &FinalRecord::gaps},
    {"gap_messages", &FinalRecord::gap_messages},
    {"recovered_messages", &FinalRecord::recovered_messages},
    {"unrecovered_messages", &FinalRecord::unrecovered_messages},
    {"rerequests", &FinalRecord::rerequests},
    {"rerequest_timeouts", &FinalRecord::rerequest_timeouts},
    {"session_restarts", &FinalRecord::session_restarts},
    {"session_changes", &FinalRecord::session_changes},
    {"malformed_messages", &FinalRecord::malformed_messages},
    {"failovers", &FinalRecord::failovers},
    {"failover_max_ns", &FinalRecord::failover_max_ns},
    {"recovery_max_ns", &FinalRecord::recovery_max_ns},
    {"pool_frames", &FinalRecord::pool_frames},
    {"pool_available", &FinalRecord::pool_available},
    {"pool_misses", &FinalRecord::pool_misses},
    {"pool_return_drops", &FinalRecord::pool_return_drops},
    {"minor_faults_steady", &FinalRecord::minor_faults_steady},
    {"major_faults_steady", &FinalRecord::major_faults_steady},
    {"hot_path_allocations", &FinalRecord::hot_path_allocations},
    {"partial_overlaps", &FinalRecord::partial_overlaps},
    {"snapshots_asked", &FinalRecord::snapshots_asked},
    {"snapshots_loaded", &FinalRecord::snapshots_loaded},
    {"snapshots_given_up", &FinalRecord::snapshots_given_up},
    {"snapshot_skipped_messages", &FinalRecord::snapshot_skipped_messages},
    {"snapshot_gap_messages", &FinalRecord::snapshot_gap_messages},
    {"snapshot_image_messages", &FinalRecord::snapshot_image_messages},
    {"snapshot_max_ns", &FinalRecord::snapshot_max_ns},
    {"top_updates", &FinalRecord::top_updates},
    {"orders_live", &FinalRecord::orders_live},
    {"levels_live", &FinalRecord::levels_live},
    {"journal_messages", &FinalRecord::journal_messages},
    {"journal_bytes", &FinalRecord::journal_bytes},
    {"journal_syncs", &FinalRecord::journal_syncs},
    {"journal_sync_max_ns", &FinalRecord::journal_sync_max_ns},
    {"journal_snapshots", &FinalRecord::journal_snapshots},
    {"journal_overrun_messages", &FinalRecord::journal_overrun_messages},
    {"journal_errors", &FinalRecord::journal_errors},
    {"journal_restored_messages", &FinalRecord::journal_restored_messages},
    {"journal_replayed_messages", &FinalRecord::journal_replayed_messages},
    {"journal_torn_bytes", &FinalRecord::journal_torn_bytes},
};

constexpr const char* kLineNames[kLines] = {"A", "B"};

std::string LineKey(size_t line, const char* field) { return absl::StrCat("line.", kLineNames[line], ".", field); }

std::string JoinCounts(const Counts& counts) { return absl::StrJoin(counts, ",", absl::PairFormatter(":")); }

// "A:12,D:3"; empty is none.
absl::StatusOr<Counts> SplitCounts(const RecordLine& line, std::string_view key) {
  const auto text = line.Find(key);
  if (!text) return absl::NotFoundError(absl::StrCat("final: no field ", std::string(key)));
  Counts counts;
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(std::string(*text), ',', absl::SkipEmpty()))) {
    const size_t colon = part.find(':');
    uint64_t count = 0;
    if (colon == 0 || colon == std::string_view::npos || !absl::SimpleAtoi(part.substr(colon + 1), &count)) {
      return absl::InvalidArgumentError(absl::StrCat("final: ", std::string(key), " is not name:count,..."));
    }
    counts.emplace_back(part.substr(0, colon), count);
  }
  return counts;
}

absl::StatusOr<std::string> Text(const RecordLine& line, std::string_view key) {
  const auto text = line.Find(key);
  if (!text) return absl::NotFoundError(absl::StrCat("final: no field ", std::string(key)));
  return std::string(*text);
}

}  // namespace

bool FinalRecord::Set(std::string_view name, uint64_t value) {
  for (const Field& field : kFields) {
    if (name != field.name) continue;
    this->*field.value = value;
    return true;
  }
  for (size_t i = 0; i < kLines; ++i) {
    for (const LineField& field : kLineFields) {
      if (name != LineKey(i, field.name)) continue;
      lines[i].*field.value = value;
      return true;
    }
  }
  for (const auto& [list, counts] :
       {std::pair{"drops.", &drops}, std::pair{"implausible.", &implausible},
        std::pair{"future_stamps.", &future_stamps}, std::pair{"snapshot_failures.", &snapshot_failures}}) {
    if (!name.starts_with(list)) continue;
    if (value != 0) counts->emplace_back(name.substr(std::string_view(list).size()), value);
    return true;
  }
  return false;
}

RecordLine FinalRecord::ToLine() const {
  RecordLine line("final");
  for (const Field& field : kFields) line.AddUint(field.name, this->*field.value);
  for (size_t i = 0; i < kLines; ++i) {
    for (const LineField& field : kLineFields) line.AddUint(LineKey(i, field.name), lines[i].*field.value);
  }
  line.Add("implausible", JoinCounts(implausible)).Add("snapshot_failures", JoinCounts(snapshot_failures));
  line.Add("future_stamps", JoinCounts(future_stamps));
  line.Add("types", JoinCounts(types)).Add("drops", JoinCounts(drops)).Add("book", JoinCounts(book));
  line.Add("stream_hash", stream_hash).Add("state_hash", state_hash).Add("top_hash", top_hash);
  line.Add("xdp_mode", xdp_mode).Add("bind_mode", bind_mode).AddUint("end_of_session", end_of_session ? 1 : 0);
  AddHistograms(histograms, line);
  return line;
}

absl::StatusOr<FinalRecord> FinalRecord::FromLine(const RecordLine& line) {
  if (line.kind() != "final") return absl::InvalidArgumentError(absl::StrCat("not a final: ", line.kind()));
  FinalRecord record;
  for (const Field& field : kFields) {
    FEEDFARM_ASSIGN_OR_RETURN(record.*field.value, line.Uint(field.name));
  }
  for (size_t i = 0; i < kLines; ++i) {
    for (const LineField& field : kLineFields) {
      FEEDFARM_ASSIGN_OR_RETURN(record.lines[i].*field.value, line.Uint(LineKey(i, field.name)));
    }
  }
  FEEDFARM_ASSIGN_OR_RETURN(record.types, SplitCounts(line, "types"));
  FEEDFARM_ASSIGN_OR_RETURN(record.drops, SplitCounts(line, "drops"));
  FEEDFARM_ASSIGN_OR_RETURN(record.implausible, SplitCounts(line, "implausible"));
  FEEDFARM_ASSIGN_OR_RETURN(record.future_stamps, SplitCounts(line, "future_stamps"));
  FEEDFARM_ASSIGN_OR_RETURN(record.snapshot_failures, SplitCounts(line, "snapshot_failures"));
  FEEDFARM_ASSIGN_OR_RETURN(record.book, SplitCounts(line, "book"));
  FEEDFARM_ASSIGN_OR_RETURN(record.stream_hash, Text(line, "stream_hash"));
  FEEDFARM_ASSIGN_OR_RETURN(record.state_hash, Text(line, "state_hash"));
  FEEDFARM_ASSIGN_OR_RETURN(record.top_hash, Text(line, "top_hash"));
  FEEDFARM_ASSIGN_OR_RETURN(record.xdp_mode, Text(line, "xdp_mode"));
  FEEDFARM_ASSIGN_OR_RETURN(record.bind_mode, Text(line, "bind_mode"));
  FEEDFARM_ASSIGN_OR_RETURN(const uint64_t ended, line.Uint("end_of_session"));
  record.end_of_session = ended != 0;
  FEEDFARM_ASSIGN_OR_RETURN(record.histograms, TakeHistograms(line));
  return record;
}

}  // namespace feedfarm
