#include "pipeline/stats/histogram.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>

namespace feedfarm {
namespace {

constexpr size_t kBytes = Histogram::kCounters * sizeof(uint32_t);
constexpr std::align_val_t kCacheLine{64};

// A merge is bound by loads and stores: wider ones halve its time. Sanitizers cannot run the resolver that picks the
// clone.
#if defined(__x86_64__) && !defined(FEEDFARM_SANITIZED)
#define FEEDFARM_WIDE_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define FEEDFARM_WIDE_CLONES
#endif

// mine[i] += theirs[i]; returns the union of all sums. Two words below 2^31 never wrap, so the loop needs no compare.
FEEDFARM_WIDE_CLONES uint32_t AddCounters(uint32_t* mine, const uint32_t* theirs) {
  uint32_t seen = 0;
  for (size_t index = 0; index < Histogram::kCounters; ++index) {
    const uint32_t sum = mine[index] + theirs[index];
    mine[index] = sum;
    seen |= sum;
  }
  return seen;
}

uint64_t AddStopping(uint64_t a, uint64_t b, uint64_t highest) { return b > highest - a ? highest : a + b; }

}  // namespace

static_assert(Histogram::IndexOf(Histogram::kHighest) == Histogram::kCounters - 1);
static_assert(Histogram::HighestAt(Histogram::kCounters - 1) == Histogram::kHighest);
static_assert(Histogram::LowestAt(2048) == 2048 && Histogram::HighestAt(2048) == 2049);

void Histogram::FreeAligned::operator()(uint32_t* memory) const { ::operator delete[](memory, kCacheLine); }

Histogram::Counters Histogram::MakeCounters() {
  Counters counters(static_cast<uint32_t*>(::operator new[](kBytes, kCacheLine)));
  std::memset(counters.get(), 0, kBytes);  // writes, and thereby touches, every page
  return counters;
}

Histogram::Histogram() : low_(MakeCounters()), high_(MakeCounters()) {}

Histogram::Histogram(const Histogram& other) : Histogram() { *this = other; }

Histogram& Histogram::operator=(const Histogram& other) {
  if (this == &other) return *this;
  if (!low_) *this = Histogram();
  std::memcpy(low_.get(), other.low_.get(), kBytes);
  std::memcpy(high_.get(), other.high_.get(), kBytes);
  high_used_ = other.high_used_;
  saturated_ = other.saturated_;
  return *this;
}

void Histogram::Carry(size_t index) {
  const uint64_t count = CountAt(index);
  SetCount(index, std::min(count, kCountMax));
}

void Histogram::SetCount(size_t index, uint64_t count) {
  low_[index] = static_cast<uint32_t>(count & (kCarry - 1));
  high_[index] = static_cast<uint32_t>(count >> kCarryBit);
  if (high_[index] != 0) high_used_ = true;
}

void Histogram::CarryAll() {
  for (size_t index = 0; index < kCounters; ++index) {
    if (low_[index] & kCarry) Carry(index);
  }
}

void Histogram::RecordCount(uint64_t value, uint64_t count) {
  if (value > kHighest) {
    saturated_ = AddStopping(saturated_, count, std::numeric_limits<uint64_t>::max());
    value = kHighest;
  }
  const size_t index = IndexOf(value);
  SetCount(index, AddStopping(CountAt(index), count, kCountMax));
}

void Histogram::Merge(const Histogram& other) {
  const uint32_t seen = AddCounters(low_.get(), other.low_.get());
  if (other.high_used_) {
    high_used_ = true;
    for (size_t index = 0; index < kCounters; ++index) {
      const uint64_t sum = static_cast<uint64_t>(high_[index]) + other.high_[index];
      high_[index] = static_cast<uint32_t>(std::min<uint64_t>(sum, std::numeric_limits<uint32_t>::max()));
    }
  }
  if (seen & kCarry) CarryAll();
  saturated_ = AddStopping(saturated_, other.saturated_, std::numeric_limits<uint64_t>::max());
}

void Histogram::Reset() {
  std::memset(low_.get(), 0, kBytes);
  if (high_used_) std::memset(high_.get(), 0, kBytes);
  high_used_ = false;
  saturated_ = 0;
}

uint64_t Histogram::Count() const {
  uint64_t count = 0;
  if (!high_used_) {
    for (size_t index = 0; index < kCounters; ++index) count += low_[index];
    return count;
  }
  for (size_t index = 0; index < kCounters; ++index) {
    count = AddStopping(count, CountAt(index), std::numeric_limits<uint64_t>::max());
  }
  return count;
}

uint64_t Histogram::Min() const {
  for (size_t index = 0; index < kCounters; ++index) {
    if (CountAt(index) != 0) return LowestAt(index);
  }
  return 0;
}

uint64_t Histogram::Max() const {
  for (size_t index = kCounters; index-- > 0;) {
    if (CountAt(index) != 0) return HighestAt(index);
  }
  return 0;
}

double Histogram::Mean() const {
  double sum = 0, count = 0;
  ForEach([&](size_t index, uint64_t n) {
    sum += static_cast<double>(MiddleAt(index)) * static_cast<double>(n);
    count += static_cast<double>(n);
  });
  return count == 0 ? 0 : sum / count;
}

double Histogram::StdDev() const {
  const double mean = Mean();
  double squares = 0, count = 0;
  ForEach([&](size_t index, uint64_t n) {
    const double distance = static_cast<double>(MiddleAt(index)) - mean;
    squares += distance * distance * static_cast<double>(n);
    count += static_cast<double>(n);
  });
  return count == 0 ? 0 : std::sqrt(squares / count);
}

size_t Histogram::IndexAtRank(uint64_t rank) const {
  uint64_t below = 0;
  for (size_t index = 0; index < kCounters; ++index) {
    below = AddStopping(below, CountAt(index), std::numeric_limits<uint64_t>::max());
    if (below >= rank && CountAt(index) != 0) return index;
  }
  return kCounters;
}

uint64_t Histogram::ValueAtQuantile(double quantile) const {
  const uint64_t count = Count();
  if (count == 0) return 0;
  // One step towards zero, so that 0.999 of 1,000 is rank 999 although 0.999 has no exact double.
  const double share = quantile > 0 ? std::nextafter(std::min(quantile, 1.0), 0.0) : 0;  // NaN is 0
  const double rank = std::ceil(share * static_cast<double>(count));
  return HighestAt(IndexAtRank(std::clamp<uint64_t>(static_cast<uint64_t>(rank), 1, count)));
}

bool operator==(const Histogram& a, const Histogram& b) {
  return std::memcmp(a.low_.get(), b.low_.get(), kBytes) == 0 && std::memcmp(a.high_.get(), b.high_.get(), kBytes) == 0;
}

}  // namespace feedfarm
