#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/feed/feed_event_queue.h"
#include "pipeline/feed/missing_ranges.h"

namespace feedfarm {

// Totals of all gaps, of all generations. gap_messages = recovered + unrecovered + snapshot when no gap is open.
struct RecoveryCounters {
  uint64_t gaps = 0;
  uint64_t gap_messages = 0;
  uint64_t recovered_messages = 0;    // came after they were declared, by answer or by line
  uint64_t unrecovered_messages = 0;  // skipped
  uint64_t snapshot_messages = 0;     // were missing, and a snapshot stands for them
  uint64_t rerequests = 0;
  uint64_t rerequest_timeouts = 0;
  uint64_t recovery_max_ns = 0;  // longest, from notice to the last message; recovered gaps only
};

struct RecoveryOptions {
  // A range is a gap when it is missing for this long.
  uint64_t dwell_ns = 1'000'000;
  // Wait for the first answer; doubles with each try, up to kTimeoutMaxNs.
  uint64_t timeout_ns = 5'000'000;
  // Requests for one range before it is given up; 0 = there is no server.
  uint32_t tries = 5;
  // Ranges that can be missing at one time; at least 8.
  size_t ranges_max = 1024;
  // Requests under way at one time.
  size_t outstanding_max = 32;
  // Messages a request: what an answer of one datagram nearly always brings whole (ITCH's messages have 33 bytes on
  // average, framing included), so that the requests of a long gap run side by side and no second round is needed.
  uint64_t request_messages = 32;
};

// What the caller is to send.
struct RerequestRange {
  uint64_t first = 0;
  uint64_t count = 0;
  friend bool operator==(const RerequestRange&, const RerequestRange&) = default;
};

// Which sequences of one generation are missing and what is done about it. A pure state machine: time comes in with
// each call, requests and events come out; sockets and buffers are elsewhere.
//
//   Notice -> (dwell) -> declared: one `gap` event, asked in pieces of request_messages, outstanding_max at a time
//     Fill by a line or an answer -> shrinks; the last message closes the gap: one `recovered` event
//     an answer that brings only the first part of what was asked -> the rest is asked at once
//     no answer: timeout, doubled each time; after `tries` requests that piece is given up. Where no answer came at
//     all since it was first asked, the server is taken for dead and the whole gap is given up.
//   given up -> Skip when its turn comes; the last message closes the gap: one `unrecoverable` event
//            or Cover, where a snapshot is to stand for it: then CommitCovered when it has come, or Abandon
//
// A gap is a maximal range as it stands when it is declared; a range that touches an open gap's end belongs to it, and
// so does what had to be let go because of it.
// One thread owns it; nothing is allocated after the constructor.
class GapRecovery {
 public:
  static constexpr uint64_t kTimeoutMaxNs = 1'000'000'000;

  // counters and events are borrowed.
  GapRecovery(const RecoveryOptions& options, RecoveryCounters* counters, FeedEventQueue* events);

  bool idle() const { return ranges_.empty(); }

  // Something new can be noticed, or a fill may split a range. When false, the caller lets packets go (NoticeDropped).
  bool HasRoom() const { return ranges_.room() > kReserve; }
  // Fill(first, end) needs no room that is not there. Always true for what begins at or before the first range.
  bool CanFill(uint64_t first, uint64_t end) const;

  // [first, end) is missing: all behind what was noticed before. Needs HasRoom().
  void Notice(uint64_t first, uint64_t end, uint64_t now_ns);
  // The same for messages that came and could not be kept: they join the range that they touch, without an event.
  void NoticeDropped(uint64_t first, uint64_t end, uint64_t now_ns);

  // [first, end) is there now, CanFill(first, end) was true; returns how many of them were missing.
  uint64_t Fill(uint64_t first, uint64_t end, bool by_answer, uint64_t now_ns);

  // The server has answered, even if with nothing new.
  void NoteAnswer(uint64_t now_ns) { last_answer_ns_ = now_ns; }

  // An answer brought [first, end) and it could not be kept: that is no failure of the server, its tries begin anew.
  void NoteRefused(uint64_t first, uint64_t end, uint64_t now_ns);

  // Declares, times out, asks: requests() is what to send, until the next call. Only sequences below `window_end` are
  // asked for: others could not be kept.
  void Tick(uint64_t window_end, uint64_t now_ns);
  std::span<const RerequestRange> requests() const { return requests_; }

  // Where `next` begins a range that is given up: forgets it and returns its end; otherwise returns `next`.
  uint64_t Skip(uint64_t next, uint64_t now_ns);

  // The end of the first range where it begins at `next` and is given up, or is a gap of more than `messages_max`;
  // otherwise `next`.
  uint64_t Hopeless(uint64_t next, uint64_t messages_max) const;
  // The end of the last range that is given up; 0 = none is.
  uint64_t LastGivenUpEnd() const;
  // Forgets what is missing below `sequence`, provisionally: a snapshot is to stand for it.
  void Cover(uint64_t sequence, uint64_t now_ns);
  // The snapshot is there.
  void CommitCovered();
  // There will be none: all of [first, end) is lost, what was missing of it and what was let go to wait for a snapshot
  // since `since_ns`.
  void Abandon(uint64_t first, uint64_t end, uint64_t since_ns, uint64_t now_ns);

  // Declares and gives up everything: the generation is over.
  void GiveUpAll(uint64_t now_ns);

  // Forgets everything without an account: a new generation begins.
  void Reset(uint32_t generation);

  const MissingRanges& ranges() const { return ranges_; }
  size_t outstanding() const { return outstanding_.size(); }

 private:
  // Ranges kept free for NoticeDropped (one) and for giving up the middle of a range (two more halves).
  static constexpr size_t kReserve = 3;

  struct Gap {
    uint64_t first = 0;
    uint64_t noticed_ns = 0;
    uint64_t missing = 0;  // 0 = this entry is free
    uint64_t recovered = 0;
    uint64_t unrecovered = 0;
    uint64_t first_unrecovered = 0;
    bool covered = false;  // in part at least
  };
  struct Outstanding {
    uint64_t first = 0;
    uint64_t end = 0;
    uint64_t first_asked_ns = 0;
    uint64_t deadline_ns = 0;
    uint32_t tries = 0;  // requests sent
  };

  void Declare(size_t i, uint64_t now_ns);
  void DeclareDue(uint64_t now_ns, uint64_t dwell_ns);
  uint32_t OpenGap(const MissingRange& range);
  void Account(const MissingRange& range, uint64_t messages, bool recovered, uint64_t first, uint64_t now_ns);
  void Close(Gap& gap, uint64_t now_ns);
  void TrimOutstanding(bool by_answer, uint64_t now_ns);
  void AskAgain(uint64_t now_ns);
  void AskMore(uint64_t window_end, uint64_t now_ns);
  void Send(Outstanding& request, uint64_t now_ns);
  void GiveUp(const Outstanding& request);
  void GiveUpGap(uint32_t gap);

  const RecoveryOptions options_;
  RecoveryCounters* const counters_;
  FeedEventQueue* const events_;
  uint32_t generation_ = 0;
  MissingRanges ranges_;
  size_t declared_ = 0;  // ranges [0, declared_) are not kNoticed
  std::vector<Gap> gaps_;
  std::vector<Outstanding> outstanding_;
  std::vector<RerequestRange> requests_;
  uint64_t covered_ = 0;   // messages covered provisionally, of gaps
  uint64_t asked_to_ = 0;  // everything declared below is asked for, given up or there
  uint64_t last_answer_ns_ = 0;
};

}  // namespace feedfarm
