#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace feedfarm {

// How far the recovery of a range is.
enum class RangeState : uint8_t {
  kNoticed,   // missing for less than dwell: the other line may still bring it
  kDeclared,  // a gap: it is asked for
  kGivenUp,   // nobody has it: skipped as soon as its turn comes
};

// Sequences [first, end) that have not come.
struct MissingRange {
  uint64_t first = 0;
  uint64_t end = 0;
  uint64_t noticed_ns = 0;
  uint32_t gap = 0;  // of GapRecovery's table; meaningless while kNoticed
  RangeState state = RangeState::kNoticed;
  bool let_go = false;  // came and could not be kept, because something before it is missing

  uint64_t messages() const { return end - first; }
};

// The sorted set of what is missing, coalesced into ranges. Bounded; allocates in the constructor only. Lookups cost a
// binary search, changes one move of the ranges behind. Ranges are noticed in the order of their sequences, so those
// that are kNoticed are the last ones.
class MissingRanges {
 public:
  explicit MissingRanges(size_t ranges_max) : ranges_max_(ranges_max) { ranges_.reserve(ranges_max); }

  bool empty() const { return ranges_.empty(); }
  size_t size() const { return ranges_.size(); }
  size_t room() const { return ranges_max_ - ranges_.size(); }
  MissingRange& operator[](size_t i) { return ranges_[i]; }
  const MissingRange& operator[](size_t i) const { return ranges_[i]; }
  MissingRange& back() { return ranges_.back(); }

  // First range that ends behind `sequence`; size() where there is none.
  size_t FindFrom(uint64_t sequence) const;

  // The first missing sequence at or behind `sequence`; UINT64_MAX where there is none.
  uint64_t FirstMissing(uint64_t sequence) const;
  // The end of the last missing sequence before `end` and at or behind `first`; `first` where there is none.
  uint64_t MissingEnd(uint64_t first, uint64_t end) const;

  // Appends behind all others; needs room.
  void Append(const MissingRange& range);

  // Cuts ranges[i] in two at `sequence`, strictly inside it; needs room. The second half is ranges[i + 1].
  void Split(size_t i, uint64_t sequence);

  void Erase(size_t i);
  void Clear() { ranges_.clear(); }

 private:
  size_t ranges_max_;
  std::vector<MissingRange> ranges_;
};

}  // namespace feedfarm
