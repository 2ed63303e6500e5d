#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace feedfarm {

// Counts of values (nanoseconds) with three significant digits from 1 ns to 17.18 s: the bucket layout of HdrHistogram,
// so that its tools read what hdr_codec.h and hlog.h write. Values below 2,048 have a counter each; every doubling
// above has 1,024.
//
// Larger values than kHighest count in the last counter and in saturated(). Everything else that is asked of a
// histogram comes from the counters alone, so a histogram that was encoded, sent and merged answers exactly as the one
// it was made from: Min, Max and quantiles are exact to the counter's width (at most 0.1 % of the value).
//
// Memory (200 kB) is allocated and touched by the constructor; Record, Merge and Reset allocate nothing. One thread
// owns a histogram. A moved-from histogram may only be destroyed or assigned to.
class Histogram {
 public:
  static constexpr int kSignificantDigits = 3;
  static constexpr uint64_t kLowest = 1;
  static constexpr uint64_t kHighest = (uint64_t{1} << 34) - 1;
  static constexpr size_t kCounters = 25'600;

  Histogram();
  Histogram(const Histogram& other);
  Histogram& operator=(const Histogram& other);
  Histogram(Histogram&&) noexcept = default;
  Histogram& operator=(Histogram&&) noexcept = default;
  ~Histogram() = default;

  // Counts `value`. Cost: about 1 ns while the counters are in cache.
  void Record(uint64_t value) {
    if (value > kHighest) [[unlikely]] {
      ++saturated_;
      value = kHighest;
    }
    const size_t index = IndexOf(value);
    if (++low_[index] & kCarry) [[unlikely]]
      Carry(index);
  }

  // Counts `count` values of the counter `index`, which is IndexOf(value) of values that are at most kHighest.
  // count < 2^31.
  void RecordAt(size_t index, uint32_t count) {
    if ((low_[index] += count) & kCarry) [[unlikely]]
      Carry(index);
  }

  // Counts `value` `count` times. A counter that would pass 2^63 - 1, the largest that the encoding holds, stays there.
  void RecordCount(uint64_t value, uint64_t count);

  // Adds the other's counts: the only way to join histograms (quantiles are never averaged). Merging with itself
  // doubles.
  void Merge(const Histogram& other);

  // Everything back to zero.
  void Reset();

  // Sum of all counters, stopping at 2^64 - 1. Cost: one pass over the counters, like all the following.
  uint64_t Count() const;
  bool empty() const { return Count() == 0; }
  // Values that were above kHighest. Not kept by the encoding: a decoded histogram says 0.
  uint64_t saturated() const { return saturated_; }

  // Smallest value of the lowest counter in use, largest of the highest one; 0 where nothing was recorded.
  uint64_t Min() const;
  uint64_t Max() const;
  // Over the middles of the counters; 0 where nothing was recorded. StdDev divides by the count, as HdrHistogram does.
  double Mean() const;
  double StdDev() const;

  // The largest value of the counter that holds the sample of rank ceil(quantile * Count()), at least 1: p99 is 0.99.
  // The quantile is clamped to [0, 1], NaN counts as 0; 0 where nothing was recorded.
  uint64_t ValueAtQuantile(double quantile) const;

  // Index of the counter that holds the sample of `rank` (1 = smallest); kCounters where there are fewer samples.
  size_t IndexAtRank(uint64_t rank) const;

  // One counter, index < kCounters.
  uint64_t CountAt(size_t index) const { return low_[index] + (static_cast<uint64_t>(high_[index]) << kCarryBit); }

  // Calls fn(index, count) for each counter in use, in rising order of values.
  template <class Fn>
  void ForEach(Fn&& fn) const {
    for (size_t index = 0; index < kCounters; ++index) {
      if (const uint64_t count = CountAt(index); count != 0) fn(index, count);
    }
  }

  // The counter of `value`, which is at most kHighest.
  static constexpr size_t IndexOf(uint64_t value) {
    const int bucket = std::bit_width(value | (kSubBuckets - 1)) - kSubBucketBits;
    return (static_cast<size_t>(bucket) << (kSubBucketBits - 1)) + static_cast<size_t>(value >> bucket);
  }
  // Smallest, largest and middle value that share a counter.
  static constexpr uint64_t LowestAt(size_t index) {
    if (index < kSubBuckets) return index;
    const size_t bucket = (index >> (kSubBucketBits - 1)) - 1;
    return (index - (bucket << (kSubBucketBits - 1))) << bucket;
  }
  static constexpr uint64_t HighestAt(size_t index) { return LowestAt(index) + WidthAt(index) - 1; }
  static constexpr uint64_t MiddleAt(size_t index) { return LowestAt(index) + WidthAt(index) / 2; }

  // Equal counters. saturated() is left out, as it is not kept by the encoding.
  friend bool operator==(const Histogram& a, const Histogram& b);

 private:
  // 2,048 sub-buckets: the first power of two that keeps three digits (2 * 10^3) apart.
  static constexpr int kSubBucketBits = 11;
  static constexpr size_t kSubBuckets = size_t{1} << kSubBucketBits;
  // A counter is low + high * 2^31 and low < 2^31: half the memory to walk in a merge, whose sums cannot wrap.
  static constexpr int kCarryBit = 31;
  static constexpr uint32_t kCarry = uint32_t{1} << kCarryBit;
  static constexpr uint64_t kCountMax = (uint64_t{1} << 63) - 1;

  static constexpr uint64_t WidthAt(size_t index) {
    return index < kSubBuckets ? 1 : uint64_t{1} << ((index >> (kSubBucketBits - 1)) - 1);
  }

  void Carry(size_t index);
  void CarryAll();
  void SetCount(size_t index, uint64_t count);

  struct FreeAligned {
    void operator()(uint32_t* memory) const;
  };
  using Counters = std::unique_ptr<uint32_t[], FreeAligned>;
  static Counters MakeCounters();

  Counters low_;
  Counters high_;
  bool high_used_ = false;  // false = high_ is all zero
  uint64_t saturated_ = 0;
};

}  // namespace feedfarm
