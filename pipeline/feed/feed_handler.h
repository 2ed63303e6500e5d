#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "absl/status/statusor.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/feed/delivery.h"
#include "pipeline/feed/feed_counters.h"
#include "pipeline/feed/feed_event_queue.h"
#include "pipeline/feed/feed_protocol.h"
#include "pipeline/feed/latency_histograms.h"
#include "pipeline/feed/line_arbiter.h"
#include "pipeline/feed/line_monitor.h"
#include "pipeline/feed/plausibility.h"
#include "pipeline/feed/rerequest_channel.h"
#include "pipeline/feed/sequenced_stream.h"
#include "pipeline/feed/snapshot_loader.h"
#include "pipeline/journal/journal_cursor.h"
#include "pipeline/journal/journal_ring.h"
#include "pipeline/journal/recovery_report.h"
#include "pipeline/source/packet_source.h"

namespace feedfarm {

struct FeedHandlerOptions {
  ArbiterOptions arbiter;
  RecoveryOptions recovery;
  ReorderBuffer::Options window;
};

struct TaiClock {
  uint64_t operator()() const { return TaiNow(); }
};

// The one place where the stages are wired: source -> framing -> arbiter -> stream (reorder buffer, gap recovery) ->
// delivery (type counts, hash, auditor, book). Everything runs in Poll, on one thread.
//
// The clock is read once a batch, after it was received: that is the decode entry of all its packets and the delivery
// of all messages that it sets free, and what timeouts count on. The hot path has no lock, allocation, log or virtual
// call a message; receive buffers go back at the end of each Poll, whatever became of their packets.
//
// A packet of an undisturbed stream only adds its messages to the delivery's plan, which is carried out at the end of
// the batch, or before the first packet that needs more thought.
template <FeedProtocol Protocol, class Clock = TaiClock>
class FeedHandler {
 public:
  // source, channel (nullptr = no re-request server), events, histograms and books (nullptr = none) are borrowed.
  // INVALID_ARGUMENT: the window is no power of two.
  static absl::StatusOr<std::unique_ptr<FeedHandler>> Create(FeedHandlerOptions options, PacketSource* source,
                                                             RerequestChannel* channel, FeedEventQueue* events,
                                                             LatencyHistograms* histograms, BookStage* books,
                                                             Clock clock = {}) {
    FEEDFARM_ASSIGN_OR_RETURN(ReorderBuffer first, ReorderBuffer::Create(options.window));
    FEEDFARM_ASSIGN_OR_RETURN(ReorderBuffer second, ReorderBuffer::Create(options.window));
    if (channel == nullptr) options.recovery.tries = 0;
    return std::unique_ptr<FeedHandler>(new FeedHandler(options, std::move(first), std::move(second), source, channel,
                                                        events, histograms, books, std::move(clock)));
  }
  FeedHandler(const FeedHandler&) = delete;
  FeedHandler& operator=(const FeedHandler&) = delete;

  // From now on what re-requests do not bring is waited for by snapshots of `channel`, which is borrowed. Before the
  // first Poll.
  void TakeSnapshots(const SnapshotOptions& options, SnapshotChannel* channel) {
    for (SequencedStream& stream : streams_) stream.HoldForSnapshots(options.rerequest_messages_max);
    snapshots_.emplace(options, channel, this, &counters_.snapshots, events_);
  }

  // From now on what is delivered goes into `journal`, which is borrowed; `recovered` is where it ended, with its books
  // loaded already. Before the first Poll.
  void KeepJournal(JournalRing* journal, const JournalCursor& recovered, const StreamTally& tally) {
    journal_ = journal;
    delivery_.KeepJournal(journal);
    if (!recovered.joined) return;
    arbiter_.Rejoin(recovered);
    delivery_.Resume(recovered);
    journalled_generation_ = recovered.generation;
    counters_.messages = recovered.messages;
    counters_.types = tally.types;
    // Each generation but the first was begun by the one or the other.
    counters_.arbiter.session_changes = tally.session_changes;
    counters_.arbiter.session_restarts = recovered.generation - tally.session_changes;
    counters_.malformed_messages = tally.outcomes[static_cast<size_t>(BookOutcome::kMalformed)];
  }

