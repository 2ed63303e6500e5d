#include "agent/handler/handler_account.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/handler/killed_counters.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/stats/hdr_codec.h"

namespace feedfarm {
namespace {

v1::LatencyMetric ToProto(LatencyMetric metric) {
  switch (metric) {
    case LatencyMetric::kDecode:
      return v1::LATENCY_METRIC_DECODE;
    case LatencyMetric::kDeliver:
      return v1::LATENCY_METRIC_DELIVER;
    case LatencyMetric::kEndToEnd:
      return v1::LATENCY_METRIC_END_TO_END;
  }
  return v1::LATENCY_METRIC_UNSPECIFIED;
}

v1::TimestampClass ToProto(TimestampClass timestamp_class) {
  switch (timestamp_class) {
    case TimestampClass::kNone:
      return v1::TIMESTAMP_CLASS_NONE;
    case TimestampClass::kSoftware:
      return v1::TIMESTAMP_CLASS_SOFTWARE;
    case TimestampClass::kHardware:
      return v1::TIMESTAMP_CLASS_HARDWARE;
  }
  return v1::TIMESTAMP_CLASS_UNSPECIFIED;
}

v1::HandlerEvent::Kind ToProto(FeedEventKind kind) {
  switch (kind) {
    case FeedEventKind::kGap:
      return v1::HandlerEvent::KIND_GAP;
    case FeedEventKind::kRecovered:
      return v1::HandlerEvent::KIND_RECOVERED;
    case FeedEventKind::kUnrecoverable:
      return v1::HandlerEvent::KIND_UNRECOVERABLE;
    case FeedEventKind::kFailover:
      return v1::HandlerEvent::KIND_FAILOVER;
    case FeedEventKind::kSessionChange:
      return v1::HandlerEvent::KIND_SESSION_CHANGE;
    case FeedEventKind::kSessionRestart:
      return v1::HandlerEvent::KIND_SESSION_RESTART;
    case FeedEventKind::kEndOfSession:
      return v1::HandlerEvent::KIND_END_OF_SESSION;
    case FeedEventKind::kSnapshot:
      return v1::HandlerEvent::KIND_SNAPSHOT;
  }
  return v1::HandlerEvent::KIND_UNSPECIFIED;
}

v1::LineResult ToProto(const LineRecord& record, const char* line) {
  v1::LineResult result;
  result.set_line(line);
  result.set_packets(record.packets);
  result.set_bytes(record.bytes);
  result.set_cut_packets(record.cut_packets);
  result.set_cut_measured_ns(record.cut_measured_ns);
  result.set_second_copies(record.second_copies);
  result.set_first_copies(record.first_copies);
  result.set_malformed_packets(record.malformed_packets);
  result.set_stale_packets(record.stale_packets);
  result.set_heartbeats(record.heartbeats);
  return result;
}

v1::HandlerResult ToProto(const FinalRecord& record) {
  v1::HandlerResult result;
  result.set_messages(record.messages);
  for (const auto& [type, messages] : record.types) {
    v1::TypeCount* count = result.add_types();
    count->set_type(type);
    count->set_messages(messages);
  }
  *result.add_lines() = ToProto(record.lines[0], "A");
  *result.add_lines() = ToProto(record.lines[1], "B");
  result.set_duplicates(record.duplicates);
  result.set_out_of_order(record.out_of_order);
  result.set_gaps(record.gaps);
  result.set_gap_messages(record.gap_messages);
  result.set_recovered_messages(record.recovered_messages);
  result.set_unrecovered_messages(record.unrecovered_messages);
  result.set_rerequests(record.rerequests);
  result.set_rerequest_timeouts(record.rerequest_timeouts);
  result.set_session_restarts(record.session_restarts);
  result.set_session_changes(record.session_changes);
  result.set_malformed_messages(record.malformed_messages);
  result.set_failovers(record.failovers);
  result.set_failover_max_ns(record.failover_max_ns);
  result.set_recovery_max_ns(record.recovery_max_ns);
  result.set_stream_hash(record.stream_hash);
  result.set_state_hash(record.state_hash);
  result.set_top_hash(record.top_hash);
  result.set_top_updates(record.top_updates);
  for (const auto& [outcome, messages] : record.book) {
    v1::ReasonCount* count = result.add_book();
    count->set_reason(outcome);
    count->set_count(messages);
  }
  result.set_orders_live(record.orders_live);
  result.set_levels_live(record.levels_live);
  result.set_journal_messages(record.journal_messages);
  result.set_journal_bytes(record.journal_bytes);
  result.set_journal_syncs(record.journal_syncs);
  result.set_journal_sync_max_ns(record.journal_sync_max_ns);
  result.set_journal_snapshots(record.journal_snapshots);
  result.set_journal_overrun_messages(record.journal_overrun_messages);
  result.set_journal_errors(record.journal_errors);
  result.set_journal_restored_messages(record.journal_restored_messages);
  result.set_journal_replayed_messages(record.journal_replayed_messages);
  result.set_journal_torn_bytes(record.journal_torn_bytes);
  result.set_pool_frames(record.pool_frames);
  result.set_pool_available(record.pool_available);
  result.set_pool_misses(record.pool_misses);
  result.set_pool_return_drops(record.pool_return_drops);
  result.set_minor_faults_steady(record.minor_faults_steady);
  result.set_major_faults_steady(record.major_faults_steady);
  result.set_hot_path_allocations(record.hot_path_allocations);
  for (const auto& [reason, count] : record.drops) {
    v1::ReasonCount* drop = result.add_drops();
    drop->set_reason(reason);
    drop->set_count(count);
  }
  result.set_end_of_session(record.end_of_session);
  result.set_xdp_mode(record.xdp_mode);
  result.set_bind_mode(record.bind_mode);
  result.set_partial_overlaps(record.partial_overlaps);
  result.set_snapshots_asked(record.snapshots_asked);
  result.set_snapshots_loaded(record.snapshots_loaded);
  for (const auto& [reason, count] : record.implausible) {
    v1::ReasonCount* packets = result.add_implausible();
    packets->set_reason(reason);
    packets->set_count(count);
  }
  for (const auto& [samples, count] : record.future_stamps) {
    v1::ReasonCount* stamps = result.add_future_stamps();
    stamps->set_reason(samples);
    stamps->set_count(count);
  }
  for (const auto& [reason, count] : record.snapshot_failures) {
    v1::ReasonCount* failure = result.add_snapshot_failures();
    failure->set_reason(reason);
    failure->set_count(count);
  }
  result.set_snapshots_given_up(record.snapshots_given_up);
  result.set_snapshot_skipped_messages(record.snapshot_skipped_messages);
  result.set_snapshot_gap_messages(record.snapshot_gap_messages);
  result.set_snapshot_image_messages(record.snapshot_image_messages);
  result.set_snapshot_max_ns(record.snapshot_max_ns);
  return result;
}

}  // namespace

void HandlerAccount::Take(const ReadyRecord& ready) {
  result_.set_xdp_mode(ready.xdp_mode);
  result_.set_bind_mode(ready.bind_mode);
  build_ = ready.build;
  for (const std::string& sentence : ready.not_granted) {
    if (std::find(not_granted_.begin(), not_granted_.end(), sentence) == not_granted_.end()) {
      not_granted_.push_back(sentence);
    }
  }
}

absl::StatusOr<v1::TelemetryInterval> HandlerAccount::Take(const IntervalRecord& interval) {
  if (interval.sequence != interval_sequence_ + 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("interval ", interval.sequence, " after interval ", interval_sequence_));
  }
  interval_sequence_ = interval.sequence;
  FEEDFARM_RETURN_IF_ERROR(Merge(interval.histograms, &current_));
  interval_messages_ = interval.messages;
  interval_packets_ = interval.packets_a + interval.packets_b;
  result_.set_messages(interval.messages);
  result_.set_gaps(killed_.gaps + interval.gaps);
  result_.set_recovered_messages(killed_.recovered_messages + interval.recovered_messages);

