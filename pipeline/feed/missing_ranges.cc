#include "pipeline/feed/missing_ranges.h"

#include <algorithm>

#include "glog/logging.h"

namespace feedfarm {

size_t MissingRanges::FindFrom(uint64_t sequence) const {
  const auto at = std::upper_bound(ranges_.begin(), ranges_.end(), sequence,
                                   [](uint64_t value, const MissingRange& range) { return value < range.end; });
  return static_cast<size_t>(at - ranges_.begin());
}

uint64_t MissingRanges::FirstMissing(uint64_t sequence) const {
  const size_t i = FindFrom(sequence);
  return i == size() ? UINT64_MAX : std::max(sequence, ranges_[i].first);
}

uint64_t MissingRanges::MissingEnd(uint64_t first, uint64_t end) const {
  if (end <= first || empty()) return first;
  // The last range that begins before `end`.
  size_t i = FindFrom(end - 1);
  if (i == size() || ranges_[i].first >= end) {
    if (i == 0) return first;
    --i;
  }
  return std::max(first, std::min(end, ranges_[i].end));
}

void MissingRanges::Append(const MissingRange& range) {
  CHECK_LT(ranges_.size(), ranges_max_);
  CHECK_LT(range.first, range.end);
  CHECK(empty() || ranges_.back().end <= range.first);
  ranges_.push_back(range);
}

void MissingRanges::Split(size_t i, uint64_t sequence) {
  CHECK_LT(ranges_.size(), ranges_max_);
  CHECK(ranges_[i].first < sequence && sequence < ranges_[i].end);
  MissingRange second = ranges_[i];
  second.first = sequence;
  ranges_[i].end = sequence;
  ranges_.insert(ranges_.begin() + static_cast<ptrdiff_t>(i) + 1, second);
}

void MissingRanges::Erase(size_t i) { ranges_.erase(ranges_.begin() + static_cast<ptrdiff_t>(i)); }

}  // namespace feedfarm