  // Takes one batch through all stages, then does what recovery has to do. Returns the packets taken.
  size_t Poll() {
    const size_t count = source_->Receive(std::span(batch_).first(kBatchMax));
    if (count == 0 && !busy()) return 0;
    now_ns_ = clock_();
    for (size_t i = TakeOrdinary(0, count); i < count; i = TakeOrdinary(i + 1, count)) OnLinePacket(batch_[i]);
    FlushPlan();
    source_->Release(std::span(batch_).first(count));
    const bool backlog = count >= kBacklog && ++backlog_turns_ < kBacklogTurnsMax;
    if (!backlog) {
      backlog_turns_ = 0;
      monitor_.Check();
      if (busy()) [[unlikely]]
        Recover();
    }
    if (journal_ != nullptr) PublishJournal();
    return count;
  }

  // Nothing more will come: what is missing is given up, what is held is delivered.
  void Finish() {
    now_ns_ = clock_();
    plausibility_.Finish([this](const SuspectPacket& believed) { Believe(believed); });
    if (!arbiter_.joined()) return;
    JournalGeneration();
    arbiter_.Switch(now_ns_, *this);
    JournalGeneration();
    if (!arbiter_.current().whole()) arbiter_.Switch(now_ns_, *this);
    FlushLatency();
    if (journal_ != nullptr) PublishJournal();
  }

  // Waits for something: recovery has timers running, or packets are held for the next generation or a snapshot.
  bool busy() const { return arbiter_.busy() || (snapshots_ && snapshots_->busy()); }

  // A cut of a line was armed in the source.
  void NoteCut(LineId line, uint64_t start_tai_ns, uint64_t duration_ns) {
    monitor_.NoteCut(line, start_tai_ns, duration_ns);
  }

  // Records into `histograms` from now on; returns those used before.
  LatencyHistograms* SwapHistograms(LatencyHistograms* histograms) { return std::exchange(histograms_, histograms); }

  // All counters but the books' state hash. Cost: a copy of 2.5 kB.
  FeedCounters Snapshot() const {
    FeedCounters counters = counters_;
    counters.duplicates = delivery_.auditor().duplicates();
    counters.out_of_order = delivery_.auditor().out_of_order();
    counters.failovers = monitor_.failovers();
    counters.failover_max_ns = monitor_.failover_max_ns();
    counters.cut_measured_ns = {monitor_.cut_measured_ns(LineId::kA), monitor_.cut_measured_ns(LineId::kB)};
    counters.stream_hash = delivery_.hash().value();
    counters.end_of_session = arbiter_.joined() && arbiter_.ended();
    if (delivery_.books() != nullptr) counters.book = delivery_.books()->Totals();
    return counters;
  }

  // What must outlive a process that is killed, into memory that does. Cost: some 60 stores.
  void Account(FeedAccount* to) const {
    to->messages = counters_.messages;
    to->partial_overlaps = counters_.partial_overlaps;
    to->window_full = counters_.window_full;
    to->answers_malformed = counters_.answers_malformed;
    to->answers_stale = counters_.answers_stale;
    to->implausible = counters_.implausible;
    to->future_stamps = counters_.future_stamps;
    to->lines = counters_.lines;
    to->recovery = counters_.recovery;
    to->snapshots = counters_.snapshots;
    to->duplicates = delivery_.auditor().duplicates();
    to->out_of_order = delivery_.auditor().out_of_order();
    to->failovers = monitor_.failovers();
    to->failover_max_ns = monitor_.failover_max_ns();
    to->cut_measured_ns = {monitor_.cut_measured_ns(LineId::kA), monitor_.cut_measured_ns(LineId::kB)};
  }

  // Of the books as they are now; 0 without any. Walks all of them: not while packets come.
  uint64_t StateHash() { return delivery_.books() == nullptr ? 0 : delivery_.books()->StateHash(); }

  const LineArbiter& arbiter() const { return arbiter_; }

  // Delivery of one message, called by the stream: exactly once, in order.
  void operator()(uint32_t generation, uint64_t sequence, std::span<const uint8_t> message, const MessageTimes& times) {
    BeginInJournal(generation, sequence);
    delivery_.Deliver(generation, sequence, message);
    if (times.receive_tai_ns != run_times_.receive_tai_ns || times.intended_tai_ns != run_times_.intended_tai_ns) {
      FlushLatency();
      run_times_ = times;
    }
    ++run_messages_;
  }

  // A snapshot, called by its loader: the books become empty, then what its messages make of them.
  void BeginState(uint32_t generation) {
    // From where the snapshot is needed: a handler that is killed while it loads needs it again.
    BeginInJournal(generation, arbiter_.current().awaited_from());
    delivery_.BeginState(generation);
  }
  void ApplyState(std::span<const uint8_t> message) { delivery_.ApplyState(message); }
  void EndState(uint32_t generation, uint64_t next_sequence) { delivery_.EndState(generation, next_sequence); }

