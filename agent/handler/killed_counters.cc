#include "agent/handler/killed_counters.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace feedfarm {
namespace {

using Counts = std::vector<std::pair<std::string, uint64_t>>;

constexpr uint64_t FinalRecord::*kSums[] = {
    &FinalRecord::duplicates,
    &FinalRecord::out_of_order,
    &FinalRecord::gaps,
    &FinalRecord::gap_messages,
    &FinalRecord::recovered_messages,
    &FinalRecord::unrecovered_messages,
    &FinalRecord::rerequests,
    &FinalRecord::rerequest_timeouts,
    &FinalRecord::failovers,
    &FinalRecord::pool_misses,
    &FinalRecord::pool_return_drops,
    &FinalRecord::minor_faults_steady,
    &FinalRecord::major_faults_steady,
    &FinalRecord::hot_path_allocations,
    &FinalRecord::partial_overlaps,
    &FinalRecord::snapshots_asked,
    &FinalRecord::snapshots_loaded,
    &FinalRecord::snapshots_given_up,
    &FinalRecord::snapshot_skipped_messages,
    &FinalRecord::snapshot_gap_messages,
    &FinalRecord::snapshot_image_messages,
    &FinalRecord::journal_overrun_messages,
    &FinalRecord::journal_errors,
};

constexpr uint64_t FinalRecord::*kLongest[] = {
    &FinalRecord::failover_max_ns,
    &FinalRecord::recovery_max_ns,
    &FinalRecord::snapshot_max_ns,
};

constexpr uint64_t LineRecord::*kLineSums[] = {
    &LineRecord::packets,           &LineRecord::bytes,         &LineRecord::cut_packets, &LineRecord::second_copies,
    &LineRecord::first_copies,      &LineRecord::malformed_packets, &LineRecord::stale_packets, &LineRecord::heartbeats,
};

void Add(const Counts& left, Counts* sum) {
  for (const auto& counter : left) {
    const auto same = std::find_if(sum->begin(), sum->end(), [&](const auto& each) { return each.first == counter.first; });
    if (same == sum->end()) {
      sum->push_back(counter);
    } else {
      same->second += counter.second;
    }
  }
}

}  // namespace

void AddCounters(const FinalRecord& left, FinalRecord* sum) {
  for (const auto field : kSums) sum->*field += left.*field;
  for (const auto field : kLongest) sum->*field = std::max(sum->*field, left.*field);
  for (size_t i = 0; i < kLines; ++i) {
    for (const auto field : kLineSums) sum->lines[i].*field += left.lines[i].*field;
    sum->lines[i].cut_measured_ns = std::max(sum->lines[i].cut_measured_ns, left.lines[i].cut_measured_ns);
  }
  Add(left.drops, &sum->drops);
  Add(left.implausible, &sum->implausible);
  Add(left.future_stamps, &sum->future_stamps);
  Add(left.snapshot_failures, &sum->snapshot_failures);
}

}  // namespace feedfarm
