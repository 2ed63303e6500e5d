#include "pipeline/feed/line_arbiter.h"

#include <algorithm>
#include <utility>

namespace feedfarm {

LineArbiter::LineArbiter(const ArbiterOptions& options, SequencedStream* first, SequencedStream* second,
                         ArbiterCounters* counters, FeedEventQueue* events)
    : options_(options), counters_(counters), events_(events), current_(&generations_[0]), pending_(&generations_[1]) {
  current_->stream = first;
  pending_->stream = second;
}

void LineArbiter::Rejoin(const JournalCursor& cursor) {
  joined_ = true;
  SequencedStream* const stream = current_->stream;
  stream->Begin(cursor.generation, cursor.next_sequence, /*paused=*/false);
  *current_ = {.stream = stream,
               .index = cursor.generation,
               .session = cursor.session,
               .anchor_sequence = cursor.front.anchor_sequence,
               .anchor_time = cursor.front.anchor_time_ns,
               .front_sequence = cursor.front.front_sequence,
               .front_time = cursor.front.front_time_ns,
               .front_data = cursor.front.front_data,
               .time_floor = cursor.front.floor_time_ns,
               .first_seen = cursor.next_sequence};
  for (const SessionId& session : cursor.earlier_sessions()) earlier_[earlier_count_++ % kEarlierSessions] = session;
}

Departure LineArbiter::DepartsAny(const PacketHeader& header) const {
  if (options_.jump_messages == 0 || header.kind == PacketKind::kMalformed ||
      header.first_sequence > UINT64_MAX - header.count) {
    return Departure::kNone;
  }
  if (!joined_) return Departure::kFirst;
  const bool of_pending = pending_active_ && header.session == pending_->session &&
                          (!(header.session == current_->session) || header.send_time_ns >= pending_->anchor_time);
  const Generation& generation = of_pending ? *pending_ : *current_;
  if (!(header.session == generation.session))
    return IsEarlier(header.session) ? Departure::kNone : Departure::kSession;
  if (Restarts(generation, header)) return Departure::kRestart;
  if (Jumps(generation, header)) return Departure::kSequence;
  // Without send times both are 0.
  const bool later = header.send_time_ns > generation.front_time;
  const bool much = later && header.send_time_ns - generation.front_time > kSendTimeJumpNs;
  return much && generation.front_time != 0 ? Departure::kSendTime : Departure::kNone;
}

Decision LineArbiter::DecideAny(Origin origin, const PacketHeader& header, uint64_t now_ns) {
  if (header.kind == PacketKind::kMalformed || header.first_sequence > UINT64_MAX - header.count) {
    return {.verdict = Verdict::kMalformed};
  }
  if (!joined_) [[unlikely]] {
    if (origin == Origin::kAnswer) return {.verdict = Verdict::kStale};
    joined_ = true;
    Begin(*current_, 0, header, options_.first_sequence != 0 ? options_.first_sequence : header.first_sequence, false);
    if (options_.first_sequence == 0 && current_->stream->holds()) {
      current_->stream->Await(/*from=*/1, header.first_sequence, now_ns);
    }
    return Place(*current_, header, now_ns);
  }
  Verdict verdict = Verdict::kStale;
  FeedEventKind begin = FeedEventKind::kSessionChange;
  Generation* generation = Classify(origin, header, &verdict, &begin);
  if (generation != nullptr) [[likely]]
    return Place(*generation, header, now_ns);
  if (verdict == Verdict::kStale) return {.verdict = Verdict::kStale};
  if (pending_active_) return {.verdict = Verdict::kSwitchFirst};
  return BeginPending(header, begin, now_ns);
}

// With `verdict` kSwitchFirst the packet begins a generation; kStale is none.
LineArbiter::Generation* LineArbiter::Classify(Origin origin, const PacketHeader& header, Verdict* verdict,
                                               FeedEventKind* begin) {
  if (header.session == current_->session) [[likely]] {
    if (header.send_time_ns == 0) return current_;
    if (pending_active_ && pending_->session == header.session) {
      return ClassifyRestarted(origin, header, verdict, begin);
    }
    switch (Judge(*current_, origin, header)) {
      case Member::kYes:
        return current_;
      case Member::kRestart:
        if (origin == Origin::kAnswer) return nullptr;
        *verdict = Verdict::kSwitchFirst;
        *begin = FeedEventKind::kSessionRestart;
        return nullptr;
      case Member::kStale:
        return nullptr;
    }
  }
  if (pending_active_ && pending_->session == header.session) {
    if (header.send_time_ns == 0) return pending_;
    return Judge(*pending_, origin, header) == Member::kYes ? pending_ : nullptr;
  }
  if (origin == Origin::kAnswer || IsEarlier(header.session)) return nullptr;
  *verdict = Verdict::kSwitchFirst;
  *begin = FeedEventKind::kSessionChange;
  return nullptr;
}

// Old and new generation have one session: the send time tells.
LineArbiter::Generation* LineArbiter::ClassifyRestarted(Origin origin, const PacketHeader& header, Verdict* verdict,
                                                        FeedEventKind* begin) {
  if (header.send_time_ns >= pending_->anchor_time) {
    const Member member = Judge(*pending_, origin, header);
    if (member == Member::kRestart && origin == Origin::kLine) {
      *verdict = Verdict::kSwitchFirst;
      *begin = FeedEventKind::kSessionRestart;
    }
    return member == Member::kYes ? pending_ : nullptr;
  }
  const Member member = Judge(*current_, origin, header);
  if (member == Member::kYes) return current_;
  if (member == Member::kStale || header.first_sequence >= pending_->anchor_sequence) return nullptr;
  // Not of the old generation, and from before the first packet seen of the new one: packets changed places.
  pending_->anchor_sequence = header.first_sequence;
  pending_->anchor_time = header.send_time_ns;
  return pending_;
}

LineArbiter::Member LineArbiter::Judge(Generation& generation, Origin origin, const PacketHeader& header) {
  const uint64_t time = header.send_time_ns;
  const uint64_t sequence = header.first_sequence;
  const bool data = header.kind == PacketKind::kData;
  if (Restarts(generation, header)) return Member::kRestart;
  if (time > generation.front_time) {
    if (origin == Origin::kLine) {
      generation.front_time = time;
      generation.front_sequence = sequence;
      generation.front_data = data;
    }
    return Member::kYes;
  }
  if (time <= generation.time_floor) return Member::kStale;
  if (sequence > generation.front_sequence) {
    if (time < generation.front_time) return Member::kStale;
    if (origin == Origin::kLine) {
      generation.front_sequence = sequence;
      generation.front_data = data;
    }
    return Member::kYes;
  }
  if (sequence >= generation.anchor_sequence) return time >= generation.anchor_time ? Member::kYes : Member::kStale;
  if (time > generation.anchor_time) return Member::kStale;
  generation.anchor_sequence = sequence;
  generation.anchor_time = time;
  return Member::kYes;
}

bool LineArbiter::IsEarlier(const SessionId& session) const {
  const size_t kept = std::min(earlier_count_, kEarlierSessions);
  return std::find(earlier_.begin(), earlier_.begin() + static_cast<ptrdiff_t>(kept), session) !=
         earlier_.begin() + static_cast<ptrdiff_t>(kept);
}

void LineArbiter::Begin(Generation& generation, uint32_t index, const PacketHeader& header, uint64_t next,
                        bool paused) {
  SequencedStream* const stream = generation.stream;
  stream->Begin(index, next, paused);
  generation = {.stream = stream,
                .index = index,
                .session = header.session,
                .anchor_sequence = header.first_sequence,
                .anchor_time = header.send_time_ns,
                .front_sequence = header.first_sequence,
                .front_time = header.send_time_ns,
                .front_data = header.kind == PacketKind::kData,
                .first_seen = header.first_sequence};
}

Decision LineArbiter::BeginPending(const PacketHeader& header, FeedEventKind begun_by, uint64_t now_ns) {
  Begin(*pending_, current_->index + 1, header, 1, /*paused=*/true);
  pending_->begun_by = begun_by;
  pending_active_ = true;
  pending_since_ns_ = now_ns;
  return Place(*pending_, header, now_ns);
}

Decision LineArbiter::Place(Generation& generation, const PacketHeader& header, uint64_t now_ns) {
  SequencedStream& stream = *generation.stream;
  if (header.kind == PacketKind::kData) return PlaceData(stream, header);
  stream.Announce(header.first_sequence, now_ns);
  if (header.kind == PacketKind::kHeartbeat) return {.verdict = Verdict::kHeartbeat};
  if (!generation.end_announced) generation.end_sequence = header.first_sequence;
  generation.end_announced = true;
  return {.verdict = Verdict::kEndOfSession};
}

bool LineArbiter::HandoverDue(uint64_t now_ns) const {
  if (!pending_active_ || !current_->stream->whole()) return false;
  return current_->end_reported || now_ns >= pending_since_ns_ + options_.dwell_ns;
}

void LineArbiter::HandOver(uint64_t now_ns) {
  if (!(current_->session == pending_->session)) earlier_[earlier_count_++ % kEarlierSessions] = current_->session;
  pending_->time_floor = current_->front_time;
  std::swap(current_, pending_);
  pending_active_ = false;
  current_->stream->Resume();
  ++(current_->begun_by == FeedEventKind::kSessionChange ? counters_->session_changes : counters_->session_restarts);
  events_->Push({.kind = current_->begun_by,
                 .generation = current_->index,
                 .time_tai_ns = now_ns,
                 .first_sequence = current_->first_seen});
}

void LineArbiter::ReportEnd(uint64_t now_ns) {
  if (!end_due()) return;
  current_->end_reported = true;
  events_->Push({.kind = FeedEventKind::kEndOfSession,
                 .generation = current_->index,
                 .time_tai_ns = now_ns,
                 .first_sequence = current_->end_sequence});
}

}  // namespace feedfarm
