#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "pipeline/feed/departure.h"
#include "pipeline/feed/feed_event_queue.h"
#include "pipeline/feed/framing.h"
#include "pipeline/feed/sequenced_stream.h"
#include "pipeline/journal/journal_cursor.h"

namespace feedfarm {

// What the arbiter says of a packet.
enum class Verdict : uint8_t {
  kDeliver,       // of the stream, not wholly seen: Accept it. In order now, from message `skip` on
  kHold,          // the same, but before its turn: Accept holds it
  kSecondCopy,    // every message was seen before: let it go
  kStale,         // of an earlier generation, or an answer to nobody's question: let it go
  kHeartbeat,     // says what is next: Announce (done by Decide)
  kEndOfSession,  // the same, and nothing comes behind
  kMalformed,     // no packet of this protocol
  kSwitchFirst,   // a third generation while the second is still held back: Switch, then Decide again
};

struct Decision {
  Verdict verdict = Verdict::kMalformed;
  uint32_t skip = 0;                  // kDeliver: blocks to leave out at the front
  SequencedStream* stream = nullptr;  // kDeliver, kHold
};

// Who gave a packet.
enum class Origin : uint8_t { kLine, kAnswer };

struct ArbiterOptions {
  // First message to be delivered of the first generation; 0 = the first one seen, behind a snapshot of what is before
  // it where there are snapshots.
  uint64_t first_sequence = 1;
  // A new generation takes over when it is this old and nothing known of the old one is missing.
  uint64_t dwell_ns = 1'000'000;
  // A packet that jumps over more messages departs from the stream, and so does one that begins a generation (Departs).
  // More than any ordinary loss on both lines, so that only an outage's end waits for a second packet, and less than a
  // stray packet may ask for in vain. 0 = everything is believed.
  uint64_t jump_messages = 4'096;
};

struct ArbiterCounters {
  uint64_t session_changes = 0;
  uint64_t session_restarts = 0;
};

// Joins two lines and the re-request server's answers into one stream: says of each packet which generation it belongs
// to and whether anything in it is new. The rules are ARCHITECTURE.md's "Generations"; in short, with send times T:
//
//   other session, never seen before          a new generation (session change)
//   earlier session                           stale
//   T newer than that of a packet seen that   a new generation (session restart)
//   begins behind this one
//   T of an earlier generation's time, or     stale
//   not rising with the sequence
//
// T is the time of a packet's first message: packets that begin at one message may end at different ones, so only the
// sequences that packets begin with are compared.
//
// A new generation does not take over at once: the other line may still bring the end of the old one, and its gaps may
// be under way. Its packets are held until the old one is whole as far as is known and dwell has passed. Only lines
// begin generations.
//
// Pure: no clock, no I/O. One thread. Decide costs a few compares a packet.
class LineArbiter {
 public:
  // Two streams of equal size: the current generation and the next one. All is borrowed.
  LineArbiter(const ArbiterOptions& options, SequencedStream* first, SequencedStream* second, ArbiterCounters* counters,
              FeedEventQueue* events);

  // Nothing can come of this data packet but kSecondCopy or kStale: its blocks need not be looked at.
  bool Unchanging(const PacketHeader& header) const {
    return joined_ && header.session == current_->session && header.send_time_ns <= current_->front_time &&
           header.first_sequence + header.count <= current_->stream->next() && !pending_active_;
  }

  // One session is joined, and no other one is held back.
  bool settled() const { return joined_ && !pending_active_; }

  // Of `session`, in a protocol without send times: a data packet whose place is told by its sequence alone.
  static bool Ordinary(const PacketHeader& header, const SessionId& session) {
    return header.kind == PacketKind::kData && header.session == session && header.send_time_ns == 0 &&
           header.first_sequence <= UINT64_MAX - header.count;
  }

  // Whether a packet, of a line or an answer, changes so much that it is not to be believed on its own: Decide would
  // begin a generation with it, or take the stream far ahead. The first packet of all departs from nothing. Changes
  // nothing.
  Departure Departs(const PacketHeader& header) const {
    if (Ordinary(header, current_->session) && settled()) [[likely]]
      return Jumps(*current_, header) ? Departure::kSequence : Departure::kNone;
    return DepartsAny(header);
  }

  Decision Decide(Origin origin, const PacketHeader& header, uint64_t now_ns) {
    if (Ordinary(header, current_->session) && settled()) [[likely]]
      return PlaceData(*current_->stream, header);
    return DecideAny(origin, header, now_ns);
  }

  // Joins where a journal ended, as the handler that wrote it would have gone on. Before the first packet.
  void Rejoin(const JournalCursor& cursor);

  // What is known of the current generation's send times.
  StreamFront front() const {
    return {.front_sequence = current_->front_sequence,
            .front_time_ns = current_->front_time,
            .anchor_sequence = current_->anchor_sequence,
            .anchor_time_ns = current_->anchor_time,
            .floor_time_ns = current_->time_floor,
            .front_data = current_->front_data};
  }

