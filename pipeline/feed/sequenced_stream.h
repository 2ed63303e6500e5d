#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "pipeline/feed/framing.h"
#include "pipeline/feed/gap_recovery.h"
#include "pipeline/feed/message_times.h"
#include "pipeline/feed/reorder_buffer.h"

namespace feedfarm {

// One generation's messages, exactly once and in order, out of packets that come in any order, doubled, overlapping or
// not at all: what is next is delivered straight from its packet, what is early waits in the reorder buffer, what is
// missing is the gap recovery's.
//
//        delivered        missing, or held in the buffer        nothing is known of
//   1 ------------- next ------------------------------ known_end ------------------->
//
// Invariant: a sequence in [next, known_end) is either held or in the recovery's ranges, never both; one outside is
// neither. When next == known_end the buffer is empty and the recovery idle: the ordinary state, and the fast path.
//
// Where there are snapshots (HoldForSnapshots) what is given up is not skipped: the stream stops delivering and awaits
// one. All below its floor, which is then next(), is forgotten, as the snapshot will stand for it; from there on
// messages are held and asked for as ever. The floor rises, and with it the snapshot's least sequence, when more is
// given up behind it and when what comes in does not fit: the oldest goes.
//
//        delivered      the snapshot's     held, or asked for
//   1 ---------- awaited_from ------ next ------------------- known_end --->
//
// Deliver is a callable (uint32_t generation, uint64_t sequence, std::span<const uint8_t> message, const
// MessageTimes&). One thread owns it; nothing is allocated after Create.
class SequencedStream {
 public:
  struct Accepted {
    uint32_t fresh = 0;   // messages that were not there before, delivered or held
    uint32_t let_go = 0;  // messages that could not be kept: they count as missing
  };

  SequencedStream(ReorderBuffer buffer, const RecoveryOptions& options, RecoveryCounters* counters,
                  FeedEventQueue* events)
      : buffer_(std::move(buffer)), recovery_(options, counters, events) {}

  // A new generation whose first message is `next`. While `paused` everything is held.
  void Begin(uint32_t generation, uint64_t next, bool paused);

  // Snapshots can be had, for every generation from the next Begin on. A gap at the head of more than
  // `rerequest_messages_max` is not asked for: 0 = of more than the window.
  void HoldForSnapshots(uint64_t rerequest_messages_max);
  bool holds() const { return holds_; }
  // Stops delivering and awaits a snapshot of all before `floor` (>= next()), of which [from, ...) was not delivered.
  void Await(uint64_t from, uint64_t floor, uint64_t now_ns);
  // The first message that the awaited snapshot stands for.
  uint64_t awaited_from() const { return awaited_from_; }
  bool awaiting() const { return (hold_ & kAwaiting) != 0; }
  // The snapshot holds all before `sequence` (>= next()): goes on there. Drain afterwards. Returns how many messages
  // that were not delivered it stands for.
  uint64_t SkipTo(uint64_t sequence, uint64_t now_ns);
  // There is none: goes on with what is left, as without snapshots. Drain afterwards.
  void Abandon(uint64_t now_ns);
  // The generation is over: whatever is missing is given up, without a snapshot. Drain afterwards.
  void GiveUpAll(uint64_t now_ns);

  // A data packet of this generation, its blocks indexed. Cost without trouble: the deliveries.
  template <class Deliver>
  Accepted Accept(const PacketHeader& header, const uint8_t* payload, const BlockIndex& blocks,
                  const MessageTimes& times, bool by_answer, uint64_t now_ns, Deliver& deliver) {
    const uint64_t end = header.first_sequence + header.count;
    if (next_ == known_end_ && header.first_sequence <= next_ && hold_ == 0) [[likely]] {
      if (end <= next_) return {};
      const uint32_t skip = static_cast<uint32_t>(next_ - header.first_sequence);
      for (uint32_t i = skip; i < header.count; ++i) {
        deliver(generation_, next_++, std::span(payload + blocks[i].offset, blocks[i].length), times);
      }
      known_end_ = next_;
      return {.fresh = header.count - skip};
    }
    return AcceptWithHoles(header, payload, blocks, times, by_answer, now_ns, deliver);
  }

  // Nothing is missing, held or waited for: what begins at next() can be delivered as it comes.
  bool steady() const { return next_ == known_end_ && hold_ == 0; }
  // The next `count` messages were delivered straight from their packets. Only while steady().
  void Advance(uint64_t count) {
    next_ += count;
    known_end_ = next_;
  }

  // `next_sequence` is the next one that will be sent: what is before it and not here is missing.
  void Announce(uint64_t next_sequence, uint64_t now_ns);

