#include "pipeline/journal/numbered_name.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/str_format.h"

namespace feedfarm {
namespace {

constexpr size_t kDigits = 20;

}  // namespace

std::string NumberedName::Of(uint64_t number) const {
  return absl::StrFormat("%s%020d%s", std::string(prefix), number, std::string(suffix));
}

std::optional<uint64_t> NumberedName::Number(std::string_view name) const {
  if (name.size() != prefix.size() + kDigits + suffix.size() || !name.starts_with(prefix) || !name.ends_with(suffix)) {
    return std::nullopt;
  }
  const std::string_view digits = name.substr(prefix.size(), kDigits);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + kDigits, number);
  if (error != std::errc() || end != digits.data() + kDigits) return std::nullopt;
  return number;
}

}  // namespace feedfarm