 private:
  // Packets ahead whose first line is fetched while one is worked on.
  static constexpr size_t kPrefetch = 8;
  // A batch as large as this says that more is waiting: what seems missing or late may be among it, so nothing is
  // declared before it is taken, for that many turns at most.
  static constexpr size_t kBacklog = kBatchMax / 2;
  static constexpr uint32_t kBacklogTurnsMax = 256;
  // Two readings of one clock, on two cores or by the kernel's lockless reader, may be the wrong way round by this
  // much.
  static constexpr uint64_t kClockJitterNs = 1'000;
  using Framing = typename Protocol::Framing;

  FeedHandler(const FeedHandlerOptions& options, ReorderBuffer first, ReorderBuffer second, PacketSource* source,
              RerequestChannel* channel, FeedEventQueue* events, LatencyHistograms* histograms, BookStage* books,
              Clock clock)
      : source_(source),
        channel_(channel),
        events_(events),
        histograms_(histograms),
        clock_(std::move(clock)),
        streams_{SequencedStream(std::move(first), options.recovery, &counters_.recovery, events),
                 SequencedStream(std::move(second), options.recovery, &counters_.recovery, events)},
        arbiter_(options.arbiter, &streams_[0], &streams_[1], &counters_.arbiter, events),
        monitor_(options.arbiter.dwell_ns, events),
        delivery_(&counters_, books),
        plausibility_(options.arbiter.jump_messages, &arbiter_, &counters_.implausible) {}

  // What a run of packets brought, by line.
  struct RunSums {
    std::array<uint64_t, kLines> packets{}, bytes{}, first_copies{};
  };

  // Takes the batch's packets from `first` on, up to the first one that needs more thought, and returns where that is.
  // Of a steady stream that are none as long as each goes on where the messages planned end, or brings nothing new:
  // what is asked of the stream is then asked once for all of them. First where each belongs, then the accounts, so
  // that either loop fits into the processor's registers.
  size_t TakeOrdinary(size_t first, size_t count) {
    if (first >= count || !arbiter_.settled() || !arbiter_.current().steady()) return first;
    const SessionId session = arbiter_.session();
    const TimestampClass timestamp_class = batch_[first].timestamp_class;
    uint64_t next = arbiter_.current().next() + delivery_.planned();
    RunSums sums;
    size_t at = first;
    for (; at < count; ++at) {
      __builtin_prefetch(batch_[at + kPrefetch].payload);
      const Packet& packet = batch_[at];
      const std::span payload(packet.payload, packet.size);
      const PacketHeader header = Framing::ParseHeader(payload);
      if (!LineArbiter::Ordinary(header, session) || header.first_sequence > next ||
          packet.timestamp_class != timestamp_class) [[unlikely]] {
        break;
      }
      const uint64_t seen = next - header.first_sequence;
      uint32_t fresh = 0;
      if (seen < header.count) {
        if (!Plan(payload, header, seen)) [[unlikely]]
          break;
        fresh = header.count - static_cast<uint32_t>(seen);
        next += fresh;
        counters_.partial_overlaps += seen != 0 ? 1 : 0;
        ++sums.first_copies[Index(packet.line)];
      }
      fresh_[at] = fresh;
      ++sums.packets[Index(packet.line)];
      sums.bytes[Index(packet.line)] += packet.size;
    }
    if (at != first) AccountRun(first, at, timestamp_class, sums);
    return at;
  }

  // Of packets [first, end) of the batch, which brought fresh_ messages each.
  void AccountRun(size_t first, size_t end, TimestampClass timestamp_class, const RunSums& sums) {
    for (size_t i = 0; i < kLines; ++i) {
      LineCounters& line = counters_.lines[i];
      line.packets += sums.packets[i];
      line.bytes += sums.bytes[i];
      line.first_copies += sums.first_copies[i];
      line.second_copies += sums.packets[i] - sums.first_copies[i];
    }
    const std::span packets = std::span<const Packet>(batch_).subspan(first, end - first);
    const std::span fresh = std::span<const uint32_t>(fresh_).subspan(first, end - first);
    if (timestamp_class == TimestampClass::kNone) {
      monitor_.OnRun(packets, fresh, now_ns_);
    } else {
      monitor_.OnRun(packets, fresh, RecordRun(packets, fresh, timestamp_class));
    }
  }

