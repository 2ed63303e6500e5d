#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/stats/histogram.h"

namespace feedfarm {

// One line of a `.hlog`: the histogram of one tag ("decode.software") over one interval.
struct HlogInterval {
  std::string tag;  // empty = none; no commas, blanks or line ends
  uint64_t start_unix_ns = 0;
  uint64_t end_unix_ns = 0;
  Histogram histogram;
};

// Writes HdrHistogram's interval log, format version 1.3, into a string. Times are absolute seconds with three
// decimals, so intervals are placed to the millisecond; Interval_Max is in milliseconds. One thread owns a writer.
class HlogWriter {
 public:
  // comment: one line about where the log comes from, may be empty.
  HlogWriter(uint64_t start_unix_ns, std::string_view comment);

  // `histogram` in nanoseconds. CHECKs that the tag can stand in a line.
  void Append(std::string_view tag, uint64_t start_unix_ns, uint64_t end_unix_ns, const Histogram& histogram);

  // Everything so far: a whole log at any time.
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// Reads a whole log, from our writer or another one whose histograms hdr_codec.h can hold. INVALID_ARGUMENT, or the
// codec's code, with the number of the line that is at fault.
absl::StatusOr<std::vector<HlogInterval>> ReadHlog(std::string_view text);

}  // namespace feedfarm
