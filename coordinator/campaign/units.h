#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// Values as people write them. Each returns INVALID_ARGUMENT with a sentence that names what was expected and shows an
// example. Any bytes in; text longer than 64 bytes is refused.

// A number and its unit: ns, us, ms, s, m, h ("200ms", "1.5s", "-50us"). Exact to the nanosecond; at most 10,000 hours.
absl::StatusOr<int64_t> ParseDurationNs(absl::string_view text);
// "20000pps", "20kpps", "1.5Mpps".
absl::StatusOr<double> ParseRatePps(absl::string_view text);
// "10x", "0.5x".
absl::StatusOr<double> ParseSpeed(absl::string_view text);
// "5%", "0.1%": 0.05, 0.001.
absl::StatusOr<double> ParsePercent(absl::string_view text);
// Digits only; no sign, no exponent.
absl::StatusOr<uint64_t> ParseCount(absl::string_view text);
// "239.10.0.1:26400".
absl::StatusOr<v1::Endpoint> ParseEndpoint(absl::string_view text);

// Three significant digits and the unit that fits: "7.42us", "200ms", "2.5s", "0ns".
std::string FormatDurationNs(double ns);

// `text` in quotes for a message: control bytes escaped, cut after 40 bytes.
std::string Quoted(absl::string_view text);

}  // namespace feedfarm
