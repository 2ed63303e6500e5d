#include "pipeline/control/telemetry.h"

#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "pipeline/control/drop_reason.h"
#include "pipeline/stats/hdr_codec.h"

namespace feedfarm {
namespace {

constexpr uint64_t kLogIntervalNs = 1'000'000'000;
constexpr LatencyMetric kMetrics[] = {LatencyMetric::kDecode, LatencyMetric::kDeliver, LatencyMetric::kEndToEnd};
constexpr TimestampClass kClasses[] = {TimestampClass::kNone, TimestampClass::kSoftware, TimestampClass::kHardware};

template <class Fn>
void ForEach(Fn&& fn) {
  for (LatencyMetric metric : kMetrics) {
    for (TimestampClass timestamp_class : kClasses) fn(metric, timestamp_class);
  }
}

std::vector<HistogramRecord> Encode(const LatencyHistograms& histograms) {
  std::vector<HistogramRecord> records;
  ForEach([&](LatencyMetric metric, TimestampClass timestamp_class) {
    const Histogram& histogram = histograms.Of(metric, timestamp_class);
    const uint64_t count = histogram.Count();
    if (count == 0) return;
    records.push_back({metric, timestamp_class, EncodeHdrV2Compressed(histogram), count});
  });
  return records;
}

std::string TypeName(size_t type) {
  const auto byte = static_cast<unsigned char>(type);
  return absl::ascii_isalnum(byte) ? std::string(1, static_cast<char>(byte)) : absl::StrFormat("0x%02x", type);
}

void AddDrop(FinalRecord& record, DropReason reason, uint64_t count) {
  if (count != 0) record.drops.emplace_back(Name(reason), count);
}

void FillLines(const FeedCounters& counters, const SourceCounters& source, FinalRecord& record) {
  for (size_t i = 0; i < kLines; ++i) {
    const LineCounters& line = counters.lines[i];
    record.lines[i] = {.packets = line.packets,
                       .bytes = line.bytes,
                       .cut_packets = source.cut_packets[i],
                       .cut_measured_ns = counters.cut_measured_ns[i],
                       .second_copies = line.second_copies,
                       .first_copies = line.first_copies,
                       .malformed_packets = line.malformed_packets,
                       .stale_packets = line.stale_packets,
                       .heartbeats = line.heartbeats};
  }
}

void FillImplausible(const FeedCounters& counters, FinalRecord& record) {
  for (size_t i = 0; i < kDepartures; ++i) {
    if (counters.implausible[i] == 0) continue;
    record.implausible.emplace_back(Name(static_cast<Departure>(i)), counters.implausible[i]);
  }
}

void FillFutureStamps(const FeedCounters& counters, FinalRecord& record) {
  ForEach([&](LatencyMetric metric, TimestampClass timestamp_class) {
    const uint64_t samples = counters.future_stamps[Index(metric)][static_cast<size_t>(timestamp_class)];
    if (samples == 0) return;
    record.future_stamps.emplace_back(absl::StrCat(Name(metric), ".", Name(timestamp_class)), samples);
  });
}

void FillSnapshots(const FeedCounters& counters, FinalRecord& record) {
  const SnapshotCounters& snapshots = counters.snapshots;
  record.snapshots_asked = snapshots.asked;
  record.snapshots_loaded = snapshots.loaded;
  record.snapshots_given_up = snapshots.given_up;
  record.snapshot_skipped_messages = snapshots.skipped_messages;
  record.snapshot_gap_messages = counters.recovery.snapshot_messages;
  record.snapshot_image_messages = snapshots.image_messages;
  record.snapshot_max_ns = snapshots.hold_max_ns;
  for (int i = 0; i < kSnapshotFailures; ++i) {
    if (snapshots.failed[i] == 0) continue;
    record.snapshot_failures.emplace_back(Name(static_cast<SnapshotFailure>(i)), snapshots.failed[i]);
  }
}

}  // namespace

Telemetry::Telemetry(uint64_t start_unix_ns)
    : log_(start_unix_ns, "feedfarm-handler"),
      interval_start_unix_ns_(start_unix_ns),
      second_start_unix_ns_(start_unix_ns) {}

void Telemetry::Merge(LatencyHistograms& histograms) {
  ForEach([&](LatencyMetric metric, TimestampClass timestamp_class) {
    Histogram& histogram = histograms.Of(metric, timestamp_class);
    if (histogram.empty()) return;
    total_.Of(metric, timestamp_class).Merge(histogram);
    second_.Of(metric, timestamp_class).Merge(histogram);
    histogram.Reset();
  });
}

void Telemetry::LogSecond(uint64_t end_unix_ns) {
  ForEach([&](LatencyMetric metric, TimestampClass timestamp_class) {
    Histogram& histogram = second_.Of(metric, timestamp_class);
    if (histogram.empty()) return;
    log_.Append(absl::StrCat(Name(metric), ".", Name(timestamp_class)), second_start_unix_ns_, end_unix_ns, histogram);
    histogram.Reset();
  });
  second_start_unix_ns_ = end_unix_ns;
}

IntervalRecord Telemetry::TakeInterval(LatencyHistograms& histograms, const FeedCounters& counters,
                                       uint64_t end_unix_ns) {
  IntervalRecord interval{.sequence = ++sequence_,
                          .start_unix_ns = interval_start_unix_ns_,
                          .end_unix_ns = end_unix_ns,
                          .messages = counters.messages,
                          .packets_a = counters.lines[0].packets,
                          .packets_b = counters.lines[1].packets,
                          .gaps = counters.recovery.gaps,
                          .recovered_messages = counters.recovery.recovered_messages,
                          .histograms = Encode(histograms)};
  interval_start_unix_ns_ = end_unix_ns;
  Merge(histograms);
  if (end_unix_ns >= second_start_unix_ns_ + kLogIntervalNs) LogSecond(end_unix_ns);
  return interval;
}

void Telemetry::Finish(LatencyHistograms& histograms, uint64_t end_unix_ns) {
  Merge(histograms);
  LogSecond(end_unix_ns);
}

std::vector<HistogramRecord> Telemetry::Totals() const { return Encode(total_); }

FinalRecord MakeFinal(const FeedCounters& counters, const SourceCounters& source, uint64_t events_lost) {
  FinalRecord record;
  record.messages = counters.messages;
  for (size_t type = 0; type < counters.types.size(); ++type) {
    if (counters.types[type] != 0) record.types.emplace_back(TypeName(type), counters.types[type]);
  }
  FillLines(counters, source, record);
  record.duplicates = counters.duplicates;
  record.out_of_order = counters.out_of_order;
  record.gaps = counters.recovery.gaps;
  record.gap_messages = counters.recovery.gap_messages;
  record.recovered_messages = counters.recovery.recovered_messages;
  record.unrecovered_messages = counters.recovery.unrecovered_messages;
  record.rerequests = counters.recovery.rerequests;
  record.rerequest_timeouts = counters.recovery.rerequest_timeouts;
  record.recovery_max_ns = counters.recovery.recovery_max_ns;
  record.session_restarts = counters.arbiter.session_restarts;
  record.session_changes = counters.arbiter.session_changes;
  record.malformed_messages = counters.malformed_messages;
  record.partial_overlaps = counters.partial_overlaps;
  record.failovers = counters.failovers;
  record.failover_max_ns = counters.failover_max_ns;
  record.stream_hash = absl::StrFormat("%016x", counters.stream_hash);
  record.state_hash = absl::StrFormat("%016x", counters.state_hash);
  for (size_t i = 0; i < kBookOutcomes; ++i) {
    if (counters.book.outcomes[i] == 0) continue;
    record.book.emplace_back(std::string(Name(static_cast<BookOutcome>(i))), counters.book.outcomes[i]);
  }
  record.orders_live = counters.book.orders_live;
  record.levels_live = counters.book.levels_live;
  record.end_of_session = counters.end_of_session;
  record.pool_frames = source.pool_frames;
  record.pool_available = source.pool_available;
  record.pool_misses = source.pool_misses;
  record.pool_return_drops = source.pool_return_drops;
  FillImplausible(counters, record);
  FillFutureStamps(counters, record);
  FillSnapshots(counters, record);
  AddDrop(record, DropReason::kWindowFull, counters.window_full);
  AddDrop(record, DropReason::kAnswersMalformed, counters.answers_malformed);
  AddDrop(record, DropReason::kAnswersStale, counters.answers_stale);
  AddDrop(record, DropReason::kRingFull, source.ring_full);
  AddDrop(record, DropReason::kFillRingEmpty, source.fill_ring_empty);
  AddDrop(record, DropReason::kInvalid, source.invalid);
  AddDrop(record, DropReason::kNoSocket, source.no_socket);
  AddDrop(record, DropReason::kNoMetadata, source.no_metadata);
  AddDrop(record, DropReason::kReceiveErrors, source.receive_errors);
  AddDrop(record, DropReason::kEventsLost, events_lost);
  return record;
}

std::string ToJson(const RecordLine& line) {
  nlohmann::ordered_json json;
  for (const auto& [key, value] : line.fields()) {
    if (key.starts_with("hist.")) continue;
    if (const auto number = line.Uint(key); number.ok() && !key.ends_with("_hash")) {
      json[key] = *number;
    } else {
      json[key] = value;
    }
  }
  return json.dump(2) + "\n";
}

}  // namespace feedfarm
