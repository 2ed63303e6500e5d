#include "pipeline/control/histogram_record.h"

#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

constexpr LatencyMetric kMetrics[] = {LatencyMetric::kDecode, LatencyMetric::kDeliver, LatencyMetric::kEndToEnd};
constexpr TimestampClass kClasses[] = {TimestampClass::kNone, TimestampClass::kSoftware, TimestampClass::kHardware};

std::string Suffix(const HistogramRecord& histogram) {
  return absl::StrCat(Name(histogram.metric), ".", Name(histogram.timestamp_class));
}

// "decode.software" into its two parts.
std::optional<HistogramRecord> ParseSuffix(std::string_view suffix) {
  for (LatencyMetric metric : kMetrics) {
    for (TimestampClass timestamp_class : kClasses) {
      HistogramRecord histogram{.metric = metric, .timestamp_class = timestamp_class, .hdr_v2_compressed = {}};
      if (suffix == Suffix(histogram)) return histogram;
    }
  }
  return std::nullopt;
}

}  // namespace

const char* Name(LatencyMetric metric) {
  switch (metric) {
    case LatencyMetric::kDecode:
      return "decode";
    case LatencyMetric::kDeliver:
      return "deliver";
    case LatencyMetric::kEndToEnd:
      return "end_to_end";
  }
  return "";
}

const char* Name(TimestampClass timestamp_class) {
  switch (timestamp_class) {
    case TimestampClass::kNone:
      return "none";
    case TimestampClass::kSoftware:
      return "software";
    case TimestampClass::kHardware:
      return "hardware";
  }
  return "";
}

absl::StatusOr<TimestampClass> ParseTimestampClass(std::string_view name) {
  for (TimestampClass timestamp_class : kClasses) {
    if (name == Name(timestamp_class)) return timestamp_class;
  }
  return absl::InvalidArgumentError(absl::StrCat("no timestamp class ", std::string(name)));
}

void AddHistograms(const std::vector<HistogramRecord>& histograms, RecordLine& line) {
  for (const HistogramRecord& histogram : histograms) {
    line.AddUint(absl::StrCat("count.", Suffix(histogram)), histogram.count);
    line.Add(absl::StrCat("hist.", Suffix(histogram)), absl::Base64Escape(histogram.hdr_v2_compressed));
  }
}

absl::StatusOr<std::vector<HistogramRecord>> TakeHistograms(const RecordLine& line) {
  std::vector<HistogramRecord> histograms;
  for (const auto& [key, value] : line.fields()) {
    if (!key.starts_with("hist.")) continue;
    const std::string suffix = key.substr(5);
    std::optional<HistogramRecord> histogram = ParseSuffix(suffix);
    if (!histogram) return absl::InvalidArgumentError(absl::StrCat("no such histogram: ", key));
    if (!absl::Base64Unescape(value, &histogram->hdr_v2_compressed)) {
      return absl::InvalidArgumentError(absl::StrCat(key, " is not base64"));
    }
    FEEDFARM_ASSIGN_OR_RETURN(histogram->count, line.Uint(absl::StrCat("count.", suffix)));
    histograms.push_back(*std::move(histogram));
  }
  return histograms;
}

}  // namespace feedfarm
