#pragma once

#include <sys/resource.h>

#include <cstdint>

namespace feedfarm {

// Page faults of the whole process (getrusage RUSAGE_SELF, all threads) from a moment on. One thread.
class PageFaults {
 public:
  struct Counts {
    uint64_t minor = 0;
    uint64_t major = 0;
  };

  static Counts Total() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return {static_cast<uint64_t>(usage.ru_minflt), static_cast<uint64_t>(usage.ru_majflt)};
  }

  // Steady state begins: the first call counts, later ones do nothing.
  void BeginSteady() {
    if (begun_) return;
    begun_ = true;
    at_begin_ = Total();
  }

  // Since BeginSteady; 0 before it.
  Counts Steady() const {
    if (!begun_) return {};
    const Counts now = Total();
    return {now.minor - at_begin_.minor, now.major - at_begin_.major};
  }

 private:
  bool begun_ = false;
  Counts at_begin_;
};

}  // namespace feedfarm
