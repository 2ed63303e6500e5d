#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace feedfarm {

// Bytes from the start that are well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF): all of them for
// valid text. Protobuf strings carry nothing else.
size_t Utf8Prefix(absl::string_view text);

}  // namespace feedfarm
