#include "pipeline/stats/hlog.h"

#include <glog/logging.h>

#include <cmath>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/stats/hdr_codec.h"

namespace feedfarm {
namespace {

constexpr double kNsPerMillisecond = 1e6;
constexpr uint64_t kNsPerMillisecondWhole = 1'000'000;
constexpr char kLegend[] =
    "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";
// Timestamps more than a year before the start time are relative to it (the format's own rule).
constexpr double kRelativeBeforeSeconds = 365.0 * 24 * 3600;
// Base, timestamp and length together stay within 64 bits of nanoseconds.
constexpr double kSecondsMax = 6e9;

// Seconds with three decimals, without a detour over floating point.
std::string Seconds(uint64_t ns) {
  const uint64_t ms = (ns + kNsPerMillisecondWhole / 2) / kNsPerMillisecondWhole;
  return absl::StrFormat("%d.%03d", ms / 1000, ms % 1000);
}

// Reads one log line by line.
class Reader {
 public:
  absl::Status ReadLine(absl::string_view line) {
    if (line.empty()) return absl::OkStatus();
    if (absl::ConsumePrefix(&line, "#[StartTime: ")) return ReadTime(line, start_seconds_);
    if (absl::ConsumePrefix(&line, "#[BaseTime: ")) return ReadTime(line, base_seconds_);
    if (line[0] == '#' || line[0] == '"') return absl::OkStatus();
    return ReadInterval(line);
  }

  std::vector<HlogInterval> Take() { return std::move(intervals_); }

 private:
  static absl::Status ReadTime(absl::string_view text, std::optional<double>& seconds) {
    FEEDFARM_ASSIGN_OR_RETURN(seconds, ReadSeconds(text.substr(0, text.find_first_of(" ]"))));
    return absl::OkStatus();
  }

  static absl::StatusOr<double> ReadSeconds(absl::string_view text) {
    double seconds = 0;
    if (!absl::SimpleAtod(text, &seconds) || !(seconds >= 0 && seconds < kSecondsMax)) {
      return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no time in seconds"));
    }
    return seconds;
  }

  absl::Status ReadInterval(absl::string_view line) {
    HlogInterval interval;
    std::vector<absl::string_view> fields = absl::StrSplit(line, ',');
    if (absl::ConsumePrefix(&fields[0], "Tag=")) {
      interval.tag = std::string(fields[0]);
      fields.erase(fields.begin());
    }
    if (fields.size() != 4) {
      return absl::InvalidArgumentError(absl::StrCat(fields.size(), " fields behind the tag, an interval has 4"));
    }
    FEEDFARM_ASSIGN_OR_RETURN(double start, ReadSeconds(fields[0]));
    FEEDFARM_ASSIGN_OR_RETURN(const double length, ReadSeconds(fields[1]));
    double max = 0;
    if (!absl::SimpleAtod(fields[2], &max)) {
      return absl::InvalidArgumentError(absl::StrCat("'", fields[2], "' is no number"));
    }
    start += Base(start);
    interval.start_unix_ns = ToNs(start);
    interval.end_unix_ns = ToNs(start + length);
    FEEDFARM_ASSIGN_OR_RETURN(interval.histogram, DecodeHdrV2Base64({fields[3].data(), fields[3].size()}));
    intervals_.push_back(std::move(interval));
    return absl::OkStatus();
  }

  // What to add to the timestamps of this log; decided by the first one where the log does not say.
  double Base(double first_timestamp) {
    if (!base_seconds_) {
      const double start = start_seconds_.value_or(0);
      base_seconds_ = first_timestamp < start - kRelativeBeforeSeconds ? start : 0;
    }
    return *base_seconds_;
  }

  // To the millisecond: a double of seconds since the epoch holds no more than a quarter of a microsecond.
  static uint64_t ToNs(double seconds) {
    return static_cast<uint64_t>(std::llround(seconds * 1000)) * kNsPerMillisecondWhole;
  }

  std::optional<double> start_seconds_;
  std::optional<double> base_seconds_;
  std::vector<HlogInterval> intervals_;
};

}  // namespace

HlogWriter::HlogWriter(uint64_t start_unix_ns, std::string_view comment) {
  if (!comment.empty()) {
    absl::StrAppend(&text_, "#",
                    absl::StrReplaceAll(absl::string_view(comment.data(), comment.size()), {{"\n", " "}, {"\r", " "}}),
                    "\n");
  }
  const std::string date = absl::FormatTime(
      "%Y-%m-%dT%H:%M:%SZ", absl::FromUnixNanos(static_cast<int64_t>(start_unix_ns)), absl::UTCTimeZone());
  absl::StrAppend(&text_, "#[Histogram log format version 1.3]\n#[StartTime: ", Seconds(start_unix_ns),
                  " (seconds since epoch), ", date, "]\n", kLegend);
}

void HlogWriter::Append(std::string_view tag, uint64_t start_unix_ns, uint64_t end_unix_ns,
                        const Histogram& histogram) {
  CHECK_EQ(tag.find_first_of(", \t\r\n"), std::string_view::npos) << "tag '" << tag << "'";
  CHECK_LE(start_unix_ns, end_unix_ns);
  if (!tag.empty()) text_.append("Tag=").append(tag).append(",");
  absl::StrAppend(&text_, Seconds(start_unix_ns), ",", Seconds(end_unix_ns - start_unix_ns), ",",
                  absl::StrFormat("%.3f", static_cast<double>(histogram.Max()) / kNsPerMillisecond), ",",
                  EncodeHdrV2Base64(histogram), "\n");
}

absl::StatusOr<std::vector<HlogInterval>> ReadHlog(std::string_view text) {
  Reader reader;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    ++number;
    if (absl::Status status = reader.ReadLine(absl::StripSuffix(line, "\r")); !status.ok()) {
      return absl::Status(status.code(), absl::StrCat("line ", number, ": ", status.message()));
    }
  }
  return reader.Take();
}

}  // namespace feedfarm
