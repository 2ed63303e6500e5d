#pragma once

#include <cstddef>
#include <string>

namespace feedfarm {

// The last whole lines of a text file, at most `bytes_max`, on one line: "a | b". Bytes that are no printable ASCII
// become
// '?'. Empty where the file cannot be read.
std::string FileTail(const std::string& path, size_t bytes_max);

}  // namespace feedfarm