  v1::TelemetryInterval telemetry = TakeUnsentEvents(interval.end_unix_ns);
  telemetry.set_start_unix_ns(interval.start_unix_ns);
  telemetry.set_packets_a(interval.packets_a);
  telemetry.set_packets_b(interval.packets_b);
  for (const HistogramRecord& record : interval.histograms) {
    v1::Histogram* histogram = telemetry.add_histograms();
    histogram->set_metric(ToProto(record.metric));
    histogram->set_timestamp_class(ToProto(record.timestamp_class));
    histogram->set_hdr_v2_compressed(record.hdr_v2_compressed);
    histogram->set_count(record.count);
  }
  return telemetry;
}

void HandlerAccount::Take(const EventRecord& record) {
  v1::HandlerEvent event;
  event.set_kind(ToProto(record.kind));
  event.set_time_unix_ns(record.time_unix_ns);
  event.set_first_sequence(record.first_sequence);
  event.set_messages(record.messages);
  event.set_duration_ns(record.duration_ns);
  event.set_line(record.line);
  if (record.kind == FeedEventKind::kEndOfSession) result_.set_end_of_session(true);
  AddEvent(std::move(event));
}

absl::Status HandlerAccount::Take(const FinalRecord& record) {
  Histograms whole;
  FEEDFARM_RETURN_IF_ERROR(Merge(record.histograms, &whole));
  current_ = std::move(whole);
  FinalRecord total = record;
  AddCounters(killed_, &total);
  Replace(ToProto(total));
  return absl::OkStatus();
}

