#include "pipeline/feed/sequenced_stream.h"

namespace feedfarm {

void SequencedStream::Begin(uint32_t generation, uint64_t next, bool paused) {
  buffer_.Clear();
  recovery_.Reset(generation);
  generation_ = generation;
  next_ = known_end_ = next;
  hold_ = paused ? kPaused : 0;
  holds_ = snapshots_;
}

void SequencedStream::HoldForSnapshots(uint64_t rerequest_messages_max) {
  snapshots_ = holds_ = true;
  rerequest_messages_max_ = rerequest_messages_max != 0 ? rerequest_messages_max : buffer_.messages_max();
}

void SequencedStream::Await(uint64_t from, uint64_t floor, uint64_t now_ns) {
  hold_ |= kAwaiting;
  awaited_from_ = from;
  awaited_since_ns_ = now_ns;
  DropBelow(floor, now_ns);
}

uint64_t SequencedStream::SkipTo(uint64_t sequence, uint64_t now_ns) {
  DropBelow(sequence, now_ns);
  recovery_.CommitCovered();
  hold_ &= static_cast<uint8_t>(~kAwaiting);
  return next_ - awaited_from_;
}

void SequencedStream::Abandon(uint64_t now_ns) {
  recovery_.Abandon(awaited_from_, next_, awaited_since_ns_, now_ns);
  hold_ &= static_cast<uint8_t>(~kAwaiting);
}

void SequencedStream::GiveUpAll(uint64_t now_ns) {
  holds_ = false;
  if (awaiting()) Abandon(now_ns);
  recovery_.GiveUpAll(now_ns);
}

void SequencedStream::TickHolding(uint64_t now_ns) {
  if (!awaiting()) {
    if (recovery_.Hopeless(next_, rerequest_messages_max_) == next_) return;
    Await(next_, recovery_.Hopeless(next_, rerequest_messages_max_), now_ns);
  }
  DropBelow(recovery_.LastGivenUpEnd(), now_ns);
}

void SequencedStream::DropBelow(uint64_t sequence, uint64_t now_ns) {
  if (sequence <= next_) return;
  const uint64_t end = std::min(sequence, known_end_);
  for (uint64_t held = next_; held < end && buffer_.messages() != 0; ++held) {
    if (buffer_.Has(held)) buffer_.Drop(held);
  }
  recovery_.Cover(sequence, now_ns);
  next_ = sequence;
  known_end_ = std::max(known_end_, sequence);
}

void SequencedStream::MakeRoom(uint64_t end, uint64_t now_ns) {
  if (end > window_end()) DropBelow(end - buffer_.messages_max(), now_ns);
  while (!recovery_.HasRoom()) DropBelow(recovery_.ranges()[0].end, now_ns);
}

bool SequencedStream::StoreByForce(uint64_t sequence, std::span<const uint8_t> message, const MessageTimes& times,
                                   uint64_t now_ns) {
  constexpr uint64_t kDropMessages = 256;  // a fraction of a segment
  while (next_ < sequence) {
    DropBelow(std::min(sequence, next_ + kDropMessages), now_ns);
    if (buffer_.Store(sequence, message, times) == ReorderBuffer::Stored::kStored) return true;
  }
  return false;
}

void SequencedStream::Announce(uint64_t next_sequence, uint64_t now_ns) {
  if (next_sequence <= known_end_) return;
  if (recovery_.HasRoom()) {
    recovery_.Notice(known_end_, next_sequence, now_ns);
  } else {
    recovery_.NoticeDropped(known_end_, next_sequence, now_ns);
  }
  known_end_ = next_sequence;
}

uint64_t SequencedStream::TakeableEnd(uint64_t begin, uint64_t first, uint64_t end) const {
  if (begin >= window_end()) return begin;
  if (first > known_end_ && !recovery_.HasRoom()) return begin;
  const uint64_t taken = std::min(end, window_end());
  return recovery_.CanFill(begin, taken) ? taken : begin;
}

uint32_t SequencedStream::TakeOff(uint64_t begin, uint64_t end, bool by_answer, uint64_t now_ns) {
  if (end <= begin) return 0;
  if (begin > known_end_) {
    recovery_.Notice(known_end_, begin, now_ns);
    known_end_ = begin;
  }
  uint64_t fresh = 0;
  if (begin < known_end_) fresh = recovery_.Fill(begin, std::min(end, known_end_), by_answer, now_ns);
  if (end > known_end_) {
    fresh += end - known_end_;
    known_end_ = end;
  }
  return static_cast<uint32_t>(fresh);
}

void SequencedStream::LetGo(uint64_t first, uint64_t end, bool by_answer, uint64_t now_ns) {
  if (by_answer) recovery_.NoteRefused(first, end, now_ns);
  if (end <= known_end_) return;
  recovery_.NoticeDropped(known_end_, end, now_ns);
  known_end_ = end;
}

}  // namespace feedfarm
