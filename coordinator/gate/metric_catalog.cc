#include "coordinator/gate/metric_catalog.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "coordinator/gate/line_loss.h"
#include "pipeline/profile/profile_catalog.h"

namespace feedfarm {
namespace {

using Value = std::optional<MetricValue>;
using Part = absl::string_view;

Value Number(double number) { return MetricValue{number, {}}; }

// Getters of one field of one role, as functions without a closure.
template <auto kField>
Value FromHandler(const RoleResults& results, Part) {
  return Number(static_cast<double>((results.handler->*kField)()));
}

// What the kernel and the housekeeping of a killed handler counted ends with its last interval.
Value Sampled(const RoleResults& results, double number) {
  return MetricValue{number, {}, results.handler->killed_unsampled_ns() > 0};
}

template <auto kField>
Value SampledFromHandler(const RoleResults& results, Part) {
  return Sampled(results, static_cast<double>((results.handler->*kField)()));
}

// Page faults are counted from a handler's fifth second on. It is there before the first packet: traffic that is shorter says nothing.
template <auto kField>
Value SteadyFaults(const RoleResults& results, Part) {
  constexpr uint64_t kSteadyAfterNs = 5'000'000'000;
  if (results.source->last_send_unix_ns() < results.source->first_send_unix_ns() + kSteadyAfterNs) return std::nullopt;
  return SampledFromHandler<kField>(results, "");
}

template <auto kField>
Value FromSource(const RoleResults& results, Part) {
  return Number(static_cast<double>((results.source->*kField)()));
}

// One field summed over the lines, or of the line that `part` names.
template <auto kField>
Value FromLines(const RoleResults& results, Part part) {
  double sum = 0;
  for (const v1::LineResult& line : results.handler->lines()) {
    if (part.empty() || part == line.line()) sum += static_cast<double>((line.*kField)());
  }
  return Number(sum);
}

template <auto kField>
Value SampledFromLines(const RoleResults& results, Part part) {
  return Sampled(results, FromLines<kField>(results, part)->number);
}

template <class Result>
Value Messages(const Result& result, Part type) {
  if (type.empty()) return Number(static_cast<double>(result.messages()));
  double sum = 0;
  for (const v1::TypeCount& count : result.types()) {
    if (type == count.type()) sum += static_cast<double>(count.messages());
  }
  return Number(sum);
}

Value HandlerMessages(const RoleResults& results, Part type) { return Messages(*results.handler, type); }
Value SourceMessages(const RoleResults& results, Part type) { return Messages(*results.source, type); }

Value Delivered(const RoleResults& results, Part) {
  if (results.source->messages() == 0) return std::nullopt;
  return Number(static_cast<double>(results.handler->messages()) / static_cast<double>(results.source->messages()));
}

Value SentPackets(const RoleResults& results, Part line) {
  const double a = static_cast<double>(results.source->packets_a());
  const double b = static_cast<double>(results.source->packets_b());
  return Number(line == "A" ? a : line == "B" ? b : a + b);
}

Value LostPackets(const RoleResults& results, Part line) {
  uint64_t sum = 0;
  for (const absl::string_view each : {"A", "B"}) {
    if (line.empty() || line == each) sum += LostOn(each, *results.handler, *results.source);
  }
  return Number(static_cast<double>(sum));
}

Value Book(const RoleResults& results, Part outcome) {
  double sum = 0;
  for (const v1::ReasonCount& count : results.handler->book()) {
    if (outcome.empty() || outcome == count.reason()) sum += static_cast<double>(count.count());
  }
  return Number(sum);
}

Value Drops(const RoleResults& results, Part reason) {
  double sum = 0;
  for (const v1::ReasonCount& drop : results.handler->drops()) {
    if (reason.empty() || reason == drop.reason()) sum += static_cast<double>(drop.count());
  }
  return Sampled(results, sum);
}

// Drops in the kernel's and the socket's rings: the handler was not there in time.
Value RingDrops(const RoleResults& results, Part) {
  double sum = 0;
  for (const v1::ReasonCount& drop : results.handler->drops()) {
    if (absl::StrContains(absl::StrCat("_", drop.reason(), "_"), "_ring_")) sum += static_cast<double>(drop.count());
  }
  return Sampled(results, sum);
}

Value Cut(const RoleResults& results, Part part) {
  uint64_t longest = 0;
  for (const v1::LineResult& line : results.handler->lines()) {
    if (part.empty() || part == line.line()) longest = std::max(longest, line.cut_measured_ns());
  }
  if (longest == 0) return std::nullopt;
  return Number(static_cast<double>(longest));
}

Value Failover(const RoleResults& results, Part) {
  if (results.handler->failovers() == 0) return std::nullopt;
  return Number(static_cast<double>(results.handler->failover_max_ns()));
}

Value Recovery(const RoleResults& results, Part) {
  if (results.handler->recovered_messages() == 0 && results.handler->recovery_max_ns() == 0) return std::nullopt;
  return Number(static_cast<double>(results.handler->recovery_max_ns()));
}

// Delivered, or a snapshot stands for them.
Value CoveredMessages(const RoleResults& results, Part) {
  return Number(static_cast<double>(results.handler->messages()) +
                static_cast<double>(results.handler->snapshot_skipped_messages()));
}

Value Implausible(const RoleResults& results, Part reason) {
  double sum = 0;
  for (const v1::ReasonCount& packets : results.handler->implausible()) {
    if (reason.empty() || reason == packets.reason()) sum += static_cast<double>(packets.count());
  }
  // What a killed process still held was neither believed nor counted.
  return Sampled(results, sum);
}

Value FutureStamps(const RoleResults& results, Part) {
  double sum = 0;
  for (const v1::ReasonCount& samples : results.handler->future_stamps()) sum += static_cast<double>(samples.count());
  return Number(sum);
}

Value SnapshotFailures(const RoleResults& results, Part reason) {
  double sum = 0;
  for (const v1::ReasonCount& failure : results.handler->snapshot_failures()) {
    if (reason.empty() || reason == failure.reason()) sum += static_cast<double>(failure.count());
  }
  return Number(sum);
}

Value SnapshotHold(const RoleResults& results, Part) {
  if (results.handler->snapshots_loaded() == 0) return std::nullopt;
  return Number(static_cast<double>(results.handler->snapshot_max_ns()));
}

Value PoolLeaked(const RoleResults& results, Part) {
  return Number(static_cast<double>(results.handler->pool_frames()) -
                static_cast<double>(results.handler->pool_available()));
}

Value Hash(const std::string& hash) {
  if (hash.empty()) return std::nullopt;
  return MetricValue{0, hash};
}
Value StreamHash(const RoleResults& results, Part) { return Hash(results.handler->stream_hash()); }
Value StreamReference(const RoleResults& results, Part) { return Hash(results.source->reference_hash()); }
Value StateHash(const RoleResults& results, Part) { return Hash(results.handler->state_hash()); }
Value TopHash(const RoleResults& results, Part) { return Hash(results.handler->top_hash()); }
Value TopReference(const RoleResults& results, Part) { return Hash(results.source->reference_top_hash()); }
Value Reference(const RoleResults& results, Part) { return Hash(results.source->reference_state_hash()); }

// What a rate search found for the goal.
template <const char* kGoal>
Value FromSearch(const RoleResults& results, Part) {
  for (const v1::GoalAnswer& answer : results.search->goals()) {
    if (answer.goal() != kGoal) continue;
    if (answer.no_data()) return std::nullopt;
    return MetricValue{answer.lower_pps(), {}, answer.at_least()};
  }
  return std::nullopt;
}
constexpr char kNdr[] = "ndr", kPdr[] = "pdr", kStrict[] = "strict";

// Text has no dimension, and no gate.
std::optional<PartType> TypeOfField(Part name) {
  const ProfileField* field = FindField(name);
  if (field == nullptr) return std::nullopt;
  switch (field->kind) {
    case ProfileField::Kind::kCount:
      return PartType{Dimension::kCount, GateKind::kCorrectness};
    case ProfileField::Kind::kLevel:
      return PartType{Dimension::kCount, GateKind::kServiceLevel};
    case ProfileField::Kind::kTime:
      return PartType{Dimension::kDuration, GateKind::kServiceLevel};
    case ProfileField::Kind::kHash:
      return PartType{Dimension::kHash, GateKind::kCorrectness};
    case ProfileField::Kind::kText:
      return std::nullopt;
  }
  return std::nullopt;
}

// What a profile told under this name; nothing where it is not what its kind is.
Value FromProfile(const RoleResults& results, Part name) {
  const std::optional<PartType> type = TypeOfField(name);
  if (!type.has_value()) return std::nullopt;
  for (const v1::ProfileValue& value : results.profile->values()) {
    if (value.name() != name) continue;
    if (type->dimension == Dimension::kHash) return Hash(value.value());
    double number = 0;
    if (!absl::SimpleAtod(value.value(), &number) || !std::isfinite(number)) return std::nullopt;
    return Number(number);
  }
  return std::nullopt;
}

constexpr auto kCorrectness = GateKind::kCorrectness;
constexpr auto kServiceLevel = GateKind::kServiceLevel;
constexpr auto kLine = Metric::Part::kLine;

// What the handler or the source counted.
constexpr Metric OfHandler(Part name, GateKind kind, decltype(Metric::get) get, Part doc,
                           Metric::Part part = Metric::Part::kNone) {
  return {.name = name, .kind = kind, .doc = doc, .part = part, .needs_handler = true, .get = get};
}
constexpr Metric OfSource(Part name, GateKind kind, decltype(Metric::get) get, Part doc,
                          Metric::Part part = Metric::Part::kNone) {
  return {.name = name, .kind = kind, .doc = doc, .part = part, .needs_source = true, .get = get};
}
constexpr Metric FaultsOfHandler(Part name, decltype(Metric::get) get, Part doc) {
  return {.name = name,
          .kind = kServiceLevel,
          .doc = doc,
          .needs_handler = true,
          .needs_source = true,
          .absence = "it is counted from the fifth second on, and the source sent for less",
          .get = get};
}
// What a rate search answers.
constexpr Metric OfSearch(Part name, decltype(Metric::get) get, Part doc) {
  return {.name = name,
          .kind = kServiceLevel,
          .doc = doc,
          .needs_search = true,
          .absence = "the search has no answer for this goal",
          .get = get};
}
// A time that the handler measured, if what it measures happened. `plain_unit_ns`: of a name that ends in its unit.
constexpr Metric TimeOfHandler(Part name, double plain_unit_ns, decltype(Metric::get) get, Part doc, Part absence,
                               Metric::Part part = Metric::Part::kNone) {
  return {.name = name,
          .dimension = Dimension::kDuration,
          .kind = kServiceLevel,
          .doc = doc,
          .plain_unit_ns = plain_unit_ns,
          .part = part,
          .needs_handler = true,
          .absence = absence,
          .get = get};
}

#define HANDLER(field) (&FromHandler<&v1::HandlerResult::field>)
#define SOURCE(field) (&FromSource<&v1::SourceResult::field>)
#define SAMPLED(field) (&SampledFromHandler<&v1::HandlerResult::field>)
#define LINES(field) (&FromLines<&v1::LineResult::field>)

// As the handler names them; tests/contract compares.
constexpr absl::string_view kBookOutcomes[] = {
    "applied",         "noted",    "malformed",        "unknown_order",       "duplicate_order", "zero_shares",
    "too_many_shares", "bad_side", "wrong_instrument", "locate_out_of_range", "orders_full",     "levels_full",
};
constexpr absl::string_view kDropReasons[] = {
    "window_full",     "answers_malformed", "answers_stale",  "ring_full",   "fill_ring_empty",
    "invalid",         "no_socket",         "no_metadata",    "receive_errors", "events_lost",
};
constexpr absl::string_view kDepartures[] = {"first", "session", "sequence", "restart", "send_time"};
constexpr absl::string_view kSnapshotFailures[] = {
    "unreachable", "cut",     "silent",    "not_authorised", "no_session",
    "garbage",     "too_large", "too_old", "other_session",
};
// Counts of the handler's by reason.
constexpr Metric ByReason(Part name, decltype(Metric::get) get, std::span<const absl::string_view> names, Part doc) {
  return {.name = name,
          .doc = doc,
          .part = Metric::Part::kBracket,
          .bracket_names = names,
          .needs_handler = true,
          .get = get};
}

constexpr Metric kCatalog[] = {
    // Exactly once, in order.
    OfHandler("messages", kCorrectness, &HandlerMessages, "Messages delivered in order; `messages[A]`: of one type.",
              Metric::Part::kType),
    OfSource("sent_messages", kCorrectness, &SourceMessages,
             "Distinct messages of the stream, whether or not a fault kept them off the lines; `sent_messages[A]`: of "
             "one type.",
             Metric::Part::kType),
    {.name = "delivered",
     .dimension = Dimension::kRatio,
     .doc = "`messages` / `sent_messages`, compared with a percentage.",
     .needs_handler = true,
     .needs_source = true,
     .absence = "nothing was sent",
     .get = &Delivered},
    {.name = "stream_hash",
     .dimension = Dimension::kHash,
     .doc = "Chained hash over every delivered message: exactly once, in order.",
     .needs_handler = true,
     .absence = "the handler gave no hash",
     .get = &StreamHash},
    {.name = "stream_reference",
     .dimension = Dimension::kHash,
     .doc = "What `stream_hash` must be: the source's, over what it sent.",
     .needs_source = true,
     .absence = "the source gave no hash",
     .get = &StreamReference},
    {.name = "state_hash",
     .dimension = Dimension::kHash,
     .doc = "Hash of the books after the last message, whatever led there.",
     .needs_handler = true,
     .absence = "the handler gave no hash",
     .get = &StateHash},
    {.name = "reference",
     .dimension = Dimension::kHash,
     .doc = "What `state_hash` must be: the source's, after it applied what it sent in order.",
     .needs_source = true,
     .absence = "the source gave no hash",
     .get = &Reference},
    {.name = "top_hash",
     .dimension = Dimension::kHash,
     .doc = "Hash over every change of an instrument's best prices, in the order of the messages; where the books are "
            "sharded, and began empty.",
     .needs_handler = true,
     .absence = "the books were not sharded, or did not begin empty",
     .get = &TopHash},
    {.name = "top_reference",
     .dimension = Dimension::kHash,
     .doc = "What `top_hash` must be: the source's, of one book that applied what it sent in order.",
     .needs_source = true,
     .absence = "the source gave no hash",
     .get = &TopReference},
    OfHandler("top_updates", kCorrectness, HANDLER(top_updates), "Changes of best prices that `top_hash` is of."),
    OfHandler("duplicates", kCorrectness, HANDLER(duplicates), "Messages delivered more than once."),
    OfHandler("out_of_order", kCorrectness, HANDLER(out_of_order), "Messages delivered out of order."),
    OfHandler("gaps", kCorrectness, HANDLER(gaps), "Gaps seen on both lines together, one notification each."),
    OfHandler("gap_messages", kCorrectness, HANDLER(gap_messages), "Messages in those gaps."),
    OfHandler("recovered_messages", kCorrectness, HANDLER(recovered_messages), "Messages filled in by re-request."),
    OfHandler("unrecovered_messages", kCorrectness, HANDLER(unrecovered_messages),
              "Messages given up after the last re-request."),
    OfHandler("partial_overlaps", kCorrectness, HANDLER(partial_overlaps),
              "Packets that began below the expected sequence and ran past it."),
    OfHandler("session_restarts", kCorrectness, HANDLER(session_restarts),
              "Restarts of the sequence inside a session."),
    OfSource("sent_session_restarts", kCorrectness, SOURCE(session_restarts), "The same, as sent."),
    OfHandler("session_changes", kCorrectness, HANDLER(session_changes), "Changes to a new session."),
    // What was wrong with packets.
    OfHandler("packets", kCorrectness, LINES(packets), "Packets received.", kLine),
    {.name = "lost_packets",
     .doc = "Data packets sent on a line that the handler did not receive whole, before any recovery, whatever took them: a cut, "
            "a kill, a ring, the wire.",
     .part = kLine,
     .needs_handler = true,
     .needs_source = true,
     .get = &LostPackets},
    OfHandler("first_copies", kCorrectness, LINES(first_copies), "Packets whose messages this line delivered first.",
              kLine),
    OfHandler("second_copies", kCorrectness, LINES(second_copies), "Packets with nothing new: the normal second copy.",
              kLine),
    OfHandler("heartbeats", kCorrectness, LINES(heartbeats), "Heartbeats received.", kLine),
    OfHandler("malformed_packets", kCorrectness, LINES(malformed_packets), "Packets that are none of this feed.",
              kLine),
    OfHandler("malformed_messages", kCorrectness, HANDLER(malformed_messages),
              "Messages of unknown type or wrong length."),
    ByReason("book", &Book, kBookOutcomes, "Messages by what became of them at the books."),
    OfHandler("orders_live", kCorrectness, HANDLER(orders_live), "Orders in the books after the last message."),
    OfHandler("levels_live", kCorrectness, HANDLER(levels_live), "Price levels in the books after the last message."),
    OfHandler("journal_messages", kCorrectness, HANDLER(journal_messages),
              "Messages that the last handler process wrote to its journal."),
    OfHandler("journal_overrun_messages", kCorrectness, SAMPLED(journal_overrun_messages),
              "Messages not journalled because the disk was too slow for the ring."),
    OfHandler("journal_errors", kCorrectness, SAMPLED(journal_errors), "Disk errors of journal and snapshots."),
    OfHandler("journal_restored_messages", kCorrectness, HANDLER(journal_restored_messages),
              "Messages that were in the books when the last handler process began: from snapshot and journal."),
    OfHandler("journal_replayed_messages", kCorrectness, HANDLER(journal_replayed_messages),
              "Of those, replayed behind the snapshot."),
    OfHandler("journal_torn_bytes", kCorrectness, HANDLER(journal_torn_bytes),
              "Bytes cut off the journal's end as torn when the last handler process began."),
    OfHandler("stale_packets", kCorrectness, LINES(stale_packets), "Packets of an older session or generation.", kLine),
    ByReason("implausible_packets", &Implausible, kDepartures,
             "Packets that departed from the stream and that no second packet bore out."),
    OfHandler("future_stamps", kCorrectness, &FutureStamps,
              "Latency samples left out because their stamp was later than the time that it was held against."),
    // Faults: what was done, and what the handler made of it.
    OfSource("injected_gap_messages", kCorrectness, SOURCE(gap_messages), "Messages that `gap` faults left out."),
    OfSource("duplicate_packets", kCorrectness, SOURCE(duplicate_packets),
             "Packets that `duplicate` faults sent twice."),
    OfSource("reordered_packets", kCorrectness, SOURCE(reordered_packets), "Packets that `reorder` faults sent late."),
    OfHandler("cut_packets", kCorrectness, &SampledFromLines<&v1::LineResult::cut_packets>, "Packets dropped by a cut.",
              kLine),
    TimeOfHandler("cut", 0, &Cut, "The longest cut as the receiver measured it.", "no cut was measured", kLine),
    TimeOfHandler("cut_ms", 1e6, &Cut, "`cut` in milliseconds.", "no cut was measured", kLine),
    OfHandler("failovers", kCorrectness, HANDLER(failovers), "Times a line fell silent while the other went on."),
    TimeOfHandler("failover", 0, &Failover, "The longest time until the other line had taken over.",
                  "no line failed over"),
    TimeOfHandler("failover_ms", 1e6, &Failover, "`failover` in milliseconds.", "no line failed over"),
    TimeOfHandler("recovery", 0, &Recovery, "The longest time from a gap's first sign until it was filled.",
                  "no gap was recovered"),
    TimeOfHandler("recovery_ms", 1e6, &Recovery, "`recovery` in milliseconds.", "no gap was recovered"),
    OfHandler("rerequests", kCorrectness, HANDLER(rerequests), "Re-requests sent."),
    OfHandler("rerequest_timeouts", kCorrectness, HANDLER(rerequest_timeouts),
              "Re-requests without an answer in time."),
    OfSource("rerequests_served", kCorrectness, SOURCE(rerequests_served), "Re-requests that the source answered."),
    OfSource("rerequests_dropped", kCorrectness, SOURCE(rerequests_dropped),
             "Answers thrown away by `rerequest: loss`."),
    // Snapshots.
    OfHandler("snapshots_asked", kCorrectness, HANDLER(snapshots_asked), "Snapshots that the handler asked for."),
    OfHandler("snapshots_loaded", kCorrectness, HANDLER(snapshots_loaded), "Snapshots that it went on from."),
    ByReason("snapshot_failures", &SnapshotFailures, kSnapshotFailures, "Snapshots asked for in vain."),
    OfHandler("snapshots_given_up", kCorrectness, HANDLER(snapshots_given_up), "Holes that no snapshot filled."),
    OfHandler("snapshot_skipped_messages", kCorrectness, HANDLER(snapshot_skipped_messages),
              "Messages not delivered because a snapshot stands for them."),
    OfHandler("snapshot_gap_messages", kCorrectness, HANDLER(snapshot_gap_messages),
              "Those of them that were counted in `gap_messages`."),
    OfHandler("snapshot_image_messages", kCorrectness, HANDLER(snapshot_image_messages),
              "Messages of the snapshots themselves."),
    OfHandler(
        "covered_messages", kCorrectness, &CoveredMessages,
        "`messages` + `snapshot_skipped_messages`: to be compared with `sent_messages` where there are snapshots."),
    TimeOfHandler("snapshot", 0, &SnapshotHold, "The longest time that delivery was held for a snapshot.",
                  "no snapshot was loaded"),
    TimeOfHandler("snapshot_ms", 1e6, &SnapshotHold, "`snapshot` in milliseconds.", "no snapshot was loaded"),
    OfSource("snapshots_served", kCorrectness, SOURCE(snapshots_served), "Snapshots that the source gave whole."),
    OfSource("snapshots_stale", kCorrectness, SOURCE(snapshots_stale),
             "Those of a state older than the newest, by `glimpse: lag_messages`."),
    OfSource("snapshots_cut", kCorrectness, SOURCE(snapshots_cut), "Those cut off by `glimpse: cut_after_bytes`."),
    OfSource("snapshots_rejected", kCorrectness, SOURCE(snapshots_rejected), "Logins that the source rejected."),
    OfHandler("handler_restarts", kCorrectness, HANDLER(restarts), "Times the handler process was started again."),
    // The handler's own house.
    ByReason("drops", &Drops, kDropReasons, "Packets dropped, the kernel's included."),
    OfHandler("ring_drops", kCorrectness, &RingDrops, "Drops whose reason names a ring: the handler was too slow."),
    OfHandler("pool_leaked", kCorrectness, &PoolLeaked, "Packet buffers that were not back in the pool at the end."),
    OfHandler("pool_misses", kCorrectness, SAMPLED(pool_misses), "Times the pool was empty."),
    OfHandler("pool_return_drops", kCorrectness, SAMPLED(pool_return_drops), "Buffers that could not be given back."),
    FaultsOfHandler("minor_faults", &SteadyFaults<&v1::HandlerResult::minor_faults_steady>,
                    "Minor page faults from the fifth second on; no data where less than five seconds were sent."),
    FaultsOfHandler("major_faults", &SteadyFaults<&v1::HandlerResult::major_faults_steady>,
                    "Major page faults from the fifth second on; no data where less than five seconds were sent."),
    OfHandler("hot_path_allocations", kServiceLevel, SAMPLED(hot_path_allocations), "Allocations on the hot path."),
    // The source.
    OfSource("sent_packets", kCorrectness, &SentPackets, "Packets sent.", kLine),
    OfSource("truncated_records", kCorrectness, SOURCE(truncated_records),
             "Records of the capture that were cut short."),
    OfSource("foreign_records", kCorrectness, SOURCE(foreign_records),
             "Records of the capture that are not of this feed."),
    OfSource("capture_missing_messages", kCorrectness, SOURCE(capture_missing_messages),
             "Sequence numbers that no packet of the capture holds: what `unrecovered_messages` must be with "
             "`capture.known_holes`."),
    OfSource("send_errors", kCorrectness, SOURCE(send_errors), "Packets that the kernel did not take."),
    // A rate search.
    OfSearch("ndr_pps", &FromSearch<kNdr>,
             "The highest load without loss, packets a second on each line; 0 where min load fails."),
    OfSearch("pdr_pps", &FromSearch<kPdr>, "The highest load with the share of loss that `pdr_loss` allows."),
    OfSearch("strict_pps", &FromSearch<kStrict>, "The highest load without loss or gap in one long trial."),
    // A profile.
    {.name = "profile",
     .doc = "A value that a profile told, by the name on its line: `profile[sequence_gaps]`; counts and hashes are "
            "correctness, times (`_ns`) and speeds service levels ([profiles.md](profiles.md)).",
     .part = Metric::Part::kField,
     .part_type = &TypeOfField,
     .needs_profile = true,
     .absence = "the profile told no such value",
     .get = &FromProfile},
};

constexpr LatencyName kLatencyNames[] = {
    {"decode", v1::LATENCY_METRIC_DECODE, "Receive time to decode entry."},
    {"deliver", v1::LATENCY_METRIC_DELIVER, "Receive time to in-order delivery."},
    {"end_to_end", v1::LATENCY_METRIC_END_TO_END,
     "The sender's intended send time to in-order delivery; only where both are on one clock."},
    {"send", v1::LATENCY_METRIC_SEND, "The sender's intended to actual send time: its own lateness."},
};

constexpr TimestampClassName kTimestampClassNames[] = {
    {"none", v1::TIMESTAMP_CLASS_NONE},
    {"software", v1::TIMESTAMP_CLASS_SOFTWARE},
    {"hardware", v1::TIMESTAMP_CLASS_HARDWARE},
};

}  // namespace

std::span<const Metric> MetricCatalog() { return kCatalog; }

bool IsMessageType(absl::string_view text) {
  if (text.size() == 1) return absl::ascii_isalnum(text[0]);
  return text.size() == 4 && absl::ConsumePrefix(&text, "0x") &&
         text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

bool DependsOnLoad(const Metric& metric) {
  static constexpr absl::string_view kNames[] = {
      "gaps",     "gap_messages",       "recovered_messages", "partial_overlaps", "lost_packets", "failovers",
      "rerequests", "rerequest_timeouts", "rerequests_served",  "drops",            "ring_drops",   "pool_misses",
      "pool_return_drops", "journal_overrun_messages", "snapshots_asked", "snapshots_loaded",
  };
  return metric.kind == kServiceLevel || std::find(std::begin(kNames), std::end(kNames), metric.name) != std::end(kNames);
}

const Metric* FindMetric(absl::string_view name) {
  for (const Metric& metric : kCatalog) {
    if (metric.name == name) return &metric;
  }
  return nullptr;
}

std::span<const LatencyName> LatencyNames() { return kLatencyNames; }

absl::string_view LatencyWord(v1::LatencyMetric metric) {
  for (const LatencyName& name : kLatencyNames) {
    if (name.metric == metric) return name.word;
  }
  return "unknown";
}

std::span<const TimestampClassName> TimestampClassNames() { return kTimestampClassNames; }

absl::string_view TimestampClassWord(v1::TimestampClass timestamp_class) {
  for (const TimestampClassName& name : kTimestampClassNames) {
    if (name.timestamp_class == timestamp_class) return name.word;
  }
  return "unknown";
}

}  // namespace feedfarm