  // Time passes: hands over to the next generation when it is due, reports the end of the session. Call when busy().
  template <class Deliver>
  void Tick(uint64_t now_ns, Deliver& deliver) {
    current_->stream->Tick(now_ns);
    current_->stream->Drain(now_ns, deliver);
    ReportEnd(now_ns);
    if (HandoverDue(now_ns)) Switch(now_ns, deliver);
  }

  // Ends the current generation, giving up what is missing, and goes on with the one held back, if any.
  template <class Deliver>
  void Switch(uint64_t now_ns, Deliver& deliver) {
    current_->stream->GiveUpAll(now_ns);
    current_->stream->Drain(now_ns, deliver);
    ReportEnd(now_ns);
    if (!pending_active_) return;
    HandOver(now_ns);
    current_->stream->Drain(now_ns, deliver);
    ReportEnd(now_ns);
  }

  // There is something to wait for: Tick must be called.
  bool busy() const {
    return pending_active_ || !current_->stream->recovery().idle() || current_->stream->awaiting() || end_due();
  }

  SequencedStream& current() { return *current_->stream; }
  const SequencedStream& current() const { return *current_->stream; }
  const SessionId& session() const { return current_->session; }
  bool joined() const { return joined_; }
  bool pending() const { return pending_active_; }
  // End of session was reached in the current generation.
  bool ended() const { return current_->end_reported; }

 private:
  static constexpr size_t kEarlierSessions = 16;
  // Idle feeds send a heartbeat each second: a send time that is further ahead has no place in the stream yet.
  static constexpr uint64_t kSendTimeJumpNs = 5'000'000'000;

  struct Generation {
    SequencedStream* stream = nullptr;
    uint32_t index = 0;
    SessionId session;
    // The packet with the lowest sequence seen: what is before it is not newer, what is behind is not older.
    uint64_t anchor_sequence = 0;
    uint64_t anchor_time = 0;
    // The line packet with the highest first sequence seen: what begins before it is not newer.
    uint64_t front_sequence = 0;
    uint64_t front_time = 0;
    bool front_data = false;
    uint64_t time_floor = 0;  // front_time of the generation before; nothing of this one is as old
    FeedEventKind begun_by = FeedEventKind::kSessionChange;
    uint64_t first_seen = 0;
    bool end_announced = false;
    bool end_reported = false;
    uint64_t end_sequence = 0;
  };
  enum class Member : uint8_t { kYes, kRestart, kStale };

  static Decision PlaceData(SequencedStream& stream, const PacketHeader& header) {
    if (header.first_sequence + header.count <= stream.next()) return {.verdict = Verdict::kSecondCopy};
    if (header.first_sequence > stream.next() || stream.paused()) return {.verdict = Verdict::kHold, .stream = &stream};
    return {.verdict = Verdict::kDeliver,
            .skip = static_cast<uint32_t>(stream.next() - header.first_sequence),
            .stream = &stream};
  }
  bool Jumps(const Generation& generation, const PacketHeader& header) const {
    const uint64_t end = header.first_sequence + header.count;
    const uint64_t known_end = generation.stream->known_end();
    return end > known_end && end - known_end > options_.jump_messages && options_.jump_messages != 0;
  }
  Departure DepartsAny(const PacketHeader& header) const;
  Decision DecideAny(Origin origin, const PacketHeader& header, uint64_t now_ns);
  void Begin(Generation& generation, uint32_t index, const PacketHeader& header, uint64_t next, bool paused);
  Decision BeginPending(const PacketHeader& header, FeedEventKind begun_by, uint64_t now_ns);
  // The generation that the packet belongs to; nullptr with `verdict` where to none.
  Generation* Classify(Origin origin, const PacketHeader& header, Verdict* verdict, FeedEventKind* begin);
  Generation* ClassifyRestarted(Origin origin, const PacketHeader& header, Verdict* verdict, FeedEventKind* begin);
  static Member Judge(Generation& generation, Origin origin, const PacketHeader& header);
  // Newer than a packet seen that begins behind it.
  static bool Restarts(const Generation& generation, const PacketHeader& header) {
    return header.send_time_ns > generation.front_time &&
           (header.first_sequence < generation.front_sequence ||
            (header.first_sequence == generation.front_sequence && generation.front_data));
  }
  bool IsEarlier(const SessionId& session) const;
  Decision Place(Generation& generation, const PacketHeader& header, uint64_t now_ns);
  bool HandoverDue(uint64_t now_ns) const;
  void HandOver(uint64_t now_ns);
  bool end_due() const {
    return current_->end_announced && !current_->end_reported && !current_->stream->awaiting() &&
           current_->stream->next() >= current_->end_sequence;
  }
  void ReportEnd(uint64_t now_ns);

  const ArbiterOptions options_;
  ArbiterCounters* const counters_;
  FeedEventQueue* const events_;
  std::array<Generation, 2> generations_;
  Generation* current_;
  Generation* pending_;
  bool joined_ = false;
  bool pending_active_ = false;
  uint64_t pending_since_ns_ = 0;
  std::array<SessionId, kEarlierSessions> earlier_;
  size_t earlier_count_ = 0;  // ever; the newest kEarlierSessions are kept
};

}  // namespace feedfarm