// Another result, with what only this class counts.
void HandlerAccount::Replace(v1::HandlerResult result) {
  result.set_restarts(result_.restarts());
  result.set_killed_unsampled_ns(result_.killed_unsampled_ns());
  result.set_killed_unrecorded_samples(result_.killed_unrecorded_samples());
  result.set_killed_accounts_lost(result_.killed_accounts_lost());
  result.mutable_events()->Swap(result_.mutable_events());
  result_ = std::move(result);
}

void HandlerAccount::BeginInstance(const Killed& killed) {
  for (auto& [key, histogram] : current_) earlier_[key].Merge(histogram);
  current_.clear();
  if (killed.left.ok()) {
    FinalRecord left = killed.left->record;
    const uint64_t since_ns = std::max(killed.left->sampled_unix_ns, killed.spawned_unix_ns);
    const uint64_t unsampled_ns = killed.killed_unix_ns > since_ns ? killed.killed_unix_ns - since_ns : 0;
    result_.set_killed_unsampled_ns(std::max(result_.killed_unsampled_ns(), std::max<uint64_t>(unsampled_ns, 1)));
    const uint64_t packets = left.lines[0].packets + left.lines[1].packets;
    const uint64_t unrecorded = std::max(left.messages - std::min(left.messages, interval_messages_),
                                         packets - std::min(packets, interval_packets_));
    result_.set_killed_unrecorded_samples(result_.killed_unrecorded_samples() + unrecorded);
    // Without a journal the next one delivers these.
    if (!killed.journal) left.snapshot_skipped_messages = 0;
    AddCounters(left, &killed_);
  } else {
    result_.set_killed_accounts_lost(result_.killed_accounts_lost() + 1);
  }
  interval_sequence_ = interval_messages_ = interval_packets_ = 0;
  result_.set_restarts(result_.restarts() + 1);
  Replace(ToProto(killed_));
}

void HandlerAccount::TakeRestart(uint64_t time_unix_ns, uint64_t down_ns) {
  v1::HandlerEvent event;
  event.set_kind(v1::HandlerEvent::KIND_HANDLER_RESTART);
  event.set_time_unix_ns(time_unix_ns);
  event.set_duration_ns(down_ns);
  AddEvent(std::move(event));
}

v1::TelemetryInterval HandlerAccount::TakeUnsentEvents(uint64_t time_unix_ns) {
  v1::TelemetryInterval telemetry;
  telemetry.set_start_unix_ns(time_unix_ns);
  telemetry.set_end_unix_ns(time_unix_ns);
  telemetry.set_messages(result_.messages());
  telemetry.set_gaps(result_.gaps());
  telemetry.set_recovered_messages(result_.recovered_messages());
  for (v1::HandlerEvent& event : unsent_events_) *telemetry.add_events() = std::move(event);
  unsent_events_.clear();
  return telemetry;
}

v1::HandlerResult HandlerAccount::WholeResult() const {
  Histograms all = earlier_;
  for (const auto& [key, histogram] : current_) all[key].Merge(histogram);
  v1::HandlerResult result = result_;
  for (const std::string& sentence : not_granted_) result.add_not_granted(sentence);
  for (const auto& [key, histogram] : all) {
    v1::Histogram* whole = result.add_histograms();
    whole->set_metric(ToProto(key.first));
    whole->set_timestamp_class(ToProto(key.second));
    whole->set_hdr_v2_compressed(EncodeHdrV2Compressed(histogram));
    whole->set_count(histogram.Count());
  }
  return result;
}

absl::Status HandlerAccount::Merge(const std::vector<HistogramRecord>& records, Histograms* into) const {
  for (const HistogramRecord& record : records) {
    absl::StatusOr<Histogram> histogram = DecodeHdrV2Compressed(record.hdr_v2_compressed);
    if (!histogram.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("histogram ", Name(record.metric), ".",
                                                     Name(record.timestamp_class), ": ", histogram.status().message()));
    }
    (*into)[{record.metric, record.timestamp_class}].Merge(*histogram);
  }
  return absl::OkStatus();
}

void HandlerAccount::AddEvent(v1::HandlerEvent event) {
  if (result_.events_size() < kEventsMax) *result_.add_events() = event;
  unsent_events_.push_back(std::move(event));
}

}  // namespace feedfarm