  // Latencies of packets with receive times: what they brought is delivered as it is decoded.
  LineMonitor::Span RecordRun(std::span<const Packet> packets, std::span<const uint32_t> fresh,
                              TimestampClass timestamp_class) {
    Histogram& decode = histograms_->Of(LatencyMetric::kDecode, timestamp_class);
    Histogram& deliver = histograms_->Of(LatencyMetric::kDeliver, timestamp_class);
    const uint64_t now_ns = now_ns_;
    LineMonitor::Span span;
    for (size_t i = 0; i < packets.size(); ++i) {
      const uint64_t receive_ns = packets[i].receive_tai_ns;
      span.earliest_ns = receive_ns < span.earliest_ns ? receive_ns : span.earliest_ns;
      span.latest_ns = receive_ns > span.latest_ns ? receive_ns : span.latest_ns;
      const uint64_t waited_ns = now_ns - receive_ns;  // huge where that time is yet to come
      if (waited_ns <= Histogram::kHighest) [[likely]] {
        const size_t bucket = Histogram::IndexOf(waited_ns);
        decode.RecordAt(bucket, 1);
        deliver.RecordAt(bucket, fresh[i]);
      } else {
        RecordRare(LatencyMetric::kDecode, timestamp_class, receive_ns, 1);
        RecordRare(LatencyMetric::kDeliver, timestamp_class, receive_ns, fresh[i]);
      }
      if (packets[i].intended_tai_ns != 0 && fresh[i] != 0) {
        Record(LatencyMetric::kEndToEnd, timestamp_class, packets[i].intended_tai_ns, fresh[i]);
      }
    }
    return span;
  }

  // Any packet.
  void OnLinePacket(const Packet& packet) {
    LineCounters& line = counters_.lines[Index(packet.line)];
    ++line.packets;
    line.bytes += packet.size;
    uint64_t receive_ns = now_ns_;
    if (packet.timestamp_class != TimestampClass::kNone) {
      receive_ns = packet.receive_tai_ns;
      Record(LatencyMetric::kDecode, packet.timestamp_class, receive_ns, 1);
    }
    FlushPlan();
    OnAnyPacket(packet, Framing::ParseHeader(std::span(packet.payload, packet.size)), receive_ns);
  }

  // Plans the packet's messages but the first `skip`. False, with nothing planned: there is no room even when the plan
  // is empty, or a block runs past the end.
  bool Plan(std::span<const uint8_t> payload, const PacketHeader& header, uint64_t skip) {
    if (!delivery_.HasRoom(header.count)) [[unlikely]] {
      FlushPlan();
      if (!delivery_.HasRoom(header.count)) return false;
    }
    const size_t planned = delivery_.planned();
    const bool whole = Framing::WalkBlocks(payload, header, [&](size_t at, uint16_t length) {
      if (skip != 0) [[unlikely]] {
        --skip;
      } else {
        delivery_.Plan(payload.subspan(at, length));
      }
    });
    if (!whole) [[unlikely]]
      delivery_.Unplan(planned);
    return whole;
  }

  void FlushPlan() {
    const size_t planned = delivery_.planned();
    if (planned == 0) return;
    SequencedStream& stream = arbiter_.current();
    BeginInJournal(stream.generation(), stream.next());
    delivery_.Flush(stream.generation(), stream.next());
    stream.Advance(planned);
  }

  // The journal must know of a generation before its first message.
  void BeginInJournal(uint32_t generation, uint64_t first_sequence) {
    if (journal_ == nullptr || generation == journalled_generation_) [[likely]]
      return;
    journal_->Begin(generation, arbiter_.session(), first_sequence, arbiter_.front());
    journalled_generation_ = generation;
  }

  // The current generation has its beginning in the journal, although perhaps no message of it ever comes. Before each
  // handover, so that none is left out.
  void JournalGeneration() {
    if (journal_ == nullptr || !arbiter_.joined()) return;
    const SequencedStream& stream = arbiter_.current();
    BeginInJournal(stream.generation(), stream.awaiting() ? stream.awaited_from() : stream.next());
  }

  void PublishJournal() {
    JournalGeneration();
    // Of a generation that was begun there: what it knows before its first message comes with the beginning.
    const bool begun = arbiter_.current().generation() == journalled_generation_;
    if (const StreamFront front = arbiter_.front();
        begun && front.front_time_ns != 0 && !(front == journalled_front_)) {
      journal_->Front(arbiter_.current().generation(), front);
      journalled_front_ = front;
    }
    journal_->Publish();
  }

