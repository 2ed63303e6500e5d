#include "pipeline/feed/sequenced_stream.h"

namespace feedfarm {

void SequencedStream::Begin(uint32_t generation, uint64_t next, bool paused) {
  buffer_.Clear();
  recovery_.Reset(generation);
  generation_ = generation;
  next_ = known_end_ = next;
  paused_ = paused;
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