  // Delivers what is held up to the first hole, over what is given up.
  template <class Deliver>
  void Drain(uint64_t now_ns, Deliver& deliver) {
    while (next_ != known_end_ && !awaiting()) {
      if (buffer_.Has(next_)) {
        const ReorderBuffer::Held held = buffer_.Get(next_);
        deliver(generation_, next_, held.message, held.times);
        buffer_.Drop(next_++);
        continue;
      }
      if (holds_) return;  // Tick sees to it
      const uint64_t behind = recovery_.Skip(next_, now_ns);
      if (behind == next_) return;
      next_ = behind;
    }
  }

  // Goes on after a pause.
  void Resume() { hold_ &= static_cast<uint8_t>(~kPaused); }

  // Time passes: gaps are declared, asked for, given up (Drain afterwards). recovery().requests() is what to send.
  void Tick(uint64_t now_ns) {
    recovery_.Tick(window_end(), now_ns);
    if (holds_) TickHolding(now_ns);
  }

  uint32_t generation() const { return generation_; }
  uint64_t next() const { return next_; }
  uint64_t known_end() const { return known_end_; }
  uint64_t window_end() const { return next_ + buffer_.messages_max(); }
  bool whole() const { return next_ == known_end_ && !awaiting(); }
  bool paused() const { return hold_ != 0; }
  GapRecovery& recovery() { return recovery_; }
  const GapRecovery& recovery() const { return recovery_; }
  const ReorderBuffer& buffer() const { return buffer_; }

 private:
  // Why nothing is delivered.
  static constexpr uint8_t kPaused = 1;
  static constexpr uint8_t kAwaiting = 2;

  void TickHolding(uint64_t now_ns);
  // Forgets all below `sequence`.
  void DropBelow(uint64_t sequence, uint64_t now_ns);
  // Awaiting: makes the window reach to `end`, and the recovery have room.
  void MakeRoom(uint64_t end, uint64_t now_ns);
  // Awaiting: stores what did not fit at first, dropping the oldest. False: it does not fit at all.
  bool StoreByForce(uint64_t sequence, std::span<const uint8_t> message, const MessageTimes& times, uint64_t now_ns);
  // What of a packet can be taken, before anything is changed.
  uint64_t TakeableEnd(uint64_t begin, uint64_t first, uint64_t end) const;
  // [first, end) came and cannot be kept: it is known now, and missing.
  void LetGo(uint64_t first, uint64_t end, bool by_answer, uint64_t now_ns);
  // Takes [begin, end), of which nothing beyond known_end is here yet, off the missing; returns how many were new.
  uint32_t TakeOff(uint64_t begin, uint64_t end, bool by_answer, uint64_t now_ns);

  template <class Deliver>
  Accepted AcceptWithHoles(const PacketHeader& header, const uint8_t* payload, const BlockIndex& blocks,
                           const MessageTimes& times, bool by_answer, uint64_t now_ns, Deliver& deliver) {
    const uint64_t first = header.first_sequence;
    const uint64_t end = first + header.count;
    if (awaiting()) [[unlikely]]
      MakeRoom(end, now_ns);
    uint64_t begin = std::max(first, next_);
    if (end <= begin) return {};
    const bool head = begin == next_ && hold_ == 0;
    uint64_t taken = head ? end : TakeableEnd(begin, first, end);
    if (!head) {
      for (uint64_t sequence = begin; sequence < taken; ++sequence) {
        const BlockRef block = blocks[sequence - first];
        const std::span message(payload + block.offset, block.length);
        if (buffer_.Store(sequence, message, times) == ReorderBuffer::Stored::kFull &&
            !(awaiting() && StoreByForce(sequence, message, times, now_ns))) {
          taken = sequence;
        }
      }
      begin = std::max(begin, next_);  // the floor may have risen
    }
    Accepted accepted;
    accepted.fresh = TakeOff(begin, taken, by_answer, now_ns);
    accepted.let_go = static_cast<uint32_t>(end - taken);
    if (taken < end) LetGo(taken, end, by_answer, now_ns);
    if (head) {
      while (next_ < end) {
        if (buffer_.Has(next_)) {
          const ReorderBuffer::Held held = buffer_.Get(next_);
          deliver(generation_, next_, held.message, held.times);
          buffer_.Drop(next_++);
        } else {
          const BlockRef block = blocks[next_ - first];
          deliver(generation_, next_++, std::span(payload + block.offset, block.length), times);
        }
      }
      Drain(now_ns, deliver);
    }
    return accepted;
  }

  ReorderBuffer buffer_;
  GapRecovery recovery_;
  uint32_t generation_ = 0;
  uint64_t next_ = 1;
  uint64_t known_end_ = 1;
  uint8_t hold_ = 0;  // kPaused, kAwaiting; 0 = delivering
  bool snapshots_ = false;
  bool holds_ = false;  // snapshots_, until GiveUpAll
  uint64_t rerequest_messages_max_ = 0;
  uint64_t awaited_from_ = 0;
  uint64_t awaited_since_ns_ = 0;
};

}  // namespace feedfarm
