#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace feedfarm {

// `text` for an XML 1.0 attribute or element: & < > " ' and line ends as references; bytes that XML cannot hold
// (control bytes, U+FFFE, U+FFFF, no UTF-8) as '?'.
std::string XmlEscape(absl::string_view text);

}  // namespace feedfarm