  // Nothing is planned.
  void OnAnyPacket(const Packet& packet, const PacketHeader& header, uint64_t receive_ns) {
    const std::span payload(packet.payload, packet.size);
    if (header.kind == PacketKind::kMalformed || !IndexIfNeeded(payload, header)) [[unlikely]] {
      ++counters_.lines[Index(packet.line)].malformed_packets;
      return;
    }
    const MessageTimes times{packet.timestamp_class == TimestampClass::kNone ? 0 : packet.receive_tai_ns,
                             packet.intended_tai_ns, packet.timestamp_class};
    if (const Departure departure = plausibility_.Of(header, now_ns_); departure != Departure::kNone) [[unlikely]] {
      return plausibility_.Take({.header = header,
                                 .departure = departure,
                                 .line = packet.line,
                                 .times = times,
                                 .receive_ns = receive_ns,
                                 .payload = payload},
                                now_ns_, [this](const SuspectPacket& believed) { Believe(believed); });
    }
    monitor_.OnPacket(packet.line, receive_ns);
    OnLineHeader(packet.line, header, packet.payload, times, receive_ns);
  }

  // Well-formed: it was walked before it was held.
  void Believe(const SuspectPacket& packet) {
    if (packet.header.kind == PacketKind::kData) Framing::IndexBlocks(packet.payload, packet.header, blocks_);
    // Of a held one the time is past: the line may have gone on since.
    if (packet.held_since_ns == 0) monitor_.OnPacket(packet.line, packet.receive_ns);
    OnLineHeader(packet.line, packet.header, packet.payload.data(), packet.times, packet.receive_ns);
  }

  // A packet that is believed, its blocks indexed.
  void OnLineHeader(LineId id, const PacketHeader& header, const uint8_t* payload, const MessageTimes& times,
                    uint64_t receive_ns) {
    LineCounters& line = counters_.lines[Index(id)];
    SequencedStream::Accepted accepted;
    switch (Place(Origin::kLine, header, payload, times, &accepted)) {
      case Verdict::kDeliver:
      case Verdict::kHold:
        CountAccepted(id, header, accepted, receive_ns);
        return;
      case Verdict::kSecondCopy:
        ++line.second_copies;
        return;
      case Verdict::kStale:
        ++line.stale_packets;
        return;
      case Verdict::kHeartbeat:
      case Verdict::kEndOfSession:
        ++line.heartbeats;
        return;
      case Verdict::kMalformed:
      case Verdict::kSwitchFirst:
        ++line.malformed_packets;
        return;
    }
  }

  void CountAccepted(LineId id, const PacketHeader& header, const SequencedStream::Accepted& accepted,
                     uint64_t receive_ns) {
    LineCounters& line = counters_.lines[Index(id)];
    if (accepted.let_go != 0) [[unlikely]]
      ++counters_.window_full;
    if (accepted.fresh != 0) {
      ++line.first_copies;
      if (accepted.fresh + accepted.let_go < header.count) ++counters_.partial_overlaps;
      monitor_.OnFirstCopy(id, receive_ns);
    } else if (accepted.let_go == 0) {
      ++line.second_copies;
    }
  }

  // Indexes the blocks of whatever may change the stream, before anything is changed. False: a block runs past the end.
  bool IndexIfNeeded(std::span<const uint8_t> payload, const PacketHeader& header) {
    if (header.kind != PacketKind::kData || arbiter_.Unchanging(header)) return true;
    return Framing::IndexBlocks(payload, header, blocks_);
  }

  // Decides and carries out.
  Verdict Place(Origin origin, const PacketHeader& header, const uint8_t* payload, const MessageTimes& times,
                SequencedStream::Accepted* accepted) {
    Decision decision = arbiter_.Decide(origin, header, now_ns_);
    if (decision.verdict == Verdict::kSwitchFirst) [[unlikely]] {
      JournalGeneration();
      arbiter_.Switch(now_ns_, *this);
      decision = arbiter_.Decide(origin, header, now_ns_);
    }
    if (decision.stream != nullptr) {
      *accepted = decision.stream->Accept(header, payload, blocks_, times, origin == Origin::kAnswer, now_ns_, *this);
      FlushLatency();
    }
    return decision.verdict;
  }

