#include "tools/feedfarm/units_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace feedfarm {
namespace {

std::string ThreeDigits(double value, const char* unit) {
  const int decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
  return absl::StrFormat("%.*f%s", decimals, value, unit);
}

}  // namespace

std::string DurationText(uint64_t ns) {
  const double value = static_cast<double>(ns);
  if (ns < 1'000) return absl::StrCat(ns, "ns");
  if (ns < 1'000'000) return ThreeDigits(value / 1e3, "us");
  if (ns < 1'000'000'000) return ThreeDigits(value / 1e6, "ms");
  return ThreeDigits(value / 1e9, "s");
}

std::string TimeText(uint64_t unix_ns) {
  if (unix_ns == 0) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%SZ", absl::FromUnixNanos(static_cast<int64_t>(unix_ns)), absl::UTCTimeZone());
}

std::string CountText(uint64_t count) {
  std::string digits = absl::StrCat(count);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string BytesText(uint64_t bytes) {
  if (bytes < (1u << 30)) return ThreeDigits(static_cast<double>(bytes) / (1 << 20), " MiB");
  return ThreeDigits(static_cast<double>(bytes) / (1u << 30), " GiB");
}

}  // namespace feedfarm
