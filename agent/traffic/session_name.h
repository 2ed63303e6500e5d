#pragma once

#include <xxhash.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace feedfarm {

// The MoldUDP64 session of one run's synthetic feed, 10 of 0-9A-Z: two farms on one wire, or a source that was
// overtaken, must not pass for each other, however equal their scenarios and seeds. `salt` is random a process.
inline std::string SessionName(uint64_t salt, const std::string& run_id, uint64_t epoch) {
  constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  constexpr size_t kLength = 10;
  const std::string run = absl::StrCat(run_id, "/", epoch);
  uint64_t rest = XXH64(run.data(), run.size(), salt);
  std::string name;
  for (size_t i = 0; i < kLength; ++i, rest /= kDigits.size()) name += kDigits[rest % kDigits.size()];
  return name;
}

}  // namespace feedfarm