  void Recover() {
    if (channel_ != nullptr && arbiter_.current().recovery().outstanding() != 0) TakeAnswers();
    if (snapshots_) [[unlikely]]
      snapshots_->Turn(arbiter_.current(), arbiter_.session(), arbiter_.pending(), now_ns_);
    JournalGeneration();
    arbiter_.Tick(now_ns_, *this);
    FlushLatency();
    if (channel_ == nullptr) return;
    for (const RerequestRange& range : arbiter_.current().recovery().requests()) {
      std::array<uint8_t, Protocol::Rerequest::kBytesMax> request;
      const size_t bytes = typename Protocol::Rerequest(arbiter_.session(), range.first, range.count).Encode(request);
      channel_->Send(std::span(request).first(bytes));
    }
  }

  void TakeAnswers() {
    for (size_t i = 0; i < kBatchMax; ++i) {
      const std::span<const uint8_t> payload = channel_->Receive();
      if (payload.empty()) return;
      ++counters_.answers;
      const PacketHeader header = Framing::ParseHeader(payload);
      if (header.kind == PacketKind::kMalformed || !IndexIfNeeded(payload, header)) {
        ++counters_.answers_malformed;
        continue;
      }
      SequencedStream::Accepted accepted;
      // Nothing was asked that lies so far ahead.
      if (arbiter_.Departs(header) != Departure::kNone ||
          Place(Origin::kAnswer, header, payload.data(), MessageTimes(), &accepted) == Verdict::kStale) {
        ++counters_.answers_stale;
      } else {
        arbiter_.current().recovery().NoteAnswer(now_ns_);
      }
      if (accepted.let_go != 0) ++counters_.window_full;
    }
  }

  // Messages of one packet have equal times: they are recorded together.
  void FlushLatency() {
    if (run_messages_ == 0) return;
    const TimestampClass timestamp_class = run_times_.timestamp_class;
    if (run_times_.receive_tai_ns != 0) {
      Record(LatencyMetric::kDeliver, timestamp_class, run_times_.receive_tai_ns, run_messages_);
    }
    if (run_times_.intended_tai_ns != 0) {
      Record(LatencyMetric::kEndToEnd, timestamp_class, run_times_.intended_tai_ns, run_messages_);
    }
    run_messages_ = 0;
  }

  // A stamp that is later than now is of another clock, or one was set meanwhile: no latency follows from it.
  [[gnu::noinline]] void RecordRare(LatencyMetric metric, TimestampClass timestamp_class, uint64_t since_ns,
                                    uint64_t samples) {
    if (since_ns <= now_ns_ + kClockJitterNs) {
      const uint64_t waited_ns = since_ns <= now_ns_ ? now_ns_ - since_ns : 0;
      histograms_->Of(metric, timestamp_class).RecordCount(waited_ns, samples);
    } else {
      counters_.future_stamps[Index(metric)][static_cast<size_t>(timestamp_class)] += samples;
    }
  }

  void Record(LatencyMetric metric, TimestampClass timestamp_class, uint64_t since_ns, uint64_t samples) {
    const uint64_t waited_ns = now_ns_ - since_ns;  // huge where that time is yet to come
    if (waited_ns > Histogram::kHighest) [[unlikely]]
      return RecordRare(metric, timestamp_class, since_ns, samples);
    Histogram& histogram = histograms_->Of(metric, timestamp_class);
    if (samples == 1) {
      histogram.Record(waited_ns);
    } else {
      histogram.RecordCount(waited_ns, samples);
    }
  }

  PacketSource* const source_;
  RerequestChannel* const channel_;
  FeedEventQueue* const events_;
  LatencyHistograms* histograms_;
  Clock clock_;
  uint64_t now_ns_ = 0;
  FeedCounters counters_;
  std::array<SequencedStream, 2> streams_;
  LineArbiter arbiter_;
  LineMonitor monitor_;
  Delivery<Protocol> delivery_;
  static constexpr uint64_t kNoGeneration = UINT64_MAX;
  JournalRing* journal_ = nullptr;
  uint64_t journalled_generation_ = kNoGeneration;
  StreamFront journalled_front_;
  Plausibility plausibility_;
  std::optional<SnapshotLoader<FeedHandler>> snapshots_;  // empty: there are none
  MessageTimes run_times_;
  uint64_t run_messages_ = 0;
  uint32_t backlog_turns_ = 0;
  std::array<Packet, kBatchMax + kPrefetch> batch_;  // the last ones are never filled: nothing is fetched for them
  std::array<uint32_t, kBatchMax> fresh_{};          // messages that each packet of the batch brought first
  BlockIndex blocks_{};
};

}  // namespace feedfarm
