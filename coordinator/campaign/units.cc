#include "coordinator/campaign/units.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <span>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "coordinator/campaign/suggestion.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

constexpr size_t kTextMax = 64;
constexpr double kDurationNsMax = 10'000.0 * 3600e9;

struct Unit {
  absl::string_view name;
  double factor;
};
constexpr Unit kDurationUnits[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
constexpr Unit kRateUnits[] = {{"pps", 1}, {"kpps", 1e3}, {"Mpps", 1e6}};
constexpr Unit kSpeedUnits[] = {{"x", 1}};
constexpr Unit kPercentUnits[] = {{"%", 1}};

// What a value is, for messages.
struct Form {
  absl::string_view name;
  absl::string_view example;
  std::span<const Unit> units;
};
constexpr Form kDuration = {"a duration", "200ms", kDurationUnits};
constexpr Form kRate = {"a rate", "20000pps", kRateUnits};
constexpr Form kSpeed = {"a speed", "10x", kSpeedUnits};
constexpr Form kPercent = {"a percentage", "5%", kPercentUnits};

absl::Status Expected(const Form& form, absl::string_view text, absl::string_view why) {
  std::string units;
  for (const Unit& unit : form.units) absl::StrAppend(&units, units.empty() ? "" : ", ", unit.name);
  return absl::InvalidArgumentError(absl::StrCat("expected ", form.name, " such as ", form.example, " (", units,
                                                 "), got ", Quoted(text), why.empty() ? "" : ": ", why));
}

// Splits "-1.5ms" into its number and the rest; no digits = no number.
bool SplitNumber(absl::string_view text, double* number, absl::string_view* rest) {
  size_t end = !text.empty() && text[0] == '-' ? 1 : 0;
  size_t digits = 0;
  bool dot = false;
  for (; end < text.size(); ++end) {
    if (absl::ascii_isdigit(text[end])) {
      ++digits;
    } else if (text[end] == '.' && !dot) {
      dot = true;
    } else {
      break;
    }
  }
  *rest = text.substr(end);
  return digits > 0 && absl::SimpleAtod(text.substr(0, end), number);
}

std::string WhyNoUnit(const Form& form, absl::string_view unit) {
  if (unit.empty()) return "the unit is missing";
  absl::string_view names[8];
  size_t count = 0;
  for (const Unit& known : form.units) names[count++] = known.name;
  return absl::StrCat("unknown unit ", Quoted(unit), Suggestion(unit, {names, count}));
}

absl::StatusOr<double> ParseWithUnit(const Form& form, absl::string_view text) {
  double number = 0;
  absl::string_view rest;
  if (text.size() > kTextMax || !SplitNumber(text, &number, &rest)) return Expected(form, text, "");
  const absl::string_view unit = absl::StripAsciiWhitespace(rest);
  for (const Unit& known : form.units) {
    if (unit == known.name) return number * known.factor;
  }
  return Expected(form, text, WhyNoUnit(form, unit));
}

}  // namespace

absl::StatusOr<int64_t> ParseDurationNs(absl::string_view text) {
  FEEDFARM_ASSIGN_OR_RETURN(const double ns, ParseWithUnit(kDuration, text));
  if (std::abs(ns) > kDurationNsMax) return Expected(kDuration, text, "longer than 10000h");
  const double rounded = std::round(ns);
  if (std::abs(ns - rounded) > 1e-6 * std::max(1.0, std::abs(ns)))
    return Expected(kDuration, text, "finer than a nanosecond");
  return static_cast<int64_t>(rounded);
}

absl::StatusOr<double> ParseRatePps(absl::string_view text) { return ParseWithUnit(kRate, text); }

absl::StatusOr<double> ParseSpeed(absl::string_view text) { return ParseWithUnit(kSpeed, text); }

absl::StatusOr<double> ParsePercent(absl::string_view text) {
  FEEDFARM_ASSIGN_OR_RETURN(double ratio, ParseWithUnit(kPercent, text));
  // Read again with its exponent: 99.9% is 0.999 to the last bit, which neither 99.9 / 100 nor 99.9 * 0.01 is.
  if (!absl::SimpleAtod(absl::StrCat(text.substr(0, text.find_first_of(" %")), "e-2"), &ratio))
    return Expected(kPercent, text, "");
  return ratio;
}

absl::StatusOr<uint64_t> ParseCount(absl::string_view text) {
  uint64_t value = 0;
  bool digits = !text.empty() && text.size() <= 20;
  for (const char c : text) digits = digits && absl::ascii_isdigit(c);
  if (!digits || !absl::SimpleAtoi(text, &value))
    return absl::InvalidArgumentError(absl::StrCat("expected a whole number such as 1000, got ", Quoted(text)));
  return value;
}

absl::StatusOr<v1::Endpoint> ParseEndpoint(absl::string_view text) {
  const absl::Status error = absl::InvalidArgumentError(
      absl::StrCat("expected an IPv4 address and a port such as 239.10.0.1:26400, got ", Quoted(text)));
  const size_t colon = text.rfind(':');
  if (text.size() > kTextMax || colon == absl::string_view::npos) return error;
  const std::string address(text.substr(0, colon));
  in_addr parsed;
  if (address.find('\0') != std::string::npos || inet_pton(AF_INET, address.c_str(), &parsed) != 1) return error;
  const absl::StatusOr<uint64_t> port = ParseCount(text.substr(colon + 1));
  if (!port.ok() || *port == 0 || *port > 65535) return error;
  v1::Endpoint endpoint;
  endpoint.set_address(address);
  endpoint.set_port(static_cast<uint32_t>(*port));
  return endpoint;
}

std::string FormatDurationNs(double ns) {
  const double magnitude = std::abs(ns);
  if (magnitude < 1e3) return absl::StrFormat("%.3gns", ns);
  if (magnitude < 999.5e3) return absl::StrFormat("%.3gus", ns / 1e3);
  if (magnitude < 999.5e6) return absl::StrFormat("%.3gms", ns / 1e6);
  return absl::StrFormat("%.4gs", ns / 1e9);
}

std::string Quoted(absl::string_view text) {
  constexpr size_t kShown = 40;
  size_t end = std::min(text.size(), kShown);
  // Never in the middle of a character.
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat("\"", absl::Utf8SafeCEscape(text.substr(0, end)), end < text.size() ? "..." : "", "\"");
}

}  // namespace feedfarm
