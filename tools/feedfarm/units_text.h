#pragma once

#include <cstdint>
#include <string>

namespace feedfarm {

// "7.42us", "200ms", "1.50s"; three significant digits.
std::string DurationText(uint64_t ns);
// "2026-11-21 00:58:07Z"; "-" for 0.
std::string TimeText(uint64_t unix_ns);
// "1,234,567".
std::string CountText(uint64_t count);
// "16.0 GiB".
std::string BytesText(uint64_t bytes);

}  // namespace feedfarm
