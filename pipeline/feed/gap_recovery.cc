#include "pipeline/feed/gap_recovery.h"

#include <algorithm>

#include "glog/logging.h"

namespace feedfarm {
namespace {

constexpr size_t kRangesMin = 8;
constexpr uint32_t kBackoffShiftMax = 20;  // beyond it kTimeoutMaxNs holds anyway

uint64_t Since(uint64_t then_ns, uint64_t now_ns) { return now_ns > then_ns ? now_ns - then_ns : 0; }

}  // namespace

GapRecovery::GapRecovery(const RecoveryOptions& options, RecoveryCounters* counters, FeedEventQueue* events)
    : options_(options), counters_(counters), events_(events), ranges_(options.ranges_max), gaps_(options.ranges_max) {
  CHECK_GE(options.ranges_max, kRangesMin);
  CHECK_GE(options.outstanding_max, 1u);
  CHECK_GE(options.request_messages, 1u);
  outstanding_.reserve(options.outstanding_max);
  requests_.reserve(2 * options.outstanding_max);
}

void GapRecovery::Reset(uint32_t generation) {
  generation_ = generation;
  ranges_.Clear();
  declared_ = 0;
  std::fill(gaps_.begin(), gaps_.end(), Gap());
  outstanding_.clear();
  requests_.clear();
  covered_ = 0;
  asked_to_ = 0;
  last_answer_ns_ = 0;
}

bool GapRecovery::CanFill(uint64_t first, uint64_t end) const {
  if (HasRoom() || ranges_.empty() || first <= ranges_[0].first) return true;
  // Without room only what makes room is taken: whole ranges. The newest one then always ends where the next begins.
  size_t i = ranges_.FindFrom(first);
  if (i == ranges_.size() || first > ranges_[i].first) return false;
  while (i + 1 < ranges_.size() && ranges_[i + 1].first < end) ++i;
  return end >= ranges_[i].end;
}

void GapRecovery::Notice(uint64_t first, uint64_t end, uint64_t now_ns) {
  ranges_.Append({.first = first, .end = end, .noticed_ns = now_ns});
}

void GapRecovery::NoticeDropped(uint64_t first, uint64_t end, uint64_t now_ns) {
  if (ranges_.empty() || ranges_.back().end != first || ranges_.back().state == RangeState::kGivenUp) {
    // A full table always ends with the range that grows (see CanFill).
    if (ranges_.room() > 0) {
      ranges_.Append({.first = first, .end = end, .noticed_ns = now_ns, .let_go = true});
      return;
    }
    CHECK_EQ(ranges_.back().end, first);
  }
  MissingRange& last = ranges_.back();
  last.end = end;
  if (last.state == RangeState::kNoticed) return;
  gaps_[last.gap].missing += end - first;
  counters_->gap_messages += end - first;
}

uint64_t GapRecovery::Fill(uint64_t first, uint64_t end, bool by_answer, uint64_t now_ns) {
  uint64_t filled = 0;
  for (size_t i = ranges_.FindFrom(first); i < ranges_.size() && ranges_[i].first < end;) {
    const uint64_t from = std::max(first, ranges_[i].first);
    const uint64_t to = std::min(end, ranges_[i].end);
    if (from > ranges_[i].first && to < ranges_[i].end) {
      ranges_.Split(i, to);
      if (i < declared_) ++declared_;
    }
    filled += to - from;
    Account(ranges_[i], to - from, /*recovered=*/true, from, now_ns);
    if (from > ranges_[i].first) {
      ranges_[i++].end = from;
    } else if (to < ranges_[i].end) {
      ranges_[i++].first = to;
    } else {
      ranges_.Erase(i);
      if (i < declared_) --declared_;
    }
  }
  if (filled != 0 && !outstanding_.empty()) TrimOutstanding(by_answer, now_ns);
  return filled;
}

void GapRecovery::NoteRefused(uint64_t first, uint64_t end, uint64_t now_ns) {
  for (Outstanding& request : outstanding_) {
    if (request.first >= end || request.end <= first) continue;
    request.tries = 1;
    request.deadline_ns = now_ns + options_.timeout_ns;
  }
}

void GapRecovery::Account(const MissingRange& range, uint64_t messages, bool recovered, uint64_t first,
                          uint64_t now_ns) {
  if (range.state == RangeState::kNoticed) return;
  Gap& gap = gaps_[range.gap];
  if (recovered) {
    gap.recovered += messages;
    counters_->recovered_messages += messages;
  } else {
    if (gap.unrecovered == 0) gap.first_unrecovered = first;
    gap.unrecovered += messages;
    counters_->unrecovered_messages += messages;
  }
  CHECK_GE(gap.missing, messages);
  gap.missing -= messages;
  if (gap.missing == 0) Close(gap, now_ns);
}

void GapRecovery::Close(Gap& gap, uint64_t now_ns) {
  if (gap.covered) {
    // What became of it, the snapshot says.
    gap = Gap();
    return;
  }
  const bool whole = gap.unrecovered == 0;
  const uint64_t duration_ns = Since(gap.noticed_ns, now_ns);
  if (whole) counters_->recovery_max_ns = std::max(counters_->recovery_max_ns, duration_ns);
  events_->Push({.kind = whole ? FeedEventKind::kRecovered : FeedEventKind::kUnrecoverable,
                 .generation = generation_,
                 .time_tai_ns = now_ns,
                 .first_sequence = whole ? gap.first : gap.first_unrecovered,
                 .messages = whole ? gap.recovered : gap.unrecovered,
                 .duration_ns = duration_ns});
  gap = Gap();
}

void GapRecovery::TrimOutstanding(bool by_answer, uint64_t now_ns) {
  for (size_t i = 0; i < outstanding_.size();) {
    Outstanding& request = outstanding_[i];
    const uint64_t first = ranges_.FirstMissing(request.first);
    if (first >= request.end) {
      request = outstanding_.back();
      outstanding_.pop_back();
      continue;
    }
    // The server got as far as `first` and would have sent more if more had fitted: the rest is due now, afresh.
    if (by_answer && first > request.first) request = {first, request.end, now_ns, now_ns, 0};
    request.first = first;
    request.end = ranges_.MissingEnd(first, request.end);
    ++i;
  }
}

uint32_t GapRecovery::OpenGap(const MissingRange& range) {
  const auto free = std::find_if(gaps_.begin(), gaps_.end(), [](const Gap& gap) { return gap.missing == 0; });
  CHECK(free != gaps_.end());  // each open gap has a range, and there are as many entries as ranges
  *free = {.first = range.first, .noticed_ns = range.noticed_ns};
  return static_cast<uint32_t>(free - gaps_.begin());
}

void GapRecovery::Declare(size_t i, uint64_t now_ns) {
  MissingRange& range = ranges_[i];
  const bool touches = i > 0 && ranges_[i - 1].end == range.first;
  // What could not be kept is a consequence of the gap in front, not one of its own.
  const bool joins = touches || (i > 0 && range.let_go);
  range.gap = !joins ? OpenGap(range) : touches ? ranges_[i - 1].gap : ranges_[0].gap;
  range.state = options_.tries == 0 ? RangeState::kGivenUp : RangeState::kDeclared;
  gaps_[range.gap].missing += range.messages();
  counters_->gap_messages += range.messages();
  if (joins) return;
  ++counters_->gaps;
  events_->Push({.kind = FeedEventKind::kGap,
                 .generation = generation_,
                 .time_tai_ns = now_ns,
                 .first_sequence = range.first,
                 .messages = range.messages(),
                 .duration_ns = Since(range.noticed_ns, now_ns)});
}

void GapRecovery::DeclareDue(uint64_t now_ns, uint64_t dwell_ns) {
  for (; declared_ < ranges_.size() && Since(ranges_[declared_].noticed_ns, now_ns) >= dwell_ns; ++declared_) {
    Declare(declared_, now_ns);
  }
}

void GapRecovery::Tick(uint64_t window_end, uint64_t now_ns) {
  requests_.clear();
  if (ranges_.empty()) return;
  DeclareDue(now_ns, options_.dwell_ns);
  if (options_.tries == 0) return;
  AskAgain(now_ns);
  AskMore(window_end, now_ns);
}

void GapRecovery::AskAgain(uint64_t now_ns) {
  for (size_t i = 0; i < outstanding_.size();) {
    Outstanding& request = outstanding_[i];
    if (now_ns < request.deadline_ns) {
      ++i;
      continue;
    }
    if (request.tries != 0) ++counters_->rerequest_timeouts;
    if (request.tries < options_.tries) {
      Send(request, now_ns);
      ++i;
      continue;
    }
    const Outstanding given_up = request;
    request = outstanding_.back();
    outstanding_.pop_back();
    GiveUp(given_up);
    i = 0;  // more of them may have gone
  }
}

void GapRecovery::AskMore(uint64_t window_end, uint64_t now_ns) {
  for (size_t i = ranges_.FindFrom(asked_to_); i < declared_ && outstanding_.size() < options_.outstanding_max;) {
    const MissingRange& range = ranges_[i];
    const uint64_t first = std::max(range.first, asked_to_);
    if (range.state == RangeState::kGivenUp || first >= range.end) {
      ++i;
      continue;
    }
    if (first >= window_end) return;
    const uint64_t end = std::min({range.end, first + options_.request_messages, window_end});
    outstanding_.push_back({.first = first, .end = end, .first_asked_ns = now_ns});
    Send(outstanding_.back(), now_ns);
    asked_to_ = end;
  }
}

void GapRecovery::Send(Outstanding& request, uint64_t now_ns) {
  const uint64_t wait_ns = options_.timeout_ns << std::min(request.tries, kBackoffShiftMax);
  request.deadline_ns = now_ns + std::min(std::max(wait_ns, options_.timeout_ns), kTimeoutMaxNs);
  ++request.tries;
  ++counters_->rerequests;
  requests_.push_back({request.first, request.end - request.first});
}

void GapRecovery::GiveUp(const Outstanding& request) {
  size_t i = ranges_.FindFrom(request.first);
  if (last_answer_ns_ < request.first_asked_ns) return GiveUpGap(ranges_[i].gap);
  for (; i < declared_ && ranges_[i].first < request.end; ++i) {
    // The reserve makes room for both cuts; where it is used up, more than was asked is given up.
    if (ranges_[i].first < request.first && ranges_.room() > 1) {
      ranges_.Split(i++, request.first);
      ++declared_;
    }
    if (ranges_[i].end > request.end && ranges_.room() > 1) {
      ranges_.Split(i, request.end);
      ++declared_;
    }
    ranges_[i].state = RangeState::kGivenUp;
  }
}

void GapRecovery::GiveUpGap(uint32_t gap) {
  for (size_t i = 0; i < declared_; ++i) {
    if (ranges_[i].gap == gap) ranges_[i].state = RangeState::kGivenUp;
  }
  // Whatever is under way for it is not waited for any more.
  for (size_t i = 0; i < outstanding_.size();) {
    const size_t range = ranges_.FindFrom(outstanding_[i].first);
    if (range < declared_ && ranges_[range].state == RangeState::kGivenUp) {
      outstanding_[i] = outstanding_.back();
      outstanding_.pop_back();
    } else {
      ++i;
    }
  }
}

uint64_t GapRecovery::Skip(uint64_t next, uint64_t now_ns) {
  if (ranges_.empty() || ranges_[0].first != next || ranges_[0].state != RangeState::kGivenUp) return next;
  const MissingRange range = ranges_[0];
  ranges_.Erase(0);
  --declared_;
  Account(range, range.messages(), /*recovered=*/false, range.first, now_ns);
  return range.end;
}

uint64_t GapRecovery::Hopeless(uint64_t next, uint64_t messages_max) const {
  if (declared_ == 0 || ranges_[0].first != next) return next;
  const bool hopeless = ranges_[0].state == RangeState::kGivenUp || ranges_[0].messages() > messages_max;
  return hopeless ? ranges_[0].end : next;
}

uint64_t GapRecovery::LastGivenUpEnd() const {
  for (size_t i = declared_; i-- > 0;) {
    if (ranges_[i].state == RangeState::kGivenUp) return ranges_[i].end;
  }
  return 0;
}

void GapRecovery::Cover(uint64_t sequence, uint64_t now_ns) {
  while (!ranges_.empty() && ranges_[0].first < sequence) {
    MissingRange& range = ranges_[0];
    const uint64_t end = std::min(range.end, sequence);
    const uint64_t messages = end - range.first;
    if (range.state != RangeState::kNoticed) {
      Gap& gap = gaps_[range.gap];
      CHECK_GE(gap.missing, messages);
      gap.covered = true;
      gap.missing -= messages;
      covered_ += messages;
      if (gap.missing == 0) Close(gap, now_ns);
    }
    if (end < range.end) {
      range.first = end;
    } else {
      ranges_.Erase(0);
      if (declared_ > 0) --declared_;
    }
  }
  TrimOutstanding(/*by_answer=*/false, now_ns);
}

void GapRecovery::CommitCovered() {
  counters_->snapshot_messages += covered_;
  covered_ = 0;
}

void GapRecovery::Abandon(uint64_t first, uint64_t end, uint64_t since_ns, uint64_t now_ns) {
  const uint64_t messages = end - first;
  CHECK_GE(messages, covered_);
  counters_->gap_messages += messages - covered_;
  counters_->unrecovered_messages += messages;
  covered_ = 0;
  if (messages == 0) return;
  events_->Push({.kind = FeedEventKind::kUnrecoverable,
                 .generation = generation_,
                 .time_tai_ns = now_ns,
                 .first_sequence = first,
                 .messages = messages,
                 .duration_ns = Since(since_ns, now_ns)});
}

void GapRecovery::GiveUpAll(uint64_t now_ns) {
  DeclareDue(now_ns, 0);
  for (size_t i = 0; i < ranges_.size(); ++i) ranges_[i].state = RangeState::kGivenUp;
  outstanding_.clear();
  requests_.clear();
}

}  // namespace feedfarm
